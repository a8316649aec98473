"""Whose customer is whose, in memory."""

from uuid import UUID

from adapters.memory.tables import MemoryTables
from application.ports.inbox import Customer
from application.ports.secrets import BlindIndex


class MemoryCustomers:
    """Reads the claims that appends have put into the tables."""

    def __init__(self, tables: MemoryTables, blind_index: BlindIndex) -> None:
        self._tables = tables
        self._blind_index = blind_index

    async def account_of(self, customer: Customer) -> UUID | None:
        return self._owner(f"{customer.provider}_customer", customer.customer_id)

    async def plan_of_price(self, provider: str, price_id: str) -> UUID | None:
        return self._owner(f"{provider}_price", price_id)

    def _owner(self, kind: str, value: str) -> UUID | None:
        found = self._tables.rows("claims", kind=kind, blind_index=self._blind_index.of(kind, value))
        return found[0]["owner"] if found else None

    async def take_fence(self, customer: Customer) -> int:
        key = {"provider": customer.provider, "customer_id": customer.customer_id}
        self._tables.insert("customer_fences", {**key, "epoch": 0})
        row = self._tables.rows("customer_fences", **key)[0]
        row["epoch"] += 1
        return int(row["epoch"])
