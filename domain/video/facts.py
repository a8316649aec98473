"""What happens to a video."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.shared.fact import Fact


class Rendition(msgspec.Struct, frozen=True, gc=False):
    """One height of the ladder; `bitrate` in bits per second, the highest that a player must expect."""

    height: int
    bitrate: int


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


class VideoDescribed(Fact, frozen=True, tag="video.described"):
    """All that an admin says of a video, after a change of some of it."""

    video_id: UUID
    title: str
    description: str
    category: str
    access: Audience
    requires: str | None


class UploadGranted(Fact, frozen=True, tag="video.upload_granted"):
    """The platform waits for the bytes of a video, under a name of its own."""

    video_id: UUID
    upload_id: str
    expires_at: datetime


class UploadReceived(Fact, frozen=True, tag="video.upload_received"):
    video_id: UUID
    size_bytes: int
    sha256: str
    """Of the uploaded bytes, in hexadecimal; where a platform took them, of the tag by which it tells them apart."""


class VideoTakenIn(Fact, frozen=True, tag="video.taken_in"):
    """The platform has the bytes, and is making the video ready by itself."""

    video_id: UUID
    asset_id: str
    """The platform's name of what it made of the upload."""


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


CaptionKind = Literal["subtitles", "captions"]
"""Captions are for who cannot hear: they tell of sounds too."""


class CaptionsProvided(Fact, frozen=True, tag="video.captions_provided"):
    """A text to be read along was added, or took the place of the one of its kind and language."""

    video_id: UUID
    kind: CaptionKind
    language: str
    """By BCP 47."""
    label: str
    sha256: str
    """Of the WebVTT text that the platform keeps, in hexadecimal."""
    size_bytes: int


class CaptionsRemoved(Fact, frozen=True, tag="video.captions_removed"):
    video_id: UUID
    kind: CaptionKind
    language: str


class VideoPublished(Fact, frozen=True, tag="video.published"):
    video_id: UUID


class VideoUnpublished(Fact, frozen=True, tag="video.unpublished"):
    video_id: UUID


class VideoDeleted(Fact, frozen=True, tag="video.deleted"):
    video_id: UUID


VideoFact = (
    VideoCreated
    | VideoDescribed
    | UploadGranted
    | UploadReceived
    | VideoTakenIn
    | VideoMadeReady
    | VideoFailed
    | CaptionsProvided
    | CaptionsRemoved
    | VideoPublished
    | VideoUnpublished
    | VideoDeleted
)
