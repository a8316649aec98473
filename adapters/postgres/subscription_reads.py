"""The list of subscriptions, asked of the live generation's own table."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from adapters.postgres.errors import connected
from adapters.postgres.live_generations import LiveGenerations, Query
from adapters.postgres.pool import Pool
from adapters.postgres.reads import json_of
from application.projections.subscriptions import Subscribed, subscriptions

PAGE = Query(
    subscriptions,
    "SELECT {row} FROM {subscriptions} WHERE first_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " ORDER BY first_position DESC LIMIT %(limit)s",
    row=json_of(Subscribed),
)

PAGE_OF = Query(
    subscriptions,
    "SELECT {row} FROM {subscriptions} WHERE account_id = %(account)s"
    " AND first_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " ORDER BY first_position DESC LIMIT %(limit)s",
    row=json_of(Subscribed),
)


class PostgresSubscriptionReads:
    """It may be some facts behind."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live

    async def page(self, *, account_id: UUID | None, before: int | None, limit: int) -> Sequence[Subscribed]:
        query = PAGE if account_id is None else PAGE_OF
        values = {"account": account_id, "before": before, "limit": limit}

        async def found(statement: bytes) -> list[Subscribed]:
            async with connected(self._pool) as connection:
                rows = await (await connection.execute(statement, values, prepare=True)).fetchall()
            return [msgspec.json.decode(row[0], type=Subscribed) for row in rows]

        return await self._live.read(query, found)
