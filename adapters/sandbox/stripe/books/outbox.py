"""The events that are to be delivered: pending until the receiver has taken them, or until they are given up."""

import time
from dataclasses import dataclass
from sqlite3 import Row

from adapters.sandbox.stripe.books.database import Database

STATUSES = ("pending", "delivered", "failed")


@dataclass(frozen=True)
class Delivery:
    """`queued_at` and `retry_at` are real time, in Unix seconds: they only pace the attempts."""

    position: int
    event_id: str
    status: str
    attempts: int
    queued_at: float
    retry_at: float
    last_response: str | None


class Outbox:
    """Reads and writes within the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(self, event_id: str) -> None:
        self._database.execute(
            "INSERT INTO deliveries (event_id, queued_at) VALUES (?, ?) ON CONFLICT (event_id) DO NOTHING",
            event_id,
            time.time(),
        )

    def due(self, now: float, *, delay_seconds: float, limit: int) -> list[Delivery]:
        """Those that may be tried at `now` (real time), the oldest first."""
        rows = self._database.execute(
            "SELECT * FROM deliveries WHERE status = 'pending' AND queued_at <= ? AND retry_at <= ?"
            " ORDER BY position LIMIT ?",
            now - delay_seconds,
            now,
            limit,
        )
        return [_delivery(row) for row in rows.fetchall()]

    def next_at(self, *, delay_seconds: float) -> float | None:
        """The real time at which the first one may be tried; None when nothing is pending."""
        row = self._database.execute(
            "SELECT min(max(queued_at + ?, retry_at)) AS at FROM deliveries WHERE status = 'pending'", delay_seconds
        ).fetchone()
        return None if row["at"] is None else float(row["at"])

    def count_pending(self) -> int:
        row = self._database.execute("SELECT count(*) AS n FROM deliveries WHERE status = 'pending'").fetchone()
        return int(row["n"])

    def page(self, *, status: str | None, after: int, limit: int) -> list[Delivery]:
        """In the order in which they were made, beginning behind the position `after`."""
        rows = self._database.execute(
            "SELECT * FROM deliveries WHERE position > ? AND (? IS NULL OR status = ?) ORDER BY position LIMIT ?",
            after,
            status,
            status,
            limit,
        )
        return [_delivery(row) for row in rows.fetchall()]

    def find(self, event_id: str) -> Delivery | None:
        row = self._database.execute("SELECT * FROM deliveries WHERE event_id = ?", event_id).fetchone()
        return _delivery(row) if row else None

    def settle(self, delivery: Delivery, *, status: str, response: str, retry_at: float = 0) -> None:
        """One more attempt has been made, and this came of it."""
        self._database.execute(
            "UPDATE deliveries SET status = ?, attempts = attempts + 1, last_response = ?, retry_at = ?"
            " WHERE event_id = ?",
            status,
            response,
            retry_at,
            delivery.event_id,
        )

    def give_up(self, delivery: Delivery, *, reason: str) -> None:
        """Without an attempt."""
        self._database.execute(
            "UPDATE deliveries SET status = 'failed', last_response = ? WHERE event_id = ?", reason, delivery.event_id
        )


def _delivery(row: Row) -> Delivery:
    return Delivery(
        position=row["position"],
        event_id=row["event_id"],
        status=row["status"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
        retry_at=row["retry_at"],
        last_response=row["last_response"],
    )
