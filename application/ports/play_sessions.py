"""Who is playing what right now, and how far they are."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec


class PlaySession(msgspec.Struct, frozen=True, kw_only=True):
    """One device playing one video, by the sign-in `sign_in_id`; None: a stranger's."""

    session_id: UUID
    account_id: UUID | None
    video_id: UUID
    device_id: str | None
    sign_in_id: UUID | None = None
    started_at: datetime
    ends_at: datetime


class Playing(NamedTuple):
    """A live session's viewer (None: a stranger) and video, and the epoch of the sign-in that it was begun with."""

    account_id: UUID | None
    video_id: UUID
    sign_in_epoch: int | None = None


class PlaySessions(Protocol):
    """Operational rows: who is playing what, and how far they are."""

    async def start(self, session: PlaySession) -> float:
        """The second at which this account left the video, 0.0 if it never played it."""
        ...

    async def beat(self, session_id: UUID, account_id: UUID | None, *, position_seconds: float, now: datetime) -> bool:
        """False when the session has ended, or is not this account's."""
        ...

    async def end(self, session_id: UUID, account_id: UUID | None, *, now: datetime) -> bool: ...

    async def live(self, session_id: UUID, *, now: datetime) -> Playing | None:
        """Who plays what in a session that has not ended, nor the sign-in that it was begun with."""
        ...
