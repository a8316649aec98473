"""The platform that takes, keeps and delivers video: our own FFmpeg and disk, or a provider's."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.captions import CaptionedPlatform
from application.ports.deliveries import Delivery
from application.ports.resumable_upload import ResumableUpload
from domain.video.facts import Rendition
from domain.video.truth import AssetTruth


class Reference(msgspec.Struct, frozen=True):
    """One of our videos as its platform knows it; what the platform has not named yet is empty."""

    video_id: UUID
    upload_id: str = ""
    asset_id: str = ""
    playback_id: str = ""
    earlier_uploads: tuple[str, ...] = ()
    earlier_assets: tuple[str, ...] = ()


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform can do, for those who choose one, and for what depends on it."""

    uploads: tuple[Literal["put", "form", "tus", "s3_multipart"], ...]
    """The protocols of its upload grants."""
    upload_bytes_max: int | None = None
    revocable: bool = False
    """Whether a granted playback can be ended at once; otherwise it lasts as long as its token."""
    grant_max: timedelta | None = None
    """The longest that a token may live."""
    caps_height: bool = False
    """Whether a grant can be held to renditions up to a height."""
    countries: bool = False
    """Whether a token can be bound to countries by the platform itself."""
    previews: bool = False
    """Whether a grant can be for the first seconds alone."""
    captions: bool = False
    """Whether texts of ours can be read along."""


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
    upload_id: str = ""
    """The platform's name of the upload; empty where it goes by our id of the video."""


class PlaybackGrant(msgspec.Struct, frozen=True, kw_only=True):
    """One viewer's leave to play one video; `url` holds until `expires_at`, and `storyboard_url` if there is one."""

    provider: str
    playback_id: str
    url: str
    token: str
    expires_at: datetime
    storyboard_url: str = ""


class ReceivedUpload(msgspec.Struct, frozen=True):
    """What came in: its size in bytes and the SHA-256 of its bytes in hexadecimal."""

    size_bytes: int
    sha256: str


class Processed(msgspec.Struct, frozen=True, kw_only=True):
    """A video that can be played; the clock of its segments stands at `begins_at_seconds` at the first picture."""

    playback_id: str
    duration_seconds: float
    renditions: tuple[Rendition, ...]
    begins_at_seconds: float = 0.0


