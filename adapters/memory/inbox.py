"""What providers sent us, in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from adapters.memory.tables import MemoryTables, TableRow
from application.ports.deliveries import Delivery
from application.ports.inbox import Customer, Waiting
from application.ports.world import Clock

LOOK_AGAIN = timedelta(minutes=1), timedelta(days=1)
"""A parked delivery is looked at again when it has waited for as long once more, within these bounds."""


class MemoryInbox:
    """Rows of the table `inbox`, which appends change too; `real_time` says what is due."""

    def __init__(self, tables: MemoryTables, real_time: Clock) -> None:
        self._tables = tables
        self._real_time = real_time
        self._ids = count(1)

    async def keep(self, delivery: Delivery, *, now: datetime, to_settle: bool = True) -> bool:
        to_settle = to_settle and (delivery.customer_id is not None or delivery.to_find)
        row = {
            "id": next(self._ids),
            "provider": delivery.provider,
            "event_id": delivery.event_id,
            "type": delivery.type,
            "customer_id": delivery.customer_id,
            "livemode": delivery.livemode,
            "api_version": delivery.api_version,
            "received_at": now,
            "settled_at": None if to_settle else now,
            "created_at": delivery.created_at,
            "body": delivery.body,
            "status": "received" if to_settle else "done",
            "attempts": 0,
            "kept_at": self._real_time.now(),
            "due_at": self._real_time.now(),
        }
        return self._tables.insert("inbox", row)

    async def body(self, id: int) -> bytes | None:
        found = self._tables.rows("inbox", id=id)
        return found[0]["body"] if found else None

    async def customers_waiting(
        self, *, limit: int, providers: Sequence[str], tried: bool | None = None
    ) -> Sequence[Customer]:
        ours = [row for row in self._tables.rows("inbox") if row["provider"] in providers]
        named = [row for row in ours if row["customer_id"] is not None]
        rows = [row for row in named if self.is_due(row) and not self.is_leased(row)]
        rows = [row for row in rows if tried is None or (row["attempts"] > 0) is tried]
        due = sorted(rows, key=lambda row: (row["due_at"], row["id"]))
        return list(dict.fromkeys(Customer(row["provider"], row["customer_id"]) for row in due))[:limit]

    async def waiting(self, customer: Customer) -> Sequence[Waiting]:
        return [
            Waiting(row["id"], row["event_id"], row["type"], row["attempts"], row["created_at"])
            for row in self._of(customer, "received", "parked", "failed")
        ]

    async def settled(self, customer: Customer, *, since: datetime) -> Sequence[Waiting]:
        lately = self._real_time.now() - timedelta(minutes=10)
        return [
            Waiting(row["id"], row["event_id"], row["type"], row["attempts"], row["created_at"])
            for row in reversed(self._of(customer, "done"))
            if row["created_at"] >= since and row["kept_at"] > lately
        ][:100]

    async def park(self, customer: Customer, *, why: str) -> None:
        now = self._real_time.now()
        for row in self._of(customer, "received", "parked"):
            row.update(status="parked", error=why, look_again_at=next_look(row, now))

    async def look_again(self, provider: str, references: Sequence[str]) -> None:
        for row in self._tables.rows("inbox", provider=provider, status="parked", customer_id=None):
            if not set(references).isdisjoint(row.get("naming", ())):
                row.update(status="received", due_at=self._real_time.now(), look_again_at=None)

    async def retry_later(self, customer: Customer, *, error: str, delays_seconds: Sequence[float]) -> None:
        for row in filter(self.is_due, self._of(customer, "received", "parked")):
            failed = row["attempts"]
            row.update(attempts=failed + 1, error=error)
            if failed < len(delays_seconds):
                due_at = self._real_time.now() + timedelta(seconds=delays_seconds[failed])
                row.update(status="received", due_at=due_at)
            else:
                row.update(status="failed")

    async def put_off(self, customer: Customer, *, seconds: float) -> None:
        """Without chance."""
        due_at = self._real_time.now() + timedelta(seconds=seconds)
        for row in filter(self.is_due, self._of(customer, "received", "parked")):
            row.update(status="received", due_at=due_at)

    async def unsettled(self) -> int:
        return len(self._tables.rows("inbox", status="received"))

    def _of(self, customer: Customer, *statuses: str) -> list[TableRow]:
        return self._tables.rows(
            "inbox", provider=customer.provider, customer_id=customer.customer_id, status=list(statuses)
        )

    def is_leased(self, row: TableRow) -> bool:
        found = self._tables.rows("customer_fences", provider=row["provider"], customer_id=row["customer_id"])
        until = found[0].get("leased_until") if found else None
        return until is not None and until > self._real_time.now()

    def is_due(self, row: TableRow) -> bool:
        now = self._real_time.now()
        if row["status"] == "parked":
            return row.get("look_again_at") is not None and bool(row["look_again_at"] <= now)
        return bool(row["status"] == "received" and row["due_at"] <= now)


def next_look(row: TableRow, now: datetime) -> datetime:
    """The older it is the more seldom."""
    shortest, longest = LOOK_AGAIN
    waited: timedelta = now - row["kept_at"]
    return now + min(max(waited, shortest), longest)
