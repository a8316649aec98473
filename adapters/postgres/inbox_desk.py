"""The inbox as its operators see it, in Postgres: each listing follows an index, in an inbox of any length."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg.sql import SQL

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.inbox import Entry, Status

NEWEST = 2**63 - 1

COLUMNS = SQL("""
    id, provider, event_id, type, customer_id, status, attempts, error, livemode, api_version, created_at, received_at,
    settled_at, CASE status WHEN 'received' THEN due_at WHEN 'parked' THEN look_again_at END AS due_at
""")

LEASED = SQL("""
    status = 'received' AND EXISTS (SELECT FROM ops.customer_fences AS fence WHERE fence.provider = inbox.provider
        AND fence.customer_id = inbox.customer_id AND fence.leased_until > now())
""")

ANY = SQL("""
    SELECT {columns}, {leased} AS leased FROM ops.inbox WHERE id < %(before)s ORDER BY id DESC LIMIT %(limit)s
""").format(columns=COLUMNS, leased=LEASED)

WITH_STATUS = SQL("""
    SELECT {columns}, false AS leased FROM ops.inbox
    WHERE status = %(status)s AND id < %(before)s AND NOT ({leased}) ORDER BY id DESC LIMIT %(limit)s
""").format(columns=COLUMNS, leased=LEASED)

# From the leases, which are as many as the workers have hands, to what waits for these customers.
PROCESSING = SQL("""
    WITH leased AS MATERIALIZED (
        SELECT provider, customer_id FROM ops.customer_fences WHERE leased_until > now()
    )
    SELECT {columns}, true AS leased FROM leased JOIN ops.inbox USING (provider, customer_id)
    WHERE status <> 'done' AND status = 'received' AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s
""").format(columns=COLUMNS)

RETRY = SQL("""
    WITH again AS (
        UPDATE ops.inbox SET status = 'received', attempts = 0, due_at = now(), error = NULL, look_again_at = NULL,
            settled_at = NULL
        WHERE id = %(id)s RETURNING *
    ), woken AS (
        SELECT pg_notify('inbox', '') FROM again
    )
    SELECT {columns}, {leased} AS leased FROM again AS inbox LEFT JOIN woken ON true
""").format(columns=COLUMNS, leased=LEASED)

COUNTED_MAX = 10_000
# Each status by name, so that the planner knows how few have it.
COUNTS = """
    SELECT 'received', count(*) FROM (SELECT FROM ops.inbox WHERE status = 'received' LIMIT %(most)s) AS received
    UNION ALL SELECT 'parked', count(*) FROM (SELECT FROM ops.inbox WHERE status = 'parked' LIMIT %(most)s) AS parked
    UNION ALL SELECT 'failed', count(*) FROM (SELECT FROM ops.inbox WHERE status = 'failed' LIMIT %(most)s) AS failed
"""


class PostgresInboxDesk:
    """Read on demand, and seldom."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, *, status: Status | None, before: int | None, limit: int) -> Sequence[Entry]:
        values = {"status": status, "before": NEWEST if before is None else before, "limit": limit}
        statement = ANY if status is None else PROCESSING if status == "processing" else WITH_STATUS
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return [_entry(row) for row in await cursor.fetchall()]

    async def retry(self, id: int) -> Entry | None:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(RETRY, {"id": id})
            found = await cursor.fetchone()
        return _entry(found) if found else None

    async def counts(self) -> Mapping[str, int]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(COUNTS, {"most": COUNTED_MAX})
            return dict(await cursor.fetchall())


def _entry(row: dict[str, Any]) -> Entry:
    """Received and leased is what the operators call processing: it is kept nowhere."""
    status = "processing" if row.pop("leased") else row["status"]
    return msgspec.convert(row | {"status": status}, Entry)
