"""Whose customer is whose, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from adapters.memory.tables import MemoryTables, TableRow
from application.ports.inbox import Customer
from application.ports.secrets import BlindIndex
from application.ports.world import Clock


class MemoryCustomers:
    """Reads the claims that appends have put into the tables."""

    def __init__(self, tables: MemoryTables, blind_index: BlindIndex, real_time: Clock) -> None:
        self._tables = tables
        self._real_time = real_time
        self._blind_index = blind_index

    async def account_of(self, customer: Customer) -> UUID | None:
        return self._owner(f"{customer.provider}_customer", customer.customer_id)

    async def plan_of_price(self, provider: str, price_id: str) -> UUID | None:
        return self._owner(f"{provider}_price", price_id)

    def _owner(self, kind: str, value: str) -> UUID | None:
        found = self._tables.rows("claims", kind=kind, blind_index=self._blind_index.of(kind, value))
        return found[0]["owner"] if found else None

    async def of_objects(self, provider: str, references: Sequence[str]) -> Mapping[str, str]:
        known = self._tables.rows("customer_objects", provider=provider, reference=list(references))
        return {row["reference"]: row["customer_id"] for row in known}

    async def lease(self, customer: Customer, *, seconds: float) -> UUID | None:
        row, now = self._fence(customer), self._real_time.now()
        if (until := row.get("leased_until")) is not None and until > now:
            return None
        holder = uuid4()
        row.update(holder=holder, leased_until=now + timedelta(seconds=seconds))
        return holder

    async def renew(self, customer: Customer, holder: UUID, *, seconds: float) -> None:
        row = self._fence(customer)
        if row.get("holder") == holder:
            row["leased_until"] = self._real_time.now() + timedelta(seconds=seconds)

    async def release(self, customer: Customer, holder: UUID) -> None:
        row = self._fence(customer)
        if row.get("holder") == holder:
            row.update(holder=None, leased_until=None)

    async def asked_at(self, customer: Customer) -> datetime | None:
        asked_at: datetime | None = self._fence(customer).get("asked_at")
        return asked_at

    async def take_fence(self, customer: Customer) -> int:
        row = self._fence(customer)
        row["epoch"] += 1
        return int(row["epoch"])

    def _fence(self, customer: Customer) -> TableRow:
        key = {"provider": customer.provider, "customer_id": customer.customer_id}
        self._tables.insert("customer_fences", {**key, "epoch": 0})
        return self._tables.rows("customer_fences", **key)[0]
