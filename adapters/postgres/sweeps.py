"""Sweeps and how far they are, in Postgres: one row to each, leased by the worker that is at it."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.inbox import Customer
from application.ports.sweeps import Sweep, SweepKind, SweepStatus, SweepTotals

NEWEST = 2**63 - 1
ERROR_CHARACTERS_MAX = 2_000

REQUEST = """
    INSERT INTO ops.sweeps (kind, cause) SELECT %(kind)s, %(cause)s
    WHERE NOT (%(once)s AND EXISTS (SELECT FROM ops.sweeps WHERE kind = %(kind)s AND cause = %(cause)s))
    ON CONFLICT (kind, status) WHERE status IN ('requested', 'under_way') DO NOTHING
    RETURNING *
"""

# The one that waits, else the one that was asked for by this cause before.
REQUESTED = """
    SELECT * FROM ops.sweeps WHERE kind = %(kind)s AND (status = 'requested' OR cause = %(cause)s)
    ORDER BY status = 'requested' DESC, id DESC LIMIT 1
"""

REQUEST_WHEN_DUE = """
    INSERT INTO ops.sweeps (kind, cause) SELECT %(kind)s, 'schedule'
    WHERE NOT EXISTS (SELECT FROM ops.sweeps WHERE kind = %(kind)s
        AND (status IN ('requested', 'under_way') OR requested_at > now() - make_interval(secs => %(seconds)s)))
    ON CONFLICT (kind, status) WHERE status IN ('requested', 'under_way') DO NOTHING
"""

TAKE = """
    UPDATE ops.sweeps SET status = 'under_way', begun_at = coalesce(begun_at, now()),
        head = CASE status WHEN 'requested' THEN %(head)s ELSE head END,
        holder = gen_random_uuid(), leased_until = now() + make_interval(secs => %(seconds)s)
    WHERE id = (
        SELECT id FROM ops.sweeps AS due
        WHERE (status = 'under_way' AND leased_until <= now()) OR (status = 'requested' AND NOT EXISTS
            (SELECT FROM ops.sweeps AS other WHERE other.kind = due.kind AND other.status = 'under_way'))
        ORDER BY status = 'requested', id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING *
"""

NOTE = """
    UPDATE ops.sweeps SET reached = %(reached)s, examined = %(examined)s, kept = %(kept)s, troubles = %(troubles)s,
        passed_over = %(passed_over)s,
        repairs = %(repairs)s, leased_until = now() + make_interval(secs => %(seconds)s),
        repaired = CASE WHEN repairs = %(repairs)s THEN repaired ELSE %(repaired)s END
    WHERE id = %(id)s AND holder = %(holder)s AND status = 'under_way'
"""

FINISH = """
    UPDATE ops.sweeps SET status = %s, error = %s, finished_at = now(), holder = NULL, leased_until = NULL
    WHERE id = %s AND holder = %s
"""

PUT_OFF = """
    UPDATE ops.sweeps SET error = %s, holder = NULL, leased_until = now() + make_interval(secs => %s)
    WHERE id = %s AND holder = %s
"""

SWEEP = "SELECT * FROM ops.sweeps WHERE id = %s"
PAGE = "SELECT * FROM ops.sweeps WHERE id < %s ORDER BY id DESC LIMIT %s"

TOTALS = """
    SELECT kind, count(*) FILTER (WHERE status = 'done'), sum(repairs)::bigint, sum(kept)::bigint, max(finished_at)
    FROM ops.sweeps GROUP BY kind
"""

IS_SWEPT = "SELECT FROM ops.customer_fences WHERE provider = %s AND customer_id = %s AND swept_by = %s"
MARK_SWEPT = "UPDATE ops.customer_fences SET swept_by = %s WHERE provider = %s AND customer_id = %s"
UNSWEPT = """
    SELECT provider, customer_id FROM ops.customer_fences
    WHERE provider = %s AND customer_id > %s AND swept_by IS DISTINCT FROM %s ORDER BY customer_id LIMIT %s
"""


class PostgresSweeps:
    """Times are the database's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def request(self, kind: SweepKind, *, cause: str, once: bool = False) -> Sweep:
        values = {"kind": kind, "cause": cause, "once": once}
        found = await self._one(REQUEST, values) or await self._one(REQUESTED, values)
        # Nothing only when the one that waited was taken in between: then a new one can be asked for.
        return _sweep(found) if found else await self.request(kind, cause=cause, once=once)

    async def request_when_due(self, kind: SweepKind, *, every_seconds: float) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(REQUEST_WHEN_DUE, {"kind": kind, "seconds": every_seconds})

    async def take(self, *, head: int, seconds: float) -> tuple[Sweep, UUID] | None:
        found = await self._one(TAKE, {"head": head, "seconds": seconds})
        return (_sweep(found), found["holder"]) if found else None

    async def note(self, sweep: Sweep, holder: UUID, *, seconds: float) -> bool:
        values = {
            "id": sweep.id,
            "holder": holder,
            "seconds": seconds,
            "reached": sweep.reached,
            "examined": sweep.examined,
            "kept": sweep.kept,
            "troubles": sweep.troubles,
            "passed_over": sweep.passed_over,
            "repairs": sweep.repairs,
            "repaired": msgspec.json.encode(sweep.repaired).decode(),
        }
        async with connected(self._pool) as connection:
            return (await connection.execute(NOTE, values)).rowcount == 1

    async def finish(self, sweep: Sweep, holder: UUID, *, status: SweepStatus) -> None:
        error = sweep.error and sweep.error.replace("\x00", "")[:ERROR_CHARACTERS_MAX]
        async with connected(self._pool) as connection:
            await connection.execute(FINISH, (status, error, sweep.id, holder))

    async def put_off(self, sweep: Sweep, holder: UUID, *, error: str, seconds: float) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(PUT_OFF, (error[:ERROR_CHARACTERS_MAX], seconds, sweep.id, holder))

    async def sweep(self, id: int) -> Sweep | None:
        found = await self._one(SWEEP, (id,))
        return _sweep(found) if found else None

    async def page(self, *, before: int | None, limit: int) -> Sequence[Sweep]:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(PAGE, (NEWEST if before is None else before, limit))
            return [_sweep(row) for row in await cursor.fetchall()]

    async def totals(self) -> Mapping[SweepKind, SweepTotals]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(TOTALS)
            return {kind: SweepTotals(*counted) for kind, *counted in await cursor.fetchall()}

    async def is_swept(self, customer: Customer, sweep_id: int) -> bool:
        key = (customer.provider, customer.customer_id, sweep_id)
        async with connected(self._pool) as connection:
            return (await connection.execute(IS_SWEPT, key)).rowcount == 1

    async def mark_swept(self, customer: Customer, sweep_id: int) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(MARK_SWEPT, (sweep_id, customer.provider, customer.customer_id))

    async def unswept(self, provider: str, sweep_id: int, *, after: str | None, limit: int) -> Sequence[Customer]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(UNSWEPT, (provider, after or "", sweep_id, limit))
            return [Customer(*row) for row in await cursor.fetchall()]

    async def _one(self, statement: LiteralString, values: Any) -> dict[str, Any] | None:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchone()


def _sweep(row: Mapping[str, Any]) -> Sweep:
    known = {name: row[name] for name in Sweep.__struct_fields__}
    return msgspec.convert(known, Sweep)
