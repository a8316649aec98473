"""Intents whose outcome is not known yet, in Postgres."""

from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from adapters.postgres.errors import connected
from adapters.postgres.inbox import cut
from adapters.postgres.pool import Pool
from application.ports.intents import OpenIntent, UnsettledIntent

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
FAILED = "SELECT count(*) FROM ops.intents WHERE failed"

COLUMNS = SQL("key, stream, attempts, failed, CASE WHEN NOT failed THEN due_at END AS due_at, error")

PAGE = SQL("""
    SELECT {columns} FROM ops.intents WHERE failed OR NOT %(failed)s ORDER BY intents.due_at, key LIMIT %(limit)s
""").format(columns=COLUMNS)

FIND = SQL("SELECT {columns} FROM ops.intents WHERE key = %(key)s").format(columns=COLUMNS)

RETRY = SQL("""
    UPDATE ops.intents SET failed = false, attempts = 0, due_at = now(), error = NULL WHERE key = %(key)s
    RETURNING {columns}
""").format(columns=COLUMNS)


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
        return await self._count(UNSETTLED)

    async def failed(self) -> int:
        return await self._count(FAILED)

    async def _count(self, statement: LiteralString) -> int:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(statement)).fetchone()
        return row[0] if row else 0

    async def find(self, key: str) -> UnsettledIntent | None:
        return next(iter(await self._shown(FIND, {"key": key})), None)

    async def page(self, *, failed: bool, limit: int) -> Sequence[UnsettledIntent]:
        return await self._shown(PAGE, {"failed": failed, "limit": limit})

    async def retry(self, key: str) -> UnsettledIntent | None:
        return next(iter(await self._shown(RETRY, {"key": key})), None)

    async def _shown(self, statement: Composed, values: dict[str, Any]) -> list[UnsettledIntent]:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return [msgspec.convert(row, UnsettledIntent) for row in await cursor.fetchall()]
