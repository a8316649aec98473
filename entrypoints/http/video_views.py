"""Videos and playback as API clients see them, made from what the use cases answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from application.playback import StartedPlayback
from application.ports.video_platform import UploadGrant
from application.videos import Shown
from domain.video.facts import Rendition
from domain.video.video import VideoStatus

SHOWN_STATUSES = [status.value for status in VideoStatus if status is not VideoStatus.DELETED]

# The read models keep these as text; the document names their words.
AudienceWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["free", "subscribers"]})]
VideoStatusWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": SHOWN_STATUSES})]


class VideoView(msgspec.Struct, frozen=True, kw_only=True):
    """A video; `progress` from 0.0 to 1.0 while it is being made ready, `error` says why it could not be."""

    id: UUID
    title: Annotated[str, msgspec.Meta(examples=["The lighthouse"])]
    description: str
    category: str
    access: AudienceWord
    requires: Annotated[str | None, msgspec.Meta(examples=["hd"])]
    status: VideoStatusWord
    progress: Annotated[float | None, msgspec.Meta(examples=[None])]
    error: Annotated[str | None, msgspec.Meta(examples=[None])]
    duration_seconds: float | None
    renditions: list[Rendition]
    thumbnail_url: str | None
    published_at: datetime | None


def video_view(shown: Shown) -> VideoView:
    video = shown.video
    return VideoView(
        id=video.video_id,
        title=video.title,
        description=video.description,
        category=video.category,
        access=video.access,
        requires=video.requires,
        status=video.status,
        progress=shown.progress,
        error=video.error,
        duration_seconds=video.duration_seconds,
        renditions=list(video.renditions),
        thumbnail_url=shown.thumbnail_url,
        published_at=video.published_at,
    )


class UploadView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes go, and how."""

    protocol: Literal["put", "form", "tus", "s3_multipart"]
    method: Annotated[str, msgspec.Meta(examples=["PUT"])]
    url: str
    headers: dict[str, str]
    fields: dict[str, str]
    part_size: int | None
    expires_at: datetime


class CreatedVideoView(msgspec.Struct, frozen=True):
    video: VideoView
    upload: UploadView


def upload_view(grant: UploadGrant) -> UploadView:
    return UploadView(
        protocol=grant.protocol,
        method=grant.method,
        url=grant.url,
        headers=grant.headers,
        fields=grant.fields,
        part_size=grant.part_size,
        expires_at=grant.expires_at,
    )


class PlaybackView(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to watch: `url` plays until `expires_at`, and so long `storyboard_url` has small pictures to seek by."""

    session_id: UUID
    video_id: UUID
    provider: Annotated[str, msgspec.Meta(examples=["local"])]
    playback_id: str
    url: str
    token: str
    expires_at: datetime
    resume_at_seconds: float
    storyboard_url: str | None


def playback_view(video_id: UUID, started: StartedPlayback) -> PlaybackView:
    return PlaybackView(
        session_id=started.session_id,
        video_id=video_id,
        provider=started.grant.provider,
        playback_id=started.grant.playback_id,
        url=started.grant.url,
        token=started.grant.token,
        expires_at=started.grant.expires_at,
        resume_at_seconds=started.resume_at_seconds,
        storyboard_url=started.grant.storyboard_url or None,
    )
