"""Deliveries whose customer has to be found, in Postgres: rows of the inbox that name none."""

from collections.abc import Sequence
from datetime import datetime

from adapters.postgres.errors import connected
from adapters.postgres.inbox import cut
from adapters.postgres.pool import Pool
from application.ports.inbox import Unnamed

# Whoever takes them has them until they would be due again, so that a worker that is killed loses none.
TAKE_DUE = """
    UPDATE ops.inbox SET due_at = now() + make_interval(secs => %(seconds)s),
        look_again_at = CASE status WHEN 'parked' THEN now() + make_interval(secs => %(seconds)s) END
    WHERE id = ANY(ARRAY(
        SELECT id FROM ops.inbox
        WHERE customer_id IS NULL
            AND ((status = 'received' AND due_at <= now()) OR (status = 'parked' AND look_again_at <= now()))
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )) RETURNING id, provider, event_id, type
"""

# About somebody who has been erased it is kept on without its body.
NAME = """
    WITH named AS (
        UPDATE ops.inbox SET customer_id = %(customer)s, status = 'received', due_at = now(), look_again_at = NULL,
            attempts = 0, error = NULL, naming = NULL,
            body = CASE WHEN EXISTS (SELECT FROM ops.erased_customers AS erased WHERE erased.provider = inbox.provider
                AND erased.customer_id = %(customer)s) THEN NULL ELSE body END
        WHERE id = %(id)s AND customer_id IS NULL RETURNING id
    )
    SELECT pg_notify('inbox', '') FROM named
"""

SETTLE = "UPDATE ops.inbox SET status = 'done', settled_at = %s, error = NULL WHERE id = %s AND customer_id IS NULL"

PARK = """
    UPDATE ops.inbox SET status = 'parked', error = %s, naming = %s, look_again_at = CASE
        WHEN kept_at > now() - interval '30 days'
        THEN now() + least(greatest(now() - kept_at, interval '1 minute'), interval '1 day') END
    WHERE id = %s AND customer_id IS NULL
"""

GIVE_BACK = """
    WITH pause(over_at) AS MATERIALIZED (SELECT now() + make_interval(secs => %s * (1 + random())))
    UPDATE ops.inbox SET due_at = over_at, look_again_at = CASE status WHEN 'parked' THEN over_at END
    FROM pause WHERE id = %s AND status IN ('received', 'parked') AND customer_id IS NULL
"""

RETRY_LATER = """
    UPDATE ops.inbox SET attempts = attempts + 1, error = %(error)s,
        status = CASE WHEN attempts < cardinality(%(delays)s::float8[]) THEN 'received' ELSE 'failed' END,
        due_at = now() + make_interval(secs => coalesce((%(delays)s::float8[])[attempts + 1], 0))
    WHERE id = %(id)s AND status = 'received' AND customer_id IS NULL
"""


class PostgresUnnamedDeliveries:
    """Each change is a statement of its own: there are few of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[Unnamed]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(TAKE_DUE, {"limit": limit, "seconds": seconds})
            return sorted((Unnamed(*row) for row in await cursor.fetchall()), key=lambda one: one.id)

    async def name(self, id: int, customer_id: str) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(NAME, {"customer": customer_id, "id": id})

    async def settle(self, id: int, *, now: datetime) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(SETTLE, (now, id))

    async def park(self, id: int, *, why: str, naming: Sequence[str] = ()) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(PARK, (cut(why), list(naming), id))

    async def give_back(self, id: int, *, seconds: float = 0.0) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(GIVE_BACK, (seconds, id))

    async def retry_later(self, id: int, *, error: str, delays_seconds: Sequence[float]) -> None:
        values = {"id": id, "error": cut(error), "delays": [float(delay) for delay in delays_seconds]}
        async with connected(self._pool) as connection:
            await connection.execute(RETRY_LATER, values)
