"""Whose customer is whose, found by claims; and the fence around asking about one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.inbox import Customer
from application.ports.secrets import BlindIndex

OWNER = "SELECT owner FROM ops.claims WHERE kind = %s AND blind_index = %s"

TAKE_FENCE = """
    INSERT INTO ops.customer_fences (provider, customer_id, epoch) VALUES (%s, %s, 1)
    ON CONFLICT (provider, customer_id) DO UPDATE SET epoch = customer_fences.epoch + 1
    RETURNING epoch
"""

OF_OBJECTS = "SELECT reference, customer_id FROM ops.customer_objects WHERE provider = %s AND reference = ANY(%s)"

LEASE = """
    INSERT INTO ops.customer_fences AS fence (provider, customer_id, epoch, holder, leased_until)
    VALUES (%(provider)s, %(customer_id)s, 0, gen_random_uuid(), now() + make_interval(secs => %(seconds)s))
    ON CONFLICT (provider, customer_id) DO UPDATE
        SET holder = excluded.holder, leased_until = excluded.leased_until
        WHERE fence.leased_until IS NULL OR fence.leased_until <= now()
    RETURNING holder
"""

ASKED_AT = "SELECT asked_at FROM ops.customer_fences WHERE provider = %s AND customer_id = %s"

RENEW = """
    UPDATE ops.customer_fences SET leased_until = now() + make_interval(secs => %s)
    WHERE provider = %s AND customer_id = %s AND holder = %s
"""

RELEASE = """
    UPDATE ops.customer_fences SET holder = NULL, leased_until = NULL
    WHERE provider = %s AND customer_id = %s AND holder = %s
"""


class PostgresCustomers:
    """Claims are made with the ledger's append, and read here."""

    def __init__(self, pool: Pool, blind_index: BlindIndex) -> None:
        self._pool = pool
        self._blind_index = blind_index

    async def account_of(self, customer: Customer) -> UUID | None:
        return await self._owner(f"{customer.provider}_customer", customer.customer_id)

    async def plan_of_price(self, provider: str, price_id: str) -> UUID | None:
        return await self._owner(f"{provider}_price", price_id)

    async def _owner(self, kind: str, value: str) -> UUID | None:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(OWNER, (kind, self._blind_index.of(kind, value)))
            row = await cursor.fetchone()
        return row[0] if row else None

    async def of_objects(self, provider: str, references: Sequence[str]) -> Mapping[str, str]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(OF_OBJECTS, (provider, list(references)))
            return dict(await cursor.fetchall())

    async def lease(self, customer: Customer, *, seconds: float) -> UUID | None:
        values = {"provider": customer.provider, "customer_id": customer.customer_id, "seconds": seconds}
        async with connected(self._pool) as connection:
            row = await (await connection.execute(LEASE, values)).fetchone()
        return row[0] if row else None

    async def renew(self, customer: Customer, holder: UUID, *, seconds: float) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(RENEW, (seconds, customer.provider, customer.customer_id, holder))

    async def release(self, customer: Customer, holder: UUID) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(RELEASE, (customer.provider, customer.customer_id, holder))

    async def asked_at(self, customer: Customer) -> datetime | None:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(ASKED_AT, (customer.provider, customer.customer_id))
            row = await cursor.fetchone()
        return row[0] if row else None

    async def take_fence(self, customer: Customer) -> int:
        """Committed when it returns; it waits while somebody appends under the epoch before."""
        async with connected(self._pool) as connection:
            cursor = await connection.execute(TAKE_FENCE, (customer.provider, customer.customer_id))
            row = await cursor.fetchone()
        assert row is not None, "an upsert returns its row"
        return int(row[0])
