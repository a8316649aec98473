"""A video: created, uploaded, made ready, published; or found to be no video at all."""

from datetime import datetime
from enum import StrEnum
from typing import Self, TypedDict, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import Refusal
from domain.video.captions import (
    TRACKS_MAX,
    CaptionTrack,
    TooManyCaptions,
    track_of,
    with_track,
    without_track,
)
from domain.video.facts import (
    Audience,
    CaptionKind,
    CaptionsProvided,
    CaptionsRemoved,
    Rendition,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoFact,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)
from domain.video.truth import AssetTruth


class VideoStatus(StrEnum):
    WAITING = "waiting"
    PROCESSING = "processing"
    READY = "ready"
    ERRORED = "errored"
    PUBLISHED = "published"
    DELETED = "deleted"


GONE = "gone"
"""Why a video failed that its platform has lost, or that was deleted there by hand."""

GIVEN_UP = "transcoding_failed"
GIVEN_UP_DETAIL = (
    "It could not be made ready, and was tried several times; the worker's log says why. It may be uploaded again."
)

UPLOADABLE = frozenset({VideoStatus.WAITING, VideoStatus.ERRORED})


class UploadNotExpected(Refusal):
    """The video has had its upload already."""


class VideoNotReady(Refusal):
    """Only a video that is ready can be published or played."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin says of a video; `requires` as in `VideoCreated`."""

    title: str
    description: str
    category: str
    access: Audience
    requires: str | None


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a video, folded from its facts."""

    id: UUID
    said: Description
    platform: str
    status: VideoStatus = VideoStatus.WAITING
    upload_id: str = ""
    asset_id: str = ""
    playback_id: str = ""
    earlier_uploads: tuple[str, ...] = ()
    """Whose place the last one has taken; the platform may still take a file by them."""
    earlier_assets: tuple[str, ...] = ()
    upload_sha256: str = ""
    upload_size_bytes: int = 0
    captions: tuple[CaptionTrack, ...] = ()

    @staticmethod
    def create(*, video_id: UUID, said: Description, platform: str) -> list[VideoFact]:
        return [VideoCreated(video_id=video_id, platform=platform, **_fields(said))]

    def describe(self, said: Description) -> list[VideoFact]:
        return [] if said == self.said else [VideoDescribed(video_id=self.id, **_fields(said))]

    def grant_upload(self, *, upload_id: str, expires_at: datetime) -> list[VideoFact]:
        """Nothing to record where the platform goes by our id of the video."""
        self.expect_upload()
        if not upload_id or upload_id == self.upload_id:
            return []
        return [UploadGranted(video_id=self.id, upload_id=upload_id, expires_at=expires_at)]

    def receive_upload(self, *, size_bytes: int, sha256: str) -> list[VideoFact]:
        self.expect_upload()
        return [UploadReceived(video_id=self.id, size_bytes=size_bytes, sha256=sha256)]

    def complete_upload(self, *, size_bytes: int, sha256: str) -> list[VideoFact]:
        """Nothing happens where that very upload was received before."""
        return [] if self.has_received(sha256) else self.receive_upload(size_bytes=size_bytes, sha256=sha256)

    def has_received(self, sha256: str) -> bool:
        """That very upload, and takes no other."""
        return not self.expects_upload() and bool(sha256) and self.upload_sha256 == sha256

    def expect_upload(self) -> None:
        """Refuse an upload unless the video waits for one; a failed video may be uploaded again."""
        if not self.expects_upload():
            raise UploadNotExpected(f"This video is {self.status}; it takes no upload.")

    def expects_upload(self) -> bool:
        return self.status in UPLOADABLE

    def become_ready(
        self, *, upload_sha256: str, playback_id: str, duration_seconds: float, renditions: tuple[Rendition, ...]
    ) -> list[VideoFact]:
        """Nothing happens when the notice comes twice, or is about an upload that another one has replaced."""
        if not self._is_processing(upload_sha256):
            return []
        return [
            VideoMadeReady(
                video_id=self.id, playback_id=playback_id, duration_seconds=duration_seconds, renditions=renditions
            )
        ]

    def fail(self, *, upload_sha256: str, reason: str, detail: str) -> list[VideoFact]:
        if not self._is_processing(upload_sha256):
            return []
        return [VideoFailed(video_id=self.id, reason=reason, detail=detail)]

    def give_up(self) -> list[VideoFact]:
        """Its upload could not be made ready, for a reason of ours as far as is known."""
        return self.fail(upload_sha256=self.upload_sha256, reason=GIVEN_UP, detail=GIVEN_UP_DETAIL)

    def _is_processing(self, upload_sha256: str) -> bool:
        return self.status is VideoStatus.PROCESSING and self.upload_sha256 == upload_sha256

    def observe(self, truth: AssetTruth) -> list[VideoFact]:
        """The facts that are between what is recorded and what the platform says; whatever came in between is passed.

        What has been made ready stays so: platforms report on it again and again.
        """
        if self.status is VideoStatus.DELETED or truth.stage == "waiting":
            return []
        if truth.stage == "gone":
            return self._lose()
        facts: list[VideoFact] = []
        if self.status in UPLOADABLE and self._is_news(truth):
            facts.append(VideoTakenIn(video_id=self.id, asset_id=truth.asset_id))
        if facts or (self.status is VideoStatus.PROCESSING and self.asset_id == truth.asset_id):
            facts += self._outcome(truth)
        return facts

    def _is_news(self, truth: AssetTruth) -> bool:
        """An upload that failed is told of until another one takes its place."""
        return truth.asset_id != self.asset_id if truth.asset_id else self.status is VideoStatus.WAITING

    def _outcome(self, truth: AssetTruth) -> list[VideoFact]:
        if truth.stage == "errored":
            return [VideoFailed(video_id=self.id, reason=truth.reason, detail=truth.detail)]
        if truth.stage == "ready":
            return [
                VideoMadeReady(
                    video_id=self.id,
                    playback_id=truth.playback_id,
                    duration_seconds=truth.duration_seconds,
                    renditions=truth.renditions,
                )
            ]
        return []

    def _lose(self) -> list[VideoFact]:
        """The platform has it no more: nobody can play it, and it takes another upload."""
        if self.status is VideoStatus.ERRORED:
            return []
        return [*self.unpublish(), VideoFailed(video_id=self.id, reason=GONE, detail="The platform has it no more.")]

    def provide_captions(self, track: CaptionTrack) -> list[VideoFact]:
        """Nothing happens where the very same is there already."""
        if track in self.captions:
            return []
        if len(self.captions) >= TRACKS_MAX and track_of(self.captions, track.kind, track.language) is None:
            raise TooManyCaptions(f"A video has at most {TRACKS_MAX} caption tracks.")
        return [CaptionsProvided(video_id=self.id, **msgspec.structs.asdict(track))]

    def remove_captions(self, kind: CaptionKind, language: str) -> list[VideoFact]:
        """Done twice, it happens once."""
        if track_of(self.captions, kind, language) is None:
            return []
        return [CaptionsRemoved(video_id=self.id, kind=kind, language=language)]

    def publish(self) -> list[VideoFact]:
        if self.status is VideoStatus.PUBLISHED:
            return []
        if self.status is not VideoStatus.READY:
            raise VideoNotReady(f"This video is {self.status}; only a ready one can be published.")
        return [VideoPublished(video_id=self.id)]

    def unpublish(self) -> list[VideoFact]:
        return [VideoUnpublished(video_id=self.id)] if self.status is VideoStatus.PUBLISHED else []

    def delete(self) -> list[VideoFact]:
        """Done twice, it happens once."""
        if self.status is VideoStatus.DELETED:
            return []
        return [*self.unpublish(), VideoDeleted(video_id=self.id)]

    @classmethod
    def evolve(cls, state: Self | None, fact: VideoFact) -> "Video":
        if isinstance(fact, VideoCreated):
            return cls(id=fact.video_id, said=_said(fact), platform=fact.platform)
        assert state is not None, "a video is created first"
        match fact:
            case VideoDescribed():
                return replace(state, said=_said(fact))
            case UploadGranted():
                earlier = _with(state.earlier_uploads, state.upload_id)
                return replace(state, upload_id=fact.upload_id, earlier_uploads=earlier)
            case UploadReceived():
                return replace(
                    state,
                    status=VideoStatus.PROCESSING,
                    upload_sha256=fact.sha256,
                    upload_size_bytes=fact.size_bytes,
                )
            case VideoTakenIn():
                assets = _with(state.earlier_assets, state.asset_id)
                return replace(state, status=VideoStatus.PROCESSING, asset_id=fact.asset_id, earlier_assets=assets)
            case VideoMadeReady():
                return replace(state, status=VideoStatus.READY, playback_id=fact.playback_id)
            case VideoFailed():
                return replace(state, status=VideoStatus.ERRORED)
            case CaptionsProvided():
                return replace(state, captions=with_track(state.captions, fact))
            case CaptionsRemoved():
                return replace(state, captions=without_track(state.captions, fact.kind, fact.language))
            case VideoPublished():
                return replace(state, status=VideoStatus.PUBLISHED)
            case VideoUnpublished():
                return replace(state, status=VideoStatus.READY)
            case VideoDeleted():
                return replace(state, status=VideoStatus.DELETED)
            case _:
                assert_never(fact)


def _with(earlier: tuple[str, ...], last: str) -> tuple[str, ...]:
    return (*earlier, last) if last else earlier


class _Said(TypedDict):
    title: str
    description: str
    category: str
    access: Audience
    requires: str | None


def _fields(said: Description) -> _Said:
    return {
        "title": said.title,
        "description": said.description,
        "category": said.category,
        "access": said.access,
        "requires": said.requires,
    }


def _said(fact: VideoCreated | VideoDescribed) -> Description:
    return Description(
        title=fact.title,
        description=fact.description,
        category=fact.category,
        access=fact.access,
        requires=fact.requires,
    )
