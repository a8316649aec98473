"""What the operational tables hold about a person, in Postgres."""

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.holdings import Held, HeldTable

PAGES: Mapping[HeldTable, LiteralString] = {
    "sessions": """
        SELECT session_id::text, json_build_object('id', session_id, 'started_at', started_at,
            'refreshed_at', refreshed_at, 'expires_at', expires_at, 'ended_at', ended_at)
        FROM ops.sessions WHERE account_id = %(account)s
            AND (%(after)s::uuid IS NULL OR session_id > %(after)s::uuid) ORDER BY session_id LIMIT %(limit)s
    """,
    "letters": """
        SELECT id::text, json_build_object('id', id, 'channel', channel, 'kind', kind, 'written_at', written_at,
            'status', status, 'settled_at', settled_at)
        FROM ops.letters WHERE account_id = %(account)s
            AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid) ORDER BY id LIMIT %(limit)s
    """,
    "codes": """
        SELECT id::text, json_build_object('id', id, 'kind', kind, 'made_at', made_at, 'expires_at', expires_at,
            'tries', tries, 'familiar_tries', familiar_tries, 'is_familiar', is_familiar, 'status', status)
        FROM ops.codes WHERE account_id = %(account)s
            AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid) ORDER BY id LIMIT %(limit)s
    """,
    "plays": """
        SELECT session_id::text, json_build_object('id', session_id, 'video_id', video_id, 'device_id', device_id,
            'started_at', started_at, 'last_seen_at', last_seen_at, 'position_seconds', position_seconds,
            'ended_at', ended_at)
        FROM ops.play_sessions WHERE account_id = %(account)s
            AND (%(after)s::uuid IS NULL OR session_id > %(after)s::uuid) ORDER BY session_id LIMIT %(limit)s
    """,
    "webhooks": """
        SELECT inbox.id::text, json_build_object('id', inbox.id, 'provider', provider, 'event_id', event_id,
            'type', type, 'received_at', received_at, 'status', status)
        FROM ops.inbox JOIN unnest(%(providers)s::text[], %(customers)s::text[]) AS mine (provider, customer_id)
            USING (provider, customer_id)
        WHERE body IS NOT NULL AND inbox.id > coalesce(%(after)s::bigint, 0) ORDER BY inbox.id LIMIT %(limit)s
    """,
}


class PostgresHoldings:
    """A page is a statement of its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, table: HeldTable, account_id: UUID, customers: Sequence[tuple[str, str]], *, after: str | None, limit: int
    ) -> Sequence[Held]:
        values = {
            "account": account_id,
            "providers": [provider for provider, _ in customers],
            "customers": [customer for _, customer in customers],
            "after": after,
            "limit": limit,
        }
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(PAGES[table], values)).fetchall()
        return [Held(place, held) for place, held in rows]
