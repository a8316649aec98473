"""The queue of transcoding, and the worker that takes from it: each video is finished once, whoever is killed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from uuid import UUID

from adapters.jobs.queue import Lease, TranscodeQueue
from adapters.postgres.listening import Signal
from adapters.postgres.pool import Pool
from application.errors import DatabaseUnavailable, Unavailable

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
RENEW_SECONDS = 1.0
POLL_SECONDS = 1.0
RETRY_DELAYS_SECONDS = (5.0, 30.0, 120.0, 600.0)
LONGEST_SECONDS = 12 * 3600.0
"""A try that takes longer has failed."""
STOP_SECONDS = 5.0
"""For a transcoding to stop, and for the queue to be told."""

Transcode = Callable[[UUID], Awaitable[None]]


class LeaseLost(Exception):
    """Another worker has the video, or may have it by now."""


class PostgresTranscodeJobs:
    """Deferred by any process, worked on by any other.

    A worker that is killed leaves its video to another one within `lease_seconds` and a second. A try that raises is
    repeated after each of `retry_delays_seconds`; after the last one, or when as many workers and one more were lost
    over it, the video is given up, and its error stays in `jobs.transcodes` until it is deferred again or forgotten.
    The transcoding, and the giving up, must be such that they may be done again.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        lease_seconds: float = LEASE_SECONDS,
        retry_delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
    ) -> None:
        self._queue = TranscodeQueue(pool, lease_seconds=lease_seconds)
        self._lease_seconds = lease_seconds
        self._retry_delays_seconds = retry_delays_seconds
        self._deferred = Signal()
        self._progress: dict[UUID, float] = {}

    async def defer(self, video_id: UUID) -> None:
        """Raises DatabaseUnavailable."""
        await self._queue.defer(video_id)
        self._deferred.fire()

    def report_progress(self, video_id: UUID, fraction: float) -> None:
        """Written with the next renewal of the lease; ignored for a video that is not worked on here."""
        if video_id in self._progress:
            self._progress[video_id] = min(max(0.0, fraction), 1.0)

    async def progress(self, video_id: UUID) -> float | None:
        """Raises DatabaseUnavailable."""
        return await self._queue.progress(video_id)

    async def unfinished(self) -> int:
        """Raises DatabaseUnavailable."""
        return await self._queue.unfinished()

    async def failed(self) -> int:
        """Raises DatabaseUnavailable."""
        return await self._queue.failed()

    async def forget(self, video_id: UUID) -> None:
        """Raises DatabaseUnavailable."""
        await self._queue.forget(video_id)

    async def work(self, transcode: Transcode, *, give_up: Transcode | None = None, concurrency: int = 1) -> None:
        """Until cancelled: what is under way then is stopped and given back, to be taken by another worker at once.

        `give_up` is to record that a video could not be made ready; it is called until it has not raised Unavailable.
        """
        async with asyncio.TaskGroup() as group:
            for number in range(concurrency):
                group.create_task(self._work_on_one_after_another(transcode, give_up), name=f"transcoder-{number}")

    async def _work_on_one_after_another(self, transcode: Transcode, give_up: Transcode | None) -> None:
        while True:
            deferred = self._deferred.next
            lease = await self._take()
            if lease is not None:
                await self._try(lease, transcode, give_up)
                continue
            try:
                await asyncio.wait_for(deferred.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    async def _take(self) -> Lease | None:
        try:
            return await self._queue.take()
        except DatabaseUnavailable:
            log.warning("no video can be taken while the database does not answer")
            return None

    async def _try(self, lease: Lease, transcode: Transcode, give_up: Transcode | None) -> None:
        if lease.attempts > len(self._retry_delays_seconds) + 1:
            await self._fail(lease, RuntimeError("its worker was lost, and that was the last try"), give_up)
            return
        self._progress[lease.video_id] = 0.0
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._while_leased(lease, transcode(lease.video_id))
        except asyncio.CancelledError:
            await self._tell(self._queue.give_back(lease))
            raise
        except LeaseLost as lost:
            log.warning("transcoding was left to another worker", extra={"video": lease.video_id, "why": str(lost)})
        except Exception as trouble:  # noqa: BLE001 - whatever it is, it is logged, kept, and tried again
            await self._fail(lease, trouble, give_up)
        else:
            await self._tell(self._queue.finish(lease))
        finally:
            self._progress.pop(lease.video_id, None)

    async def _while_leased(self, lease: Lease, transcoding: Awaitable[None]) -> None:
        """Raises what the transcoding raises, and LeaseLost: then it has been stopped."""
        task = asyncio.ensure_future(transcoding)
        try:
            leased_until = monotonic() + self._lease_seconds
            while not (await asyncio.wait([task], timeout=RENEW_SECONDS))[0]:
                leased_until = await self._renew(lease, leased_until)
            task.result()
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=STOP_SECONDS)

    async def _renew(self, lease: Lease, leased_until: float) -> float:
        """Until when the lease lasts now. Raises LeaseLost."""
        now = monotonic()
        try:
            async with asyncio.timeout(self._lease_seconds / 3):
                is_ours = await self._queue.renew(lease, progress=self._progress.get(lease.video_id, 0.0))
        except (DatabaseUnavailable, TimeoutError):
            if monotonic() > leased_until:
                raise LeaseLost("the database has not answered for as long as a lease lasts") from None
            return leased_until
        if not is_ours:
            raise LeaseLost("its lease was over, and it was taken")
        return now + self._lease_seconds

    async def _fail(self, lease: Lease, trouble: Exception, give_up: Transcode | None) -> None:
        remaining = self._retry_delays_seconds[lease.attempts - 1 :]
        what = {"video": lease.video_id, "attempt": lease.attempts}
        if remaining:
            log.warning("transcoding failed and will be tried again", extra=what, exc_info=trouble)
        else:
            log.error("transcoding failed for good", extra=what, exc_info=trouble)
            if give_up is not None and not await self._given_up(lease, give_up):
                return
        delay = remaining[0] if remaining else None
        await self._tell(self._queue.fail(lease, error=repr(trouble), retry_after_seconds=delay))

    async def _given_up(self, lease: Lease, give_up: Transcode) -> bool:
        """Whether that is recorded, or need not be; if not, the end of the lease has it given up by another worker."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if await self._queue.is_last(lease):
                    await give_up(lease.video_id)
        except (Unavailable, TimeoutError):
            log.warning("that a video is given up could not be recorded, so it will be done again")
            return False
        except Exception:
            log.exception("that a video is given up cannot be recorded", extra={"video": lease.video_id})
        return True

    async def _tell(self, change: Awaitable[None]) -> None:
        """Change the queue, if that can be done soon; if not, the end of the lease has the video worked on again."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await change
        except (DatabaseUnavailable, TimeoutError):
            log.warning("what became of a try could not be noted, so it will be done again")
