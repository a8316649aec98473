"""Deliveries of which nobody knows whose they are, in Postgres: their bodies are read when somebody is erased.

They name no customer, or are parked since theirs is no account's.
"""

from collections.abc import Sequence

from adapters.postgres.errors import connected
from adapters.postgres.inbox import place_of
from adapters.postgres.pool import Pool
from application.ports.vault import SealBroken, Vault

PAGE = """
    SELECT id, provider, event_id, month, body FROM ops.inbox
    WHERE (customer_id IS NULL OR status = 'parked') AND body IS NOT NULL AND id > %s ORDER BY id LIMIT %s
"""

FORGET = """
    UPDATE ops.inbox SET body = NULL, error = NULL WHERE id = ANY(%s) AND (customer_id IS NULL OR status = 'parked')
"""


class PostgresNobodysDeliveries:
    """A page is a statement of its own, along an index of these alone."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def page(self, *, after: int, limit: int) -> Sequence[tuple[int, bytes | None]]:
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(PAGE, (after, limit))).fetchall()
        return [(id, await self._opened(*row)) for id, *row in rows]

    async def _opened(self, provider: str, event_id: str, month: str, body: bytes) -> bytes | None:
        try:
            return (await self._vault.of_inbox(month)).open(body, place_of(provider, event_id))
        except SealBroken:
            return None

    async def forget(self, ids: Sequence[int]) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(FORGET, (list(ids),))
