"""A video: created, uploaded, made ready, published; or found to be no video at all."""

from enum import StrEnum
from typing import Literal, Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import Fact, Refusal


class Rendition(msgspec.Struct, frozen=True, gc=False):
    """One height of the ladder; `bitrate` in bits per second, the highest that a player must expect."""

    height: int
    bitrate: int


class VideoStatus(StrEnum):
    WAITING = "waiting"
    PROCESSING = "processing"
    READY = "ready"
    ERRORED = "errored"
    PUBLISHED = "published"


Audience = Literal["free", "subscribers"]


class VideoCreated(Fact, frozen=True, tag="video.created"):
    video_id: UUID
    title: str
    description: str
    category: str
    access: Audience
    requires: str | None
    """A feature that the viewer's plan must give; None: any plan."""
    platform: str


class UploadReceived(Fact, frozen=True, tag="video.upload_received"):
    video_id: UUID
    size_bytes: int
    sha256: str
    """Of the uploaded bytes, in hexadecimal; empty where the platform took them and does not say."""


class VideoMadeReady(Fact, frozen=True, tag="video.made_ready"):
    video_id: UUID
    playback_id: str
    duration_seconds: float
    renditions: tuple[Rendition, ...]


class VideoFailed(Fact, frozen=True, tag="video.failed"):
    video_id: UUID
    reason: str
    """A stable word, such as `not_a_video`."""
    detail: str


class VideoPublished(Fact, frozen=True, tag="video.published"):
    video_id: UUID


class VideoUnpublished(Fact, frozen=True, tag="video.unpublished"):
    video_id: UUID


VideoFact = VideoCreated | UploadReceived | VideoMadeReady | VideoFailed | VideoPublished | VideoUnpublished


class UploadNotExpected(Refusal):
    """The video has had its upload already."""


class VideoNotReady(Refusal):
    """Only a video that is ready can be published or played."""


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a video, folded from its facts."""

    id: UUID
    title: str
    access: Audience
    requires: str | None
    status: VideoStatus = VideoStatus.WAITING
    playback_id: str = ""
    upload_sha256: str = ""

    @staticmethod
    def create(
        *,
        video_id: UUID,
        title: str,
        description: str,
        category: str,
        access: Audience,
        requires: str | None,
        platform: str,
    ) -> list[VideoFact]:
        return [
            VideoCreated(
                video_id=video_id,
                title=title,
                description=description,
                category=category,
                access=access,
                requires=requires,
                platform=platform,
            )
        ]

    def receive_upload(self, *, size_bytes: int, sha256: str) -> list[VideoFact]:
        self.expect_upload()
        return [UploadReceived(video_id=self.id, size_bytes=size_bytes, sha256=sha256)]

    def expect_upload(self) -> None:
        """Refuse an upload unless the video waits for one; a failed video may be uploaded again."""
        if self.status not in {VideoStatus.WAITING, VideoStatus.ERRORED}:
            raise UploadNotExpected(f"This video is {self.status}; it takes no upload.")

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

    def _is_processing(self, upload_sha256: str) -> bool:
        return self.status is VideoStatus.PROCESSING and self.upload_sha256 == upload_sha256

    def publish(self) -> list[VideoFact]:
        if self.status is VideoStatus.PUBLISHED:
            return []
        if self.status is not VideoStatus.READY:
            raise VideoNotReady(f"This video is {self.status}; only a ready one can be published.")
        return [VideoPublished(video_id=self.id)]

    def unpublish(self) -> list[VideoFact]:
        return [VideoUnpublished(video_id=self.id)] if self.status is VideoStatus.PUBLISHED else []

    @classmethod
    def evolve(cls, state: Self | None, fact: VideoFact) -> "Video":
        if isinstance(fact, VideoCreated):
            return cls(id=fact.video_id, title=fact.title, access=fact.access, requires=fact.requires)
        assert state is not None, "a video is created first"
        match fact:
            case UploadReceived():
                return replace(state, status=VideoStatus.PROCESSING, upload_sha256=fact.sha256)
            case VideoMadeReady():
                return replace(state, status=VideoStatus.READY, playback_id=fact.playback_id)
            case VideoFailed():
                return replace(state, status=VideoStatus.ERRORED)
            case VideoPublished():
                return replace(state, status=VideoStatus.PUBLISHED)
            case VideoUnpublished():
                return replace(state, status=VideoStatus.READY)
            case _:
                assert_never(fact)
