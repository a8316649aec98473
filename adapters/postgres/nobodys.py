"""Deliveries of which nobody knows whose they are, in Postgres: their bodies are read when somebody is erased.

They name no customer, or are not settled, which may be because theirs is no account's.
"""

from collections.abc import Sequence

from adapters.postgres.errors import connected
from adapters.postgres.inbox import place_of
from adapters.postgres.pool import Pool
from application.ports.erasures import Told
from application.ports.inbox import Customer
from application.ports.vault import SealBroken, Vault

# Each of the three along its own index, up to as many as are wanted.
PAGE = """
    SELECT * FROM (
        (SELECT id, provider, customer_id, event_id, month, body FROM ops.inbox
        WHERE (customer_id IS NULL OR status = 'parked') AND body IS NOT NULL AND id > %(after)s
        ORDER BY id LIMIT %(limit)s)
        UNION ALL
        (SELECT id, provider, customer_id, event_id, month, body FROM ops.inbox
        WHERE status = 'received' AND customer_id IS NOT NULL AND body IS NOT NULL AND id > %(after)s
        ORDER BY status, id LIMIT %(limit)s)
        UNION ALL
        (SELECT id, provider, customer_id, event_id, month, body FROM ops.inbox
        WHERE status = 'failed' AND customer_id IS NOT NULL AND body IS NOT NULL AND id > %(after)s
        ORDER BY status, id LIMIT %(limit)s)
    ) AS told ORDER BY id LIMIT %(limit)s
"""

# What is left is done by retention.py.
FORGET = """
    UPDATE ops.inbox SET names_erased = true, error = NULL, body = CASE WHEN status = 'received' THEN body END
    WHERE id = ANY(%s)
"""


class PostgresNobodysDeliveries:
    """A page is a statement of its own."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def page(self, *, after: int, limit: int) -> Sequence[Told]:
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(PAGE, {"after": after, "limit": limit})).fetchall()
        return [
            Told(
                id=id,
                customer=Customer(provider, customer_id) if customer_id is not None else None,
                body=await self._opened(provider, event_id, month, body),
            )
            for id, provider, customer_id, event_id, month, body in rows
        ]

    async def _opened(self, provider: str, event_id: str, month: str, body: bytes) -> bytes | None:
        try:
            return (await self._vault.of_inbox(month)).open(body, place_of(provider, event_id))
        except SealBroken:
            return None

    async def forget(self, ids: Sequence[int]) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(FORGET, (list(ids),))
