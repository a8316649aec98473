"""Intents whose outcome is not known yet, in Postgres."""

from collections.abc import Sequence

from adapters.postgres.errors import connected
from adapters.postgres.inbox import cut
from adapters.postgres.pool import Pool
from application.ports.intents import OpenIntent

# Whoever takes them has them until they would be due again, so that a worker that is killed loses none.
TAKE_DUE = """
    UPDATE ops.intents SET due_at = now() + make_interval(secs => %(seconds)s) WHERE key = ANY(ARRAY(
        SELECT key FROM ops.intents WHERE NOT failed AND due_at <= now()
        ORDER BY due_at, key LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )) RETURNING key, stream, attempts
"""

SETTLED = "DELETE FROM ops.intents WHERE key = %s"

RETRY_LATER = """
    UPDATE ops.intents SET attempts = attempts + 1, error = %(error)s,
        failed = attempts >= cardinality(%(delays)s::float8[]),
        due_at = now() + make_interval(secs => coalesce((%(delays)s::float8[])[attempts + 1], 0))
    WHERE key = %(key)s
"""

UNSETTLED = "SELECT count(*) FROM ops.intents"


class PostgresIntents:
    """Times are the database's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[OpenIntent]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(TAKE_DUE, {"limit": limit, "seconds": seconds})
            return [OpenIntent(*row) for row in await cursor.fetchall()]

    async def settled(self, key: str) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(SETTLED, (key,))

    async def retry_later(self, key: str, *, error: str, delays_seconds: Sequence[float]) -> None:
        values = {"key": key, "error": cut(error), "delays": [float(delay) for delay in delays_seconds]}
        async with connected(self._pool) as connection:
            await connection.execute(RETRY_LATER, values)

    async def unsettled(self) -> int:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(UNSETTLED)).fetchone()
        return row[0] if row else 0
