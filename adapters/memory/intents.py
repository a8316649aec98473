"""Intents whose outcome is not known yet, in memory."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.memory.tables import MemoryTables
from application.ports.intents import OpenIntent, UnsettledIntent
from application.ports.ledger import Delete
from application.ports.world import Clock


class MemoryIntents:
    """Rows of the table `intents`."""

    def __init__(self, tables: MemoryTables, real_time: Clock) -> None:
        self._tables = tables
        self._real_time = real_time

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[OpenIntent]:
        now = self._real_time.now()
        due = [row for row in self._tables.rows("intents") if not row.get("failed") and row["due_at"] <= now]
        taken = sorted(due, key=lambda row: (row["due_at"], row["key"]))[:limit]
        for row in taken:
            row["due_at"] = now + timedelta(seconds=seconds)
        return [OpenIntent(row["key"], row["stream"], row.get("attempts", 0)) for row in taken]

    async def settled(self, key: str) -> None:
        self._tables.change([Delete("intents", {"key": key})])

    async def retry_later(self, key: str, *, error: str, delays_seconds: Sequence[float]) -> None:
        for row in self._tables.rows("intents", key=key):
            failed = row.get("attempts", 0)
            row.update(attempts=failed + 1, error=error, failed=failed >= len(delays_seconds))
            if failed < len(delays_seconds):
                row["due_at"] = self._real_time.now() + timedelta(seconds=delays_seconds[failed])

    async def unsettled(self) -> int:
        return len(self._tables.rows("intents"))

    async def failed(self) -> int:
        return sum(bool(row.get("failed")) for row in self._tables.rows("intents"))

    async def find(self, key: str) -> UnsettledIntent | None:
        return next(map(_shown, self._tables.rows("intents", key=key)), None)

    async def page(self, *, failed: bool, limit: int) -> Sequence[UnsettledIntent]:
        wanted = [row for row in self._tables.rows("intents") if row.get("failed") or not failed]
        return [_shown(row) for row in sorted(wanted, key=lambda row: (row["due_at"], row["key"]))[:limit]]

    async def retry(self, key: str) -> UnsettledIntent | None:
        rows = self._tables.rows("intents", key=key)
        for row in rows:
            row.update(failed=False, attempts=0, due_at=self._real_time.now(), error=None)
        return next(map(_shown, rows), None)


def _shown(row: dict[str, Any]) -> UnsettledIntent:
    failed = bool(row.get("failed"))
    return UnsettledIntent(
        row["key"],
        row["stream"],
        row.get("attempts", 0),
        failed=failed,
        due_at=None if failed else row["due_at"],
        error=row.get("error"),
    )
