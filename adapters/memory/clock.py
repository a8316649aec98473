"""A clock that stands still until it is told."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""A Monday."""


class MemoryClock:
    """Business time or real time of a test; None puts it back to where it began."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._now = start

    def now(self) -> datetime:
        return self._now

    async def move_to(self, moment: datetime | None) -> None:
        self._now = moment or self._start

    def pass_by(self, time: timedelta) -> None:
        """Let that much time go by."""
        self._now += time
