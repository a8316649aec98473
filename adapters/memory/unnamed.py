"""Deliveries whose customer has to be found, in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.memory.inbox import MemoryInbox, next_look
from adapters.memory.tables import MemoryTables, TableRow
from application.ports.inbox import Unnamed
from application.ports.world import Clock

LOOKED_AT = timedelta(days=30)


class MemoryUnnamedDeliveries:
    """Rows of the table `inbox` that name no customer."""

    def __init__(self, tables: MemoryTables, inbox: MemoryInbox, real_time: Clock) -> None:
        self._tables = tables
        self._inbox = inbox
        self._real_time = real_time

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[Unnamed]:
        now = self._real_time.now()
        rows = [row for row in self._tables.rows("inbox", customer_id=None) if self._inbox.is_due(row)]
        taken = sorted(rows, key=lambda row: (row["due_at"], row["id"]))[:limit]
        for row in taken:
            leased = now + timedelta(seconds=seconds)
            row.update(due_at=leased, look_again_at=leased if row["status"] == "parked" else None)
        return [Unnamed(row["id"], row["provider"], row["event_id"], row["type"]) for row in taken]

    async def name(self, id: int, customer_id: str) -> None:
        for row in self._of(id):
            row.update(
                customer_id=customer_id,
                status="received",
                look_again_at=None,
                due_at=self._real_time.now(),
                attempts=0,
                error=None,
            )

    async def settle(self, id: int, *, now: datetime) -> None:
        for row in self._of(id):
            row.update(status="done", settled_at=now, error=None)

    async def park(self, id: int, *, why: str, naming: Sequence[str] = ()) -> None:
        now = self._real_time.now()
        for row in self._of(id):
            again = next_look(row, now) if row["kept_at"] > now - LOOKED_AT else None
            row.update(status="parked", error=why, naming=tuple(naming), look_again_at=again)

    async def give_back(self, id: int, *, seconds: float = 0.0) -> None:
        """Without chance."""
        due_at = self._real_time.now() + timedelta(seconds=seconds)
        for row in self._of(id):
            row.update(due_at=due_at, look_again_at=due_at if row["status"] == "parked" else None)

    async def retry_later(self, id: int, *, error: str, delays_seconds: Sequence[float]) -> None:
        for row in self._tables.rows("inbox", id=id, customer_id=None, status="received"):
            failed = row["attempts"]
            row.update(attempts=failed + 1, error=error)
            if failed < len(delays_seconds):
                row["due_at"] = self._real_time.now() + timedelta(seconds=delays_seconds[failed])
            else:
                row["status"] = "failed"

    def _of(self, id: int) -> list[TableRow]:
        return self._tables.rows("inbox", id=id, customer_id=None)
