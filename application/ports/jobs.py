"""Work that outlives the process that asked for it."""

from typing import Protocol
from uuid import UUID


class TranscodeJobs(Protocol):
    """The durable queue of videos to be transcoded."""

    async def defer(self, video_id: UUID) -> None:
        """Queue it; queued already, it stays queued once."""
        ...

    def report_progress(self, video_id: UUID, fraction: float) -> None:
        """Noted soon, only the newest counts; losing one loses nothing."""
        ...

    async def progress(self, video_id: UUID) -> float | None:
        """0.0 to 1.0 while it is being worked on."""
        ...

    async def unfinished(self) -> int: ...

    async def failed(self) -> int:
        """Given up after the last try, and neither queued again nor forgotten since."""
        ...

    async def forget(self, video_id: UUID) -> None:
        """It is counted among the failed no more; nothing happens where it has not failed."""
        ...
