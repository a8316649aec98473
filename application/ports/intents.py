"""Intents whose outcome is not known yet: what somebody has to see to who was not there when it was asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec


class OpenIntent(msgspec.Struct, frozen=True):
    """The fact with this key on this stream says what was wanted; `attempts` to settle it have failed."""

    key: str
    stream: UUID
    attempts: int


class UnsettledIntent(OpenIntent, frozen=True, kw_only=True):
    """One as its operators see it; times are real time."""

    failed: bool
    """Its tries are used up."""
    due_at: datetime | None
    """When a janitor sees to it; None where nobody will by himself."""
    error: str | None
    """What the last failed try said."""

    @property
    def is_left(self) -> bool:
        """Whoever asked is not at it any more: a janitor has tried."""
        return self.failed or self.attempts > 0


class Intents(Protocol):
    """Rows of the table `intents`, each inserted by the append of its fact. Times are real time."""

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[OpenIntent]:
        """Those that are due, of more than that the longest waiting; nobody else has them for so long."""
        ...

    async def settled(self, key: str) -> None:
        """Its outcome is on the ledger. Said again, it changes nothing."""
        ...

    async def retry_later(self, key: str, *, error: str, delays_seconds: Sequence[float]) -> None:
        """After as long as the delays say for its next try; with none left it has failed, and is not due again."""
        ...

    async def unsettled(self) -> int:
        """How many wait for their outcome, those that have failed too."""
        ...

    async def failed(self) -> int:
        """How many nobody sees to any more."""
        ...

    async def find(self, key: str) -> UnsettledIntent | None:
        """The one that waits with this key, whether it has failed or not."""
        ...

    async def page(self, *, failed: bool, limit: int) -> Sequence[UnsettledIntent]:
        """The longest due first; those alone that have failed, or all that wait for their outcome."""
        ...

    async def retry(self, key: str) -> UnsettledIntent | None:
        """Due at once, its tries begin anew, whether it has failed or not; None where none waits with this key."""
        ...
