"""Deliveries whose customer has to be found, in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.memory.inbox import MemoryInbox
from adapters.memory.tables import MemoryTables, TableRow
from application.ports.inbox import Unnamed
from application.ports.world import Clock


class MemoryUnnamedDeliveries:
    """Rows of the table `inbox` that name no customer."""

    def __init__(self, tables: MemoryTables, inbox: MemoryInbox, real_time: Clock) -> None:
        self._tables = tables
        self._inbox = inbox
        self._real_time = real_time

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[Unnamed]:
        now = self._real_time.now()
        rows = [
            row
            for row in self._tables.rows("inbox", status="received", customer_id=None)
            if row["due_at"] <= now and not self._inbox.is_left_alone(row)
        ]
        taken = sorted(rows, key=lambda row: (row["due_at"], row["id"]))[:limit]
        for row in taken:
            row["due_at"] = now + timedelta(seconds=seconds)
        return [Unnamed(row["id"], row["provider"], row["event_id"], row["type"]) for row in taken]

    async def name(self, id: int, customer_id: str) -> None:
        for row in self._of(id):
            row.update(customer_id=customer_id, due_at=self._real_time.now(), attempts=0, error=None)

    async def settle(self, id: int, *, now: datetime) -> None:
        for row in self._of(id):
            row.update(status="done", settled_at=now, error=None)

    async def park(self, id: int, *, why: str) -> None:
        for row in self._of(id):
            row.update(status="parked", error=why)

    async def give_back(self, id: int) -> None:
        for row in self._of(id):
            row["due_at"] = self._real_time.now()

    async def retry_later(self, id: int, *, error: str, delays_seconds: Sequence[float]) -> None:
        for row in self._of(id):
            failed = row["attempts"]
            row.update(attempts=failed + 1, error=error)
            if failed < len(delays_seconds):
                row["due_at"] = self._real_time.now() + timedelta(seconds=delays_seconds[failed])
            else:
                row["status"] = "failed"

    def _of(self, id: int) -> list[TableRow]:
        return self._tables.rows("inbox", id=id, customer_id=None)
