"""Caption tracks: what an admin sends to be read along with a video."""

from asyncio import to_thread
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import msgspec

from application.errors import NotFound
from application.platforms import Platforms
from application.ports.captions import CaptionedPlatform
from application.recall import Asked, Decided, Records
from application.videos import reference
from domain.shared.fact import Fact, Refusal
from domain.video.captions import CaptionTrack, canonical_language, track_of
from domain.video.facts import CaptionKind
from domain.video.video import Video, VideoStatus
from domain.video.webvtt import checked


class CaptionsNotSupported(Refusal):
    """The video is on a platform that shows no captions of ours."""


class NewCaptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin sends: `body` is WebVTT."""

    kind: CaptionKind
    language: str
    label: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """Use cases of captions. What is recorded is shown a moment later, by a policy."""

    records: Records
    platforms: Platforms

    async def of(self, video_id: UUID) -> Sequence[CaptionTrack]:
        """In the order in which they were first provided. Raises NotFound."""
        return (await self._existing(video_id)).captions

    async def provide(self, video_id: UUID, new: NewCaptions, asked: Asked) -> tuple[CaptionTrack, Decided]:
        """Add a track, or replace the one of its kind and language.

        Raises:
            NotFound, CaptionsInvalid, CaptionsNotSupported, LanguageInvalid, StorageFull, TooManyCaptions.
        """
        video = await self._existing(video_id)
        platform = self._captioned(video)
        text = await to_thread(checked, new.body)
        content = text.encode()
        track = CaptionTrack(
            kind=new.kind,
            language=canonical_language(new.language),
            label=new.label,
            sha256=sha256(content).hexdigest(),
            size_bytes=len(content),
        )
        await platform.keep_captions(video_id, track.sha256, text)
        try:
            return track, await self._decide(video_id, asked, lambda video: video.provide_captions(track))
        except NotFound:
            await self.platforms.of(video.platform).delete(reference(video))
            raise

    async def remove(
        self, video_id: UUID, *, kind: CaptionKind, language: str, asked: Asked
    ) -> tuple[CaptionTrack, Decided]:
        """Raises NotFound, LanguageInvalid."""
        language = canonical_language(language)
        track = track_of((await self._existing(video_id)).captions, kind, language)
        if track is None:
            raise NotFound
        return track, await self._decide(video_id, asked, lambda video: video.remove_captions(kind, language))

    async def show(self, video_id: UUID) -> None:
        """Have the platform show what is recorded; done again, nothing changes. Raises PlatformNotSetUp."""
        with suppress(NotFound):
            video = await self._existing(video_id)
            await self._captioned(video).show_captions(video_id, video.playback_id, video.captions)
            try:
                await self._existing(video_id)
            except NotFound:
                # It was deleted meanwhile, perhaps before some of this was put there.
                await self.platforms.of(video.platform).delete(reference(video))

    async def has_any(self, video_id: UUID) -> bool:
        """Raises NotFound."""
        return bool((await self.records.recall(Video, video_id)).existing().captions)

    def _captioned(self, video: Video) -> CaptionedPlatform:
        platform = self.platforms.captioned(video.platform)
        if platform is None:
            raise CaptionsNotSupported(f"Videos on {video.platform} have no captions from here.")
        return platform

    async def _existing(self, video_id: UUID) -> Video:
        return _there((await self.records.recall(Video, video_id)).existing())

    async def _decide(self, video_id: UUID, asked: Asked, decision: Callable[[Video], Sequence[Fact]]) -> Decided:
        return await self.records.decide(Video, video_id, asked, lambda video: decision(_there(video)))


def _there(video: Video) -> Video:
    """Raises NotFound where it was deleted."""
    if video.status is VideoStatus.DELETED:
        raise NotFound
    return video
