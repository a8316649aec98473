"""The inbox as its operators see it, in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence

from adapters.memory.inbox import MemoryInbox
from adapters.memory.tables import MemoryTables, TableRow
from application.ports.inbox import Entry, Status
from application.ports.world import Clock


class MemoryInboxDesk:
    """Rows of the table `inbox`."""

    def __init__(self, tables: MemoryTables, inbox: MemoryInbox, real_time: Clock) -> None:
        self._tables = tables
        self._inbox = inbox
        self._real_time = real_time

    async def page(self, *, status: Status | None, before: int | None, limit: int) -> Sequence[Entry]:
        entries = [self._entry(row) for row in reversed(self._tables.rows("inbox"))]
        wanted = [one for one in entries if status in {None, one.status} and (before is None or one.id < before)]
        return wanted[:limit]

    async def retry(self, id: int) -> Entry | None:
        for row in self._tables.rows("inbox", id=id):
            row.update(status="received", attempts=0, due_at=self._real_time.now(), error=None, settled_at=None)
            row.pop("look_again_at", None)
            return self._entry(row)
        return None

    async def counts(self) -> Mapping[str, int]:
        found = Counter(row["status"] for row in self._tables.rows("inbox"))
        return {status: found[status] for status in ("received", "parked", "failed")}

    def _entry(self, row: TableRow) -> Entry:
        due = {"received": row["due_at"], "parked": row.get("look_again_at")}
        leased = row["status"] == "received" and self._inbox.is_leased(row)
        return Entry(
            id=row["id"],
            provider=row["provider"],
            event_id=row["event_id"],
            type=row["type"],
            customer_id=row["customer_id"],
            status="processing" if leased else row["status"],
            attempts=row["attempts"],
            error=row.get("error"),
            livemode=row["livemode"],
            api_version=row["api_version"],
            created_at=row["created_at"],
            received_at=row["received_at"],
            settled_at=row.get("settled_at"),
            due_at=due.get(row["status"]),
        )
