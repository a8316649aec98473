"""What platforms are still to do about videos: each thing waits by itself, and none for another."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from uuid import UUID

import msgspec

TaskKind = Literal["remove", "show_captions", "cancel_uploads"]
"""All that is kept of a deleted video; its captions, as recorded; its uploads that another one took the place of."""


class PlatformTask(msgspec.Struct, frozen=True):
    """One that was taken; `wish` grows each time that it is asked for, `attempts` to do it have failed."""

    video_id: UUID
    kind: TaskKind
    platform: str
    wish: int = 1
    attempts: int = 0


class TasksOfPlatform(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with one platform: how many wait, how many of them were tried in vain, and what one try said."""

    platform: str
    waiting: int
    failing: int = 0
    error: str | None = None


class PlatformTasks(Protocol):
    """A durable queue, one entry to a video and kind. Times are real time. All raise DatabaseUnavailable."""

    async def ask(self, video_id: UUID, kind: TaskKind, platform: str) -> None:
        """Due at once, its tries begin anew; whoever is at it does not count: it is done again after him."""
        ...

    async def take_due(
        self, *, busy: Mapping[str, int], each: int, limit: int, seconds: float
    ) -> Sequence[PlatformTask]:
        """Those that are due, of each platform `each` at most, less those that `busy` counts by platform.

        Nobody else has them for so many seconds.
        """
        ...

    async def done(self, task: PlatformTask) -> None:
        """It waits no more, unless it was asked for since it was taken."""
        ...

    async def retry_later(self, task: PlatformTask, *, error: str, seconds: float) -> None:
        """Due after so long, or at once where it was asked for since it was taken."""
        ...

    async def give_back(self, task: PlatformTask) -> None:
        """Not done, and no fault of the platform: somebody else may have it at once."""
        ...

    async def unfinished(self) -> Sequence[TasksOfPlatform]:
        """By platform; one for which nothing waits is not named."""
        ...
