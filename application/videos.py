"""Videos: created, uploaded, transcoded, published."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID

import msgspec

from application.errors import NotFound
from application.ports.jobs import TranscodeJobs
from application.ports.ledger import Position
from application.ports.reads import CatalogueReads
from application.ports.video_platform import NotAVideo, OwnPlatform, UploadGrant
from application.ports.world import Clock, Identifiers
from application.projections.catalogue import Listed, catalogue
from application.projections.projection import fold_alone
from application.recall import Asked, Decided, Recalled, Records
from domain.shared.fact import Actor, Cause
from domain.video.video import Audience, Video, VideoStatus


class NewVideo(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin says of a new video; `size` in bytes, where it is known."""

    title: str
    description: str = ""
    category: str = ""
    access: Audience = "subscribers"
    requires: str | None = None
    size: int | None = None


class CreatedVideo(msgspec.Struct, frozen=True):
    """A new video, where its bytes go, and where the ledger stands."""

    video_id: UUID
    upload: UploadGrant
    position: Position


class Shown(NamedTuple):
    """A video as a page shows it; `progress` from 0.0 to 1.0 while it is being made ready."""

    video: Listed
    progress: float | None
    thumbnail_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Videos:
    """Use cases of videos."""

    records: Records
    platform: OwnPlatform
    reads: CatalogueReads
    jobs: TranscodeJobs
    business_time: Clock
    identifiers: Identifiers

    async def create(self, new: NewVideo, asked: Asked) -> CreatedVideo:
        """Raises UploadTooLarge when the announced size is over the limit; then nothing is recorded."""
        video_id = asked.new_id("video", self.identifiers)
        grant = await self.platform.grant_upload(video_id, size_bytes=new.size, now=self.business_time.now())
        recalled = await self.records.recall(Video, video_id) if asked.seed else Recalled[Video](video_id, None, 0)
        facts = Video.create(
            video_id=video_id,
            title=new.title,
            description=new.description,
            category=new.category,
            access=new.access,
            requires=new.requires,
            platform=self.platform.name,
        )
        decided = await self.records.append(asked, (recalled, [] if recalled.state else facts))
        return CreatedVideo(video_id, grant, decided.position)

    async def receive_upload(
        self, video_id: UUID, upload_token: str, chunks: AsyncIterator[bytes], cause: Cause
    ) -> Decided:
        """Take the bytes; the signed link is the leave to send them.

        Raises:
            NotFound, UploadNotExpected, UploadLinkInvalid, UploadTooLarge.
        """
        (await self.records.recall(Video, video_id)).existing().expect_upload()
        received = await self.platform.receive(video_id, upload_token, chunks, now=self.business_time.now())
        asked = Asked(Actor("admin", "upload-link"), cause)
        return await self.records.decide(
            Video,
            video_id,
            asked,
            lambda video: video.receive_upload(size_bytes=received.size_bytes, sha256=received.sha256),
        )

    async def transcode(self, video_id: UUID) -> None:
        """Make the upload playable, or record why it cannot be; done again after a crash, it finishes once."""
        video = (await self.records.recall(Video, video_id)).state
        if video is None or video.status is not VideoStatus.PROCESSING:
            return
        asked = Asked(Actor("system", "transcoder"), Cause("command", f"transcode-{video_id}"))
        sha256 = video.upload_sha256
        try:
            processed = await self.platform.process(
                video_id, sha256=sha256, on_progress=partial(self.jobs.report_progress, video_id)
            )
        except NotAVideo as refused:
            reason, detail = refused.reason, refused.detail
            await self.records.decide(
                Video, video_id, asked, lambda it: it.fail(upload_sha256=sha256, reason=reason, detail=detail)
            )
            return
        await self.records.decide(
            Video,
            video_id,
            asked,
            lambda it: it.become_ready(
                upload_sha256=sha256,
                playback_id=processed.playback_id,
                duration_seconds=processed.duration_seconds,
                renditions=processed.renditions,
            ),
        )

    async def publish(self, video_id: UUID, asked: Asked) -> Decided:
        """Raises NotFound, VideoNotReady."""
        return await self.records.decide(Video, video_id, asked, lambda video: video.publish())

    async def unpublish(self, video_id: UUID, asked: Asked) -> Decided:
        """Raises NotFound."""
        return await self.records.decide(Video, video_id, asked, lambda video: video.unpublish())

    async def page(
        self, *, query: str | None, category: str | None, access: str | None, before: int | None, limit: int
    ) -> Sequence[Shown]:
        """Published videos, the last published first."""
        listed = await self.reads.page(query=query, category=category, access=access, before=before, limit=limit)
        return [self._shown(video) for video in listed]

    async def shown(self, video_id: UUID, *, to_admin: bool) -> Shown:
        """One video; an unpublished one exists for admins alone. Raises NotFound."""
        video = await self.reads.video(video_id)
        if video is None or (video.published_at is None and not to_admin):
            raise NotFound
        progress = await self.jobs.progress(video_id) if video.status == "processing" else None
        return self._shown(video, progress)

    async def just_recorded(self, video_id: UUID) -> Shown:
        """The video straight from its facts, for who has just changed it. Raises NotFound."""
        facts = await self.records.ledger.read(video_id)
        video = fold_alone(catalogue, facts).by_key[Listed].get(video_id)
        if not isinstance(video, Listed):
            raise NotFound
        return self._shown(video)

    def _shown(self, video: Listed, progress: float | None = None) -> Shown:
        now = self.business_time.now()
        ready = bool(video.playback_id)
        thumbnail = self.platform.thumbnail_url(video.video_id, video.playback_id, now=now) if ready else None
        return Shown(video, progress, thumbnail)
