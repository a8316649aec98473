"""The queue of transcoding in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID


class MemoryTranscodeJobs:
    """It outlives nothing, and a try that raises ends the work."""

    def __init__(self) -> None:
        self._queued: dict[UUID, None] = {}
        self._failed: set[UUID] = set()
        self._progress: dict[UUID, float] = {}
        self._deferred = asyncio.Event()

    async def defer(self, video_id: UUID) -> None:
        self._queued[video_id] = None
        self._failed.discard(video_id)
        self._deferred.set()

    def report_progress(self, video_id: UUID, fraction: float) -> None:
        if video_id in self._progress:
            self._progress[video_id] = fraction

    async def progress(self, video_id: UUID) -> float | None:
        return self._progress.get(video_id)

    async def unfinished(self) -> int:
        return len(self._queued.keys() | self._progress.keys())

    async def failed(self) -> int:
        return len(self._failed)

    async def forget(self, video_id: UUID) -> None:
        self._failed.discard(video_id)

    async def work(self, transcode: Callable[[UUID], Awaitable[None]]) -> None:
        """Until cancelled."""
        while True:
            await self.work_off(transcode)
            self._deferred.clear()
            await self._deferred.wait()

    async def work_off(self, transcode: Callable[[UUID], Awaitable[None]]) -> None:
        """Until nothing is queued."""
        while self._queued:
            video_id = next(iter(self._queued))
            del self._queued[video_id]
            self._progress[video_id] = 0.0
            try:
                await transcode(video_id)
            except Exception:
                self._failed.add(video_id)
                raise
            finally:
                del self._progress[video_id]
