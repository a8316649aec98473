"""Who is playing what right now, and how far they are."""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

SILENCE_MAX = timedelta(seconds=90)
"""A session of which nothing has been heard for so long is dead, also where the player has only paused."""


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


class StreamLimit(NamedTuple):
    """How many of an account's counted sessions may live at once; one more is refused, or ends the oldest."""

    streams: int
    evicts_oldest: bool = False


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A counted session that is live; times are business time in UTC."""

    session_id: UUID
    video_id: UUID
    device_id: str | None
    started_at: datetime
    last_seen_at: datetime


class StreamsTaken(Exception):
    """All of an account's streams are taken, by these, oldest first; nothing was started or ended."""

    def __init__(self, streams: tuple[Stream, ...]) -> None:
        super().__init__(f"{len(streams)} streams are taken")
        self.streams = streams


class PlaySessions(Protocol):
    """Operational rows: who is playing what, and how far they are.

    A session is live until it is ended, its `ends_at` comes, its sign-in ends, or SILENCE_MAX goes by without a beat.
    """

    async def start(self, session: PlaySession) -> float:
        """The second at which this account left the video, 0.0 if it never played it.

        What this account plays on the same device is replaced: it ends, counted or not. Strangers, and those who name
        no device, have as many as they like.
        """
        ...

    async def start_counted(self, session: PlaySession, limit: StreamLimit) -> float:
        """As `start`, for an account whose plan limits its streams, of which this is one.

        A counted session on the same device is replaced: it ends, and is not in the way. However many start at once, in
        whatever processes, no more than the limit are live.

        Raises:
            StreamsTaken.
        """
        ...

    async def beat(self, session_id: UUID, account_id: UUID | None, *, position_seconds: float, now: datetime) -> bool:
        """False when the session is not live, or not this account's."""
        ...

    async def end(self, session_id: UUID, account_id: UUID | None, *, now: datetime) -> bool:
        """False when the session is not live, or not this account's."""
        ...

    async def live(self, session_id: UUID, *, now: datetime) -> Playing | None:
        """Who plays what in a session, where it is live."""
        ...