class NotAVideo(Exception):
    """The upload cannot be made into a video; `reason` is a stable word, `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class VideoGone(Exception):
    """The video was deleted while it was worked on; nothing of it is kept."""


class UploadTooLarge(Exception):
    """More bytes came than the platform takes."""


class UploadLinkInvalid(Exception):
    """The upload link is not ours, was changed, is over, or is for another video."""


class UploadStalled(Exception):
    """The client stopped sending in the middle; nothing is kept."""


class StorageFull(Exception):
    """The platform has no room for the upload; nothing is kept, and a later try may go through."""


class Part(msgspec.Struct, frozen=True):
    """One part of an upload in parts that has been sent; `etag` as the platform answered."""

    number: int
    etag: str


class PartsInvalid(Exception):
    """The parts are not those of the upload, or the platform cannot put them together; the message says why."""


class VideoPlatform(Protocol):
    """What a use case asks of any platform; every adapter passes one contract suite.

    Whatever asks a provider may raise ProviderUnavailable (ProviderBusy among it) or ProviderRefused, and has a
    timeout. Granting a playback asks nobody.
    """

    name: str
    capabilities: Capabilities

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        """Where to send the bytes of a new video. Raises UploadTooLarge where the announced size is over the limit."""
        ...

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        """A signed address for one play session, never valid beyond `until`."""
        ...

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        """The poster's address; pictures of a published video are shown to everybody.

        Empty where whoever has that address could play the video with it.
        """
        ...

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        """They take no file any more, and what came of them is removed; the last upload, and what came of it, stays."""
        ...

    async def delete(self, video: Reference) -> None:
        """Remove all that is kept of a video, its unfinished uploads too; nothing happens where nothing is kept."""
        ...


class RemotePlatform(VideoPlatform, Protocol):
    """One that makes videos ready by itself: its notices are a reason to ask, and its answer is the truth."""

    async def look(self, video: Reference) -> AssetTruth:
        """How the video stands at the platform now."""
        ...

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        """A notice, over the very bytes; its `customer_id` is our id of the video, None where it is about none.

        Raises:
            SignatureInvalid, EventMalformed.
        """
        ...


class WorkedPlatform(VideoPlatform, Protocol):
    """One whose videos we make ready: an upload comes in, and our worker transcodes it."""

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        """Probe and transcode an upload into an HLS ladder; `on_progress` gets 0.0 to 1.0.

        `sha256` says which upload, as the ledger holds it: of two that came in at once, that one and no other. Done
        again after a crash it starts from the upload, and ends with the same files.

        Raises:
            NotAVideo: the upload cannot be played, with the reason.
            VideoGone: there is no more to do. Anything else is no fault of the video: try again.
        """
        ...


class PartedPlatform(WorkedPlatform, CaptionedPlatform, Protocol):
    """One that takes an upload in parts straight from the client, and has to be told that it is whole."""

    async def sign_parts(self, upload: Reference, numbers: Sequence[int], *, now: datetime) -> Mapping[int, str]:
        """An address for each part, numbered from 1 to 10,000. Raises PartsInvalid."""
        ...

    def fingerprint(self, parts: Sequence[Part]) -> str:
        """The `sha256` that an upload of these parts has; empty where they are none."""
        ...

    async def complete_upload(self, upload: Reference, parts: Sequence[Part]) -> ReceivedUpload:
        """Put the parts together; done again it finds what it made. `sha256` tells this upload from others.

        Raises:
            PartsInvalid, UploadTooLarge.
        """
        ...

    async def arrived(self, upload: Reference) -> ReceivedUpload | None:
        """What lies there as a whole, whoever completed it; None where nothing does. Raises UploadTooLarge."""
        ...


class UploadNotice(msgspec.Struct, frozen=True):
    """The platform says that these videos' uploads have come in; `receipt` is its name of the notice."""

    receipt: str
    video_ids: tuple[UUID, ...]


class UploadNotices(Protocol):
    """Notices that are asked for, where they do not come by webhook; each comes again until it is settled."""

    async def waiting(self, *, seconds: int) -> Sequence[UploadNotice]:
        """Those that come within so long."""
        ...

    async def settled(self, notice: UploadNotice) -> None: ...


class OwnPlatform(WorkedPlatform, CaptionedPlatform, Protocol):
    """The one on our own disk: it takes the bytes here, and we serve them."""

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

    async def forget_upload(self, video_id: UUID, sha256: str) -> None:
        """Remove a whole upload that is not to be made playable; one that is not there is no trouble."""
        ...

    async def grant_resumable_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        """Where to send them so that it can go on after a break. Raises UploadSizeNeeded, UploadTooLarge."""
        ...

    def resume(
        self, video_id: UUID, upload_token: str, *, now: datetime
    ) -> AbstractAsyncContextManager[ResumableUpload]:
        """The resumable upload that a link is for, new or as far as it has come.

        Raises, as it is entered:
            UploadLinkInvalid: the token is not for this video, or is over.
            UploadInUse: somebody else has it, and sends.
        """
        ...

    def grant_preview(self, playback_id: str, *, video_id: UUID, seconds: int, until: datetime) -> PlaybackGrant | None:
        """A signed address of its beginning, in whole segments; None where one key would open all of them."""
        ...

    def open_media(self, token: str, video_id: UUID, path: str, *, now: datetime) -> "MediaFile":
        """The file behind a signed media path. Raises MediaRefused, also for what is not part of the video."""
        ...


class MediaFile(msgspec.Struct, frozen=True):
    """A file to be served: its path on disk, its media type, and the play session it is served to (None: a picture)."""

    path: str
    media_type: str
    session_id: UUID | None
    body: bytes | None = None
    """To be served in place of the file: a master playlist up to a height, or with captions, and captions."""
    secret: bool = False
    """A key, of which nobody on the way may keep anything; it is the `body`."""
    proxied_as: str = ""
    """Where the proxy in front of us has the file, which then sends it in our place; empty: nowhere."""
    is_preview: bool = False


class MediaRefused(Exception):
    """The media path is not to be served; the message says why, for the log only."""
