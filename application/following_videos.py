"""Following what platforms make of videos: on a notice, or without one, they are asked, and the answer recorded."""

import asyncio
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from application.errors import NotFound, ProviderBusy, ProviderUnavailable
from application.in_turn import in_turn
from application.platforms import Platforms
from application.ports.inbox import Customer, Inbox, Waiting
from application.ports.ledger import GuardedRow, UpdateIf
from application.ports.reads import CatalogueReads
from application.ports.video_platform import UploadNotices
from application.ports.world import Clock
from application.projections.catalogue import Listed
from application.recall import Asked, Records, again_when_moved
from application.videos import Videos, reference
from domain.shared.fact import Actor, Cause
from domain.video.video import Video

log = logging.getLogger(__name__)

RETRY_DELAYS_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
VIDEOS_AT_ONCE = 8
WAITED_IN_VAIN = timedelta(days=2)
"""For so long after the end of its upload's time a video is asked about that nothing came for."""
UNHEARD_MAX = 500
"""Of a platform's videos about which nothing has come, so many are asked about in one go."""


class VideoUnknown(Exception):
    """A notice is about a video that is none of ours, or of another platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingVideos:
    """Any number of workers may do it at once: what is recorded only ever goes on from what was recorded before."""

    records: Records
    platforms: Platforms
    videos: Videos
    inbox: Inbox
    reads: CatalogueReads
    business_time: Clock
    notices: UploadNotices | None = None
    """Where notices of uploads are fetched; None: there are none to be fetched."""

    async def settle_waiting(self) -> int:
        """Ask about the videos whose notices are due, several at once, and say how many that were."""

        async def waiting(room: int, busy: AbstractSet[Customer]) -> Sequence[Customer]:
            providers = self.platforms.remote_names
            due = await self.inbox.customers_waiting(limit=room + len(busy), providers=providers) if providers else ()
            return [video for video in due if video not in busy][:room]

        return await in_turn(waiting, self._settle_or_note, at_once=VIDEOS_AT_ONCE)

    async def _settle_or_note(self, video: Customer) -> bool:
        try:
            await self.settle(video)
        except ProviderBusy as trouble:
            await self.inbox.put_off(video, seconds=trouble.retry_after_seconds)
        except VideoUnknown as trouble:
            await self.inbox.park(video, why=str(trouble))
        except ProviderUnavailable as trouble:
            log.warning("a video is put off: %s", trouble, extra={"provider": video.provider})
            await self.inbox.retry_later(video, error=str(trouble), delays_seconds=RETRY_DELAYS_SECONDS)
        except Exception as trouble:
            log.exception("a video could not be settled", extra={"provider": video.provider})
            await self.inbox.retry_later(video, error=repr(trouble), delays_seconds=RETRY_DELAYS_SECONDS)
        return True

    async def settle(self, video: Customer) -> int:
        """Ask the platform, record the difference, and say how many facts that took.

        What was waiting before the question is settled by its answer.

        Raises:
            VideoUnknown, ProviderUnavailable, ProviderRefused, NotFound for a platform that is not set up here.
        """
        video_id = _id_of(video)

        async def once() -> int:
            waiting = await self.inbox.waiting(video)
            recalled = await self.records.recall(Video, video_id)
            state = recalled.state
            if state is None or state.platform != video.provider:
                raise VideoUnknown(f"{video.provider} tells of a video that is none of its own here.")
            truth = await self.platforms.remote(video.provider).look(reference(state))
            facts = state.observe(truth)
            await self.records.append(_asked(video, waiting), (recalled, facts), rows=self._rows(waiting))
            return len(facts)

        return await again_when_moved(once)

    async def ask_about_unheard(self) -> int:
        """Ask about the videos that a platform has, or waits for, and of which no notice came; how many had news.

        Raises ProviderUnavailable of a platform that does not answer, once all others have been asked.
        """
        names = [*self.platforms.remote_names, *self.platforms.parted_names]
        told = await asyncio.gather(*map(self._ask_about_all_of, names), return_exceptions=True)
        for trouble in told:
            if isinstance(trouble, BaseException):
                raise trouble
        return sum(news for news in told if isinstance(news, int))

    async def _ask_about_all_of(self, platform: str) -> int:
        news, since = 0, self.business_time.now() - WAITED_IN_VAIN
        for listed in await self.reads.unfinished([platform], waited_since=since, limit=UNHEARD_MAX):
            try:
                news += await self._ask_about(listed)
            except ProviderUnavailable:
                raise
            except Exception:
                log.exception("a video could not be asked about", extra={"video": str(listed.video_id)})
        return news

    async def _ask_about(self, listed: Listed) -> bool:
        if listed.platform in self.platforms.remote_names:
            return bool(await self.settle(Customer(listed.platform, str(listed.video_id))))
        return await self.videos.note_arrival(listed.video_id, Cause("sweep", listed.platform))

    async def hear_of_uploads(self, *, seconds: int) -> int:
        """Settle the notices that come within so long, and say how many that were; what fails comes again.

        Raises ProviderUnavailable.
        """
        if self.notices is None:
            return 0
        waiting = await self.notices.waiting(seconds=seconds)
        for notice in waiting:
            for video_id in notice.video_ids:
                with suppress(NotFound):
                    await self.videos.note_arrival(video_id, Cause("webhook", "upload"))
            await self.notices.settled(notice)
        return len(waiting)

    def _rows(self, waiting: Sequence[Waiting]) -> list[GuardedRow]:
        if not waiting:
            return []
        return [
            UpdateIf(
                "inbox",
                where={"id": [delivery.id for delivery in waiting]},
                values={"status": "done", "settled_at": self.business_time.now(), "error": None},
                required=False,
            )
        ]


def _asked(video: Customer, waiting: Sequence[Waiting]) -> Asked:
    """The newest notice is the cause; with none waiting we asked by ourselves."""
    actor = Actor("provider", video.provider)
    return Asked(actor, Cause("webhook", waiting[-1].event_id) if waiting else Cause("sweep", video.provider))


def _id_of(video: Customer) -> UUID:
    try:
        return UUID(video.customer_id)
    except ValueError:
        raise VideoUnknown(f"{video.provider} tells of a video by a name that is none of ours.") from None
