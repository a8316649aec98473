"""Intents whose outcome is not known yet: what somebody has to see to who was not there when it was asked for."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec


class OpenIntent(msgspec.Struct, frozen=True):
    """The fact with this key on this stream says what was wanted; `attempts` to settle it have failed."""

    key: str
    stream: UUID
    attempts: int


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
