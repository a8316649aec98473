"""How the read models stand, by the rows of `ledger.read_models`, through the pool."""

from collections.abc import Sequence
from typing import Any, LiteralString

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.pool import Pool
from application.ports.read_models import ReadModelStatus, Rebuilding

# What is written inline is at the head, and its row does not say so. A generation that is being built and whose
# builder's lock nobody holds was left by one that was killed.
STATUSES = """
    SELECT live.name, live.generation, live.version,
        CASE WHEN live.inline THEN head ELSE least(live.position, head) END, head, live.trouble,
        ARRAY(SELECT kept.generation FROM ledger.read_models kept
              WHERE kept.name = live.name AND kept.state = 'kept' ORDER BY kept.generation),
        CASE WHEN building.generation IS NOT NULL THEN ARRAY[building.generation, building.position, head] END,
        live.rebuild_requested_at IS NOT NULL, live.rebuild_error
    FROM (SELECT coalesce(max(notification_id), 0) AS head FROM ledger.events) AS ledger, ledger.read_models live
    LEFT JOIN LATERAL (
        SELECT generation, position FROM ledger.read_models newest
        WHERE newest.name = live.name AND newest.state = 'building' ORDER BY newest.generation DESC LIMIT 1
    ) AS building ON EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = hashtext('rebuild')::oid AND objid = hashtext(live.name)::oid)
    WHERE live.state = 'live' ORDER BY live.name
"""

REQUEST = """
    WITH asked AS (
        UPDATE ledger.read_models SET rebuild_requested_at = coalesce(rebuild_requested_at, now()), rebuild_error = NULL
        WHERE name = %s AND state = 'live' RETURNING name
    )
    SELECT pg_notify('read_models', name) FROM asked
"""

REQUESTED = """
    SELECT name FROM ledger.read_models WHERE state = 'live' AND rebuild_requested_at IS NOT NULL
    ORDER BY rebuild_requested_at, name
"""

GIVE_UP = """
    UPDATE ledger.read_models SET rebuild_requested_at = NULL, rebuild_error = %s
    WHERE name = %s AND rebuild_requested_at IS NOT NULL RETURNING name
"""

ERROR_MAX = 2_000


class PostgresReadModelStates:
    """Asked as often as one likes, by health checks and scrapes too: one look at a time serves all who ask."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._looks: Gathering[None, Sequence[ReadModelStatus]] = Gathering(self._look, rounds=1)

    async def statuses(self) -> Sequence[ReadModelStatus]:
        return await self._looks.ask(None)

    async def request_rebuild(self, name: str) -> bool:
        return bool(await self._rows(REQUEST, name))

    async def rebuilds_requested(self) -> Sequence[str]:
        return [name for (name,) in await self._rows(REQUESTED)]

    async def give_up_request(self, name: str, why: str) -> None:
        await self._rows(GIVE_UP, why.replace("\0", "")[:ERROR_MAX], name)

    async def _look(self, askers: Sequence[None]) -> list[Sequence[ReadModelStatus]]:
        statuses = [_status(*row) for row in await self._rows(STATUSES)]
        return [statuses] * len(askers)

    async def _rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        async with connected(self._pool) as connection:
            return await (await connection.execute(statement, values)).fetchall()


def _status(
    name: str,
    generation: int,
    version: int,
    position: int,
    head: int,
    trouble: str | None,
    kept: list[int],
    building: list[int] | None,
    requested: bool,  # noqa: FBT001 - a column
    error: str | None,
) -> ReadModelStatus:
    return ReadModelStatus(
        name=name,
        generation=generation,
        version=version,
        position=position,
        lag=head - position,
        state="degraded" if trouble else "live",
        trouble=trouble,
        kept=tuple(kept),
        rebuilding=Rebuilding(*building) if building else None,
        rebuild_requested=requested,
        rebuild_error=error,
    )
