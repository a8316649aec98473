"""What platforms are to do about videos is done, each thing by itself, until it is done."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from application.captions import Captions
from application.earlier_uploads import EarlierUploads
from application.errors import ProviderBusy, Unavailable
from application.in_turn import in_turn
from application.ports.platform_tasks import PlatformTask, PlatformTasks, TaskKind
from application.recall import Records
from application.videos import Videos
from domain.video.video import Video

log = logging.getLogger(__name__)

AT_ONCE, AT_ONCE_OF_PLATFORM = 32, 4
"""A platform that does not answer holds so many at most, and the others have the rest."""
LONGEST_SECONDS, LEASE_SECONDS = 240.0, 300.0
"""A try that takes longer has failed; one whose worker was killed is taken by another after the lease."""
GIVE_BACK_SECONDS = 1.0
"""For what is under way when a worker is told to stop."""
RETRY_DELAYS_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)
"""The last for ever: a platform whose settings are gone may have them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformWork:
    """Any number of workers may do it at once; each thing is done by one of them at a time."""

    records: Records
    tasks: PlatformTasks
    videos: Videos
    captions: Captions
    earlier_uploads: EarlierUploads

    async def ask(self, video_id: UUID, kind: TaskKind) -> None:
        """Of the platform that the video is on; asked again, it is done once more, or still once. Raises NotFound."""
        video = (await self.records.recall(Video, video_id)).existing()
        await self.tasks.ask(video_id, kind, video.platform)

    async def do_due(self) -> int:
        """All that is due, several things at once, and say how many that were."""
        under_way = Counter[str]()

        async def waiting(room: int, _: AbstractSet[PlatformTask]) -> Sequence[PlatformTask]:
            taken = await self.tasks.take_due(
                busy=under_way, each=AT_ONCE_OF_PLATFORM, limit=room, seconds=LEASE_SECONDS
            )
            under_way.update(task.platform for task in taken)
            return taken

        async def do(task: PlatformTask) -> bool:
            try:
                return await self._do_or_note(task)
            finally:
                under_way[task.platform] -= 1

        return await in_turn(waiting, do, at_once=AT_ONCE)

    async def _do_or_note(self, task: PlatformTask) -> bool:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._do(task)
            await self.tasks.done(task)
        except asyncio.CancelledError:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self.tasks.give_back(task)
            raise
        except Unavailable as trouble:
            log.warning("a platform cannot do what is asked of it: %s", trouble, extra=_told(task))
            await self._put_off(task, trouble)
        except Exception as trouble:
            log.exception("a platform could not do what is asked of it", extra=_told(task))
            await self._put_off(task, trouble)
        return True

    async def _do(self, task: PlatformTask) -> None:
        match task.kind:
            case "remove":
                await self.videos.remove_from_platform(task.video_id)
            case "show_captions":
                await self.captions.show(task.video_id)
            case "cancel_uploads":
                await self.earlier_uploads.cancel(task.video_id)
            case _:
                assert_never(task.kind)

    async def _put_off(self, task: PlatformTask, trouble: Exception) -> None:
        seconds = RETRY_DELAYS_SECONDS[min(task.attempts, len(RETRY_DELAYS_SECONDS) - 1)]
        if isinstance(trouble, ProviderBusy):
            seconds = max(seconds, trouble.retry_after_seconds)
        await self.tasks.retry_later(task, error=repr(trouble), seconds=seconds)


def _told(task: PlatformTask) -> dict[str, str]:
    return {"platform": task.platform, "task": task.kind, "video": str(task.video_id)}
