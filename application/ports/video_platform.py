"""The platform that takes, keeps and delivers video: our own FFmpeg and disk, or a provider's."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from domain.video.video import Rendition


class UploadGrant(msgspec.Struct, frozen=True, kw_only=True):
    """How a client sends the bytes straight to the platform."""

    protocol: Literal["put", "form", "tus", "s3_multipart"]
    method: str
    url: str
    headers: dict[str, str] = {}
    fields: dict[str, str] = {}
    part_size: int | None = None
    """Bytes; None where the upload is one piece."""
    expires_at: datetime


class PlaybackGrant(msgspec.Struct, frozen=True, kw_only=True):
    """One viewer's leave to play one video; `url` holds until `expires_at`."""

    provider: str
    playback_id: str
    url: str
    token: str
    expires_at: datetime


class ReceivedUpload(msgspec.Struct, frozen=True):
    """What came in: its size in bytes and the SHA-256 of its bytes in hexadecimal."""

    size_bytes: int
    sha256: str


class Processed(msgspec.Struct, frozen=True, kw_only=True):
    """A video that can be played."""

    playback_id: str
    duration_seconds: float
    renditions: tuple[Rendition, ...]


class NotAVideo(Exception):
    """The upload cannot be made into a video; `reason` is a stable word, `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class UploadTooLarge(Exception):
    """More bytes came than the platform takes."""


class UploadLinkInvalid(Exception):
    """The upload link is not ours, was changed, is over, or is for another video."""


class UploadStalled(Exception):
    """The client stopped sending in the middle; nothing is kept."""


class StorageFull(Exception):
    """The platform has no room for the upload; nothing is kept, and a later try may go through."""


class VideoPlatform(Protocol):
    """What a use case asks of any platform; every adapter passes one contract suite."""

    name: str

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        """Where to send the bytes of a new video.

        Raises:
            UploadTooLarge: the announced size is over the platform's limit.
        """
        ...

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        """A signed address for one play session, never valid beyond `until`."""
        ...

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        """The poster's address; pictures of a published video are shown to everybody."""
        ...


class OwnPlatform(VideoPlatform, Protocol):
    """What only the local platform needs of us: it takes the bytes here and works on this machine."""

    async def receive(
        self, video_id: UUID, upload_token: str, chunks: AsyncIterator[bytes], *, now: datetime
    ) -> ReceivedUpload:
        """Write an upload to disk in constant memory; all of it or nothing is kept.

        Raises:
            UploadLinkInvalid: the token is not for this video, or is over.
            UploadTooLarge: it is longer than allowed; nothing is kept.
            UploadStalled: no byte came for too long; nothing is kept.
            StorageFull: the disk is full; nothing is kept.
        """
        ...

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        """Probe and transcode an upload into an HLS ladder; `on_progress` gets 0.0 to 1.0.

        `sha256` says which upload, as `receive` told and the ledger holds it: of two that came in at once, that one
        and no other. Done again after a crash it starts from the upload, and ends with the same files.

        Raises:
            NotAVideo: the upload cannot be played, with the reason. Anything else is no fault of the video: try again.
        """
        ...

    async def delete(self, video_id: UUID) -> None:
        """Remove all that is kept of a video; nothing happens where nothing is kept."""
        ...

    def open_media(self, token: str, video_id: UUID, path: str, *, now: datetime) -> "MediaFile":
        """The file behind a signed media path.

        Raises:
            MediaRefused: no such token, for another video, ended, or a file that is not part of the video.
        """
        ...


class MediaFile(msgspec.Struct, frozen=True):
    """A file to be served: its path on disk, its media type, and the play session it is served to (None: a picture)."""

    path: str
    media_type: str
    session_id: UUID | None
    body: bytes | None = None
    """To be served in place of the file where the viewer may not see all of it: a master playlist up to a height."""


class MediaRefused(Exception):
    """The media path is not to be served; the message says why, for the log only."""
