"""Videos: created, uploaded, transcoded, published."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from application.errors import NotFound
from application.platforms import PlatformNotSetUp, Platforms
from application.ports.jobs import TranscodeJobs
from application.ports.ledger import Position
from application.ports.reads import CatalogueReads
from application.ports.video_platform import (
    NotAVideo,
    Part,
    ReceivedUpload,
    Reference,
    UploadGrant,
    VideoGone,
    VideoPlatform,
    WorkedPlatform,
)
from application.ports.world import Clock, Identifiers
from application.projections.catalogue import Listed, catalogue
from application.projections.projection import fold_alone
from application.recall import Asked, Decided, Recalled, Records
from application.refused_uploads import kept_if_expected
from domain.shared.fact import Actor, Cause, Fact
from domain.video.facts import Audience
from domain.video.video import UPLOADABLE, Description, UploadNotExpected, Video, VideoStatus


class NewVideo(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin says of a new video; `size` in bytes, where it is known."""

    title: str
    description: str = ""
    category: str = ""
    access: Audience = "subscribers"
    requires: str | None = None
    size: int | None = None
    resumable: bool = False
    """Whether the upload is to go on after a break, where the platform can."""

    def said(self) -> Description:
        return Description(
            title=self.title,
            description=self.description,
            category=self.category,
            access=self.access,
            requires=self.requires,
        )


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin says anew of a video; what is UNSET stays as it is."""

    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    access: Audience | UnsetType = UNSET
    requires: str | UnsetType | None = UNSET

    def on(self, said: Description) -> Description:
        changed = {name: getattr(self, name) for name in self.__struct_fields__}
        return replace(said, **{name: value for name, value in changed.items() if value is not UNSET})


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
    platforms: Platforms
    reads: CatalogueReads
    jobs: TranscodeJobs
    business_time: Clock
    identifiers: Identifiers

    async def create(self, new: NewVideo, asked: Asked) -> CreatedVideo:
        """Raises UploadTooLarge, UploadSizeNeeded: nothing is recorded then."""
        video_id, platform = asked.new_id("video", self.identifiers), self.platforms.of_new_videos
        grant = await self._grant(platform, video_id, new.size, resumable=new.resumable)
        recalled = await self.records.recall(Video, video_id) if asked.seed else Recalled[Video](video_id, None, 0)
        facts = [] if recalled.state else Video.create(video_id=video_id, said=new.said(), platform=platform.name)
        video = recalled.state or Video.evolve(None, facts[0])
        facts += video.grant_upload(upload_id=grant.upload_id, expires_at=grant.expires_at)
        decided = await self.records.append(asked, (recalled, facts))
        return CreatedVideo(video_id, grant, decided.position)

    async def grant_upload(
        self, video_id: UUID, *, size_bytes: int | None, asked: Asked, resumable: bool = False
    ) -> CreatedVideo:
        """Another place to send the bytes of a video that still waits for them, or could not be made of the last.

        Raises:
            NotFound, UploadNotExpected, UploadTooLarge, UploadSizeNeeded, PlatformNotSetUp.
        """
        video = await self._existing(video_id)
        video.expect_upload()
        grant = await self._grant(self.platforms.of(video.platform), video_id, size_bytes, resumable=resumable)
        decided = await self._decide(
            video_id, asked, lambda it: it.grant_upload(upload_id=grant.upload_id, expires_at=grant.expires_at)
        )
        return CreatedVideo(video_id, grant, decided.position)

    async def _grant(
        self, platform: VideoPlatform, video_id: UUID, size_bytes: int | None, *, resumable: bool
    ) -> UploadGrant:
        """So that it can go on after a break, if that is asked for and we take the bytes; others have one way."""
        own, now = self.platforms.own, self.business_time.now()
        if resumable and platform.name == own.name:
            return await own.grant_resumable_upload(video_id, size_bytes=size_bytes, now=now)
        return await platform.grant_upload(video_id, size_bytes=size_bytes, now=now)

    async def receive_upload(
        self, video_id: UUID, upload_token: str, chunks: AsyncIterator[bytes], cause: Cause
    ) -> Decided:
        """Take the bytes; the signed link is the leave to send them.

        Raises:
            NotFound, UploadNotExpected, UploadLinkInvalid, UploadTooLarge.
        """
        (await self._existing(video_id)).expect_upload()
        own = self.platforms.own
        received = await own.receive(video_id, upload_token, chunks, now=self.business_time.now())
        async with kept_if_expected(self.records, own, video_id, received.sha256):
            return await self._received(video_id, Asked(Actor("admin", "upload-link"), cause), received)

    async def sign_parts(self, video_id: UUID, numbers: Sequence[int]) -> Mapping[int, str]:
        """Where each part of an upload in parts is sent. Raises NotFound, UploadNotExpected, PartsInvalid."""
        video = await self._existing(video_id)
        video.expect_upload()
        now = self.business_time.now()
        return await self.platforms.parted(video.platform).sign_parts(reference(video), numbers, now=now)

    async def complete_upload(self, video_id: UUID, parts: Sequence[Part], asked: Asked) -> Decided:
        """All parts have been sent; told again of the same, it is done once.

        Raises NotFound, UploadNotExpected, PartsInvalid, UploadTooLarge.
        """
        video = await self._existing(video_id)
        platform = self.platforms.parted(video.platform)
        if video.has_received(platform.fingerprint(parts)):
            return await self._decide(video_id, asked, lambda _: [])
        video.expect_upload()
        said = asdict(await platform.complete_upload(reference(video), parts))
        return await self._decide(video_id, asked, lambda it: it.complete_upload(**said))

    async def note_arrival(self, video_id: UUID, cause: Cause) -> bool:
        """An upload in parts may have come in, and nobody said so: look, and record it. False where it is no news.

        Raises:
            NotFound, PlatformNotSetUp, ProviderUnavailable.
        """
        video = await self._existing(video_id)
        if video.status not in UPLOADABLE:
            return False
        platform = self.platforms.parted(video.platform)
        received = await platform.arrived(reference(video))
        if received is None or received.sha256 == video.upload_sha256:
            return False
        with suppress(UploadNotExpected):
            await self._received(video_id, Asked(Actor("provider", platform.name), cause), received)
        return True

    async def _received(self, video_id: UUID, asked: Asked, received: ReceivedUpload) -> Decided:
        return await self._decide(video_id, asked, lambda it: it.receive_upload(**asdict(received)))

    async def transcode(self, video_id: UUID) -> None:
        """Make the upload playable, or record why it cannot be; done again after a crash, it finishes once."""
        video = (await self.records.recall(Video, video_id)).state
        if video is None or video.status is not VideoStatus.PROCESSING:
            return
        if (platform := self.platforms.worked(video.platform)) is None:
            return
        asked = Asked(Actor("system", "transcoder"), Cause("command", f"transcode-{video_id}"))
        try:
            await self._decide(video_id, asked, await self._processed(platform, video))
        except VideoGone:
            return
        except NotFound:  # it was deleted while it was worked on, perhaps from another machine
            await platform.delete(reference(video))

    async def _processed(self, platform: WorkedPlatform, video: Video) -> Callable[[Video], Sequence[Fact]]:
        """What is to be recorded of the upload. Raises VideoGone."""
        sha256, report = video.upload_sha256, partial(self.jobs.report_progress, video.id)
        try:
            made = await platform.process(video.id, sha256=sha256, on_progress=report)
        except NotAVideo as refused:
            reason, detail = refused.reason, refused.detail
            return lambda it: it.fail(upload_sha256=sha256, reason=reason, detail=detail)
        return lambda it: it.become_ready(
            upload_sha256=sha256,
            playback_id=made.playback_id,
            duration_seconds=made.duration_seconds,
            renditions=made.renditions,
        )

    async def give_up(self, video_id: UUID) -> None:
        """What was uploaded could not be made playable, and nobody tries any more; done again, nothing happens."""
        asked = Asked(Actor("system", "transcoder"), Cause("command", f"give-up-{video_id}"))
        with suppress(NotFound):
            await self._decide(video_id, asked, lambda it: it.give_up())

    async def describe(self, video_id: UUID, changes: Changes, asked: Asked) -> Decided:
        """Change what is said of a video; what is left out stays. Raises NotFound."""
        return await self._decide(video_id, asked, lambda video: video.describe(changes.on(video.said)))

    async def delete(self, video_id: UUID, asked: Asked) -> Decided:
        """Nobody can play it any more; what is kept of it is removed afterwards. Raises NotFound; twice, it is once."""
        return await self.records.decide(Video, video_id, asked, lambda video: video.delete())

    async def remove_from_platform(self, video_id: UUID) -> None:
        """What is left of a deleted one; done again, nothing happens. Raises PlatformNotSetUp, ProviderUnavailable."""
        video = (await self.records.recall(Video, video_id)).existing()
        await self.platforms.of(video.platform).delete(reference(video))
        await self.jobs.forget(video_id)

    async def publish(self, video_id: UUID, asked: Asked) -> Decided:
        """Raises NotFound, VideoNotReady."""
        return await self._decide(video_id, asked, lambda video: video.publish())

    async def unpublish(self, video_id: UUID, asked: Asked) -> Decided:
        """Raises NotFound."""
        return await self._decide(video_id, asked, lambda video: video.unpublish())

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

    async def _existing(self, video_id: UUID) -> Video:
        """Raises NotFound; one that was deleted is there no more."""
        return _there((await self.records.recall(Video, video_id)).existing())

    async def _decide(self, video_id: UUID, asked: Asked, decision: Callable[[Video], Sequence[Fact]]) -> Decided:
        """Raises NotFound, a Refusal, or StreamMoved at the end."""
        return await self.records.decide(Video, video_id, asked, lambda video: decision(_there(video)))

    def _shown(self, video: Listed, progress: float | None = None) -> Shown:
        """Without a picture where its platform is not set up here any more."""
        thumbnail = None
        if video.playback_id:
            with suppress(PlatformNotSetUp):
                platform, now = self.platforms.of(video.platform), self.business_time.now()
                thumbnail = platform.thumbnail_url(video.video_id, video.playback_id, now=now) or None
        return Shown(video, progress, thumbnail)


def reference(video: Video) -> Reference:
    """As its platform knows it."""
    last = (video.upload_id, video.asset_id, video.playback_id)
    return Reference(video.id, *last, video.earlier_uploads, video.earlier_assets)


def _there(video: Video) -> Video:
    if video.status is VideoStatus.DELETED:
        raise NotFound
    return video
