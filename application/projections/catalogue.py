"""The catalogue: every video with all that a page shows of it."""

from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.shared.fact import Fact
from domain.video.facts import (
    Rendition,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)


class Listed(Row, frozen=True):
    """One video of the catalogue; `published_at` None: only admins see it."""

    video_id: UUID
    title: str
    description: str
    category: str
    access: str
    requires: str | None
    platform: str
    status: str
    created_position: int
    error: str | None = None
    playback_id: str = ""
    duration_seconds: float | None = None
    renditions: tuple[Rendition, ...] = ()
    published_at: datetime | None = None
    published_position: int | None = None
    upload_until: datetime | None = None
    """Until when a platform that was told to waits for the upload."""

    indexes: ClassVar[tuple[str, ...]] = ("published_position", "status")


catalogue = Projection("catalogue", version=3, plain=True, videos=Listed)


@catalogue.fold(VideoCreated, into=Listed, key="video_id")
def created(_: Listed | None, fact: VideoCreated) -> Listed:
    # A rebuild holds every row in memory: the few words that many of them share are held once.
    return Listed(
        fact.video_id,
        fact.title,
        fact.description,
        intern(fact.category),
        fact.access,
        fact.requires and intern(fact.requires),
        intern(fact.platform),
        "waiting",
        fact.position,
    )


@catalogue.fold(VideoDescribed, into=Listed, key="video_id")
def described(video: Listed | None, fact: VideoDescribed) -> Listed | None:
    return video and replace(
        video,
        title=fact.title,
        description=fact.description,
        category=intern(fact.category),
        access=fact.access,
        requires=fact.requires and intern(fact.requires),
    )


@catalogue.fold(UploadGranted, into=Listed, key="video_id")
def upload_granted(video: Listed | None, fact: UploadGranted) -> Listed | None:
    return video and replace(video, upload_until=fact.expires_at)


@catalogue.fold(UploadReceived, VideoTakenIn, into=Listed, key="video_id")
def came_in(video: Listed | None, _: Fact) -> Listed | None:
    return video and replace(video, status="processing", error=None)


@catalogue.fold(VideoMadeReady, into=Listed, key="video_id")
def made_ready(video: Listed | None, fact: VideoMadeReady) -> Listed | None:
    return video and replace(
        video,
        status="ready",
        playback_id=fact.playback_id,
        duration_seconds=fact.duration_seconds,
        renditions=_shared(fact.renditions),
    )


@catalogue.fold(VideoFailed, into=Listed, key="video_id")
def failed(video: Listed | None, fact: VideoFailed) -> Listed | None:
    return video and replace(video, status="errored", error=fact.reason)


@catalogue.fold(VideoPublished, into=Listed, key="video_id")
def published(video: Listed | None, fact: VideoPublished) -> Listed | None:
    return video and replace(video, status="published", published_at=fact.recorded_at, published_position=fact.position)


@catalogue.fold(VideoUnpublished, into=Listed, key="video_id")
def unpublished(video: Listed | None, _: VideoUnpublished) -> Listed | None:
    return video and replace(video, status="ready", published_at=None, published_position=None)


@catalogue.fold(VideoDeleted, into=Listed, key="video_id")
def deleted(_: Listed | None, __: VideoDeleted) -> None:
    return None


@lru_cache(maxsize=256)
def _shared(renditions: tuple[Rendition, ...]) -> tuple[Rendition, ...]:
    """The same object for equal ones: most videos have the same ladder, and it is a third of a row's memory."""
    return renditions
