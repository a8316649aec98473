"""A video platform in memory: it takes what it is sent, and makes a film of whatever begins with `film`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from uuid import UUID

from msgspec.structs import replace

from application.ports.resumable_upload import Checksum, UploadLongerThanAnnounced, UploadSizeNeeded
from application.ports.video_platform import (
    Capabilities,
    MediaFile,
    MediaRefused,
    NotAVideo,
    PlaybackGrant,
    Processed,
    ReceivedUpload,
    Reference,
    UploadGrant,
    UploadLinkInvalid,
    UploadTooLarge,
)
from domain.video.captions import CaptionTrack
from domain.video.facts import Rendition

SIZE_MAX = 1_000
UPLOAD_LINK_LIFE = timedelta(hours=1)
LADDER = (Rendition(240, 400_000), Rendition(720, 2_500_000))


class MemoryStudio:
    """`broken` True: transcoding ends in an error that is no fault of the video. `processed` lists what it worked on,
    `granted` and `heights` what may be played, and how tall, `captions` the texts that are shown."""

    name = "memory"
    capabilities = Capabilities(uploads=("put", "tus"), upload_bytes_max=SIZE_MAX, revocable=True, caps_height=True)

    def __init__(self) -> None:
        self.broken = False
        self.cancelled: list[str] = []
        self.duration_seconds = 600.0
        self.processed: list[UUID] = []
        self.granted: list[PlaybackGrant] = []
        self.heights: list[int | None] = []
        self.uploads: dict[tuple[UUID, str], bytes] = {}
        self.partial: dict[UUID, MemoryUpload] = {}
        self.texts: dict[str, str] = {}
        self.captions: dict[UUID, list[str]] = {}

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        if size_bytes is not None and size_bytes > SIZE_MAX:
            raise UploadTooLarge(f"{size_bytes} bytes")
        return UploadGrant(protocol="put", method="PUT", url=link_of(video_id), expires_at=now + UPLOAD_LINK_LIFE)

    async def grant_resumable_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        if size_bytes is None:
            raise UploadSizeNeeded
        grant = await self.grant_upload(video_id, size_bytes=size_bytes, now=now)
        self.partial[video_id] = MemoryUpload(size_bytes, grant.expires_at, partial(self._keep, video_id))
        return replace(grant, protocol="tus", method="PATCH")

    @asynccontextmanager
    async def resume(self, video_id: UUID, upload_token: str, *, now: datetime) -> AsyncIterator["MemoryUpload"]:
        if upload_token != link_of(video_id) or now >= self.partial[video_id].expires_at:
            raise UploadLinkInvalid
        yield self.partial[video_id]

    def _keep(self, video_id: UUID, body: bytes) -> str:
        digest = sha256(body).hexdigest()
        self.uploads[video_id, digest] = body
        return digest

    async def forget_upload(self, video_id: UUID, sha256: str) -> None:
        self.uploads.pop((video_id, sha256), None)

    async def receive(
        self, video_id: UUID, upload_token: str, chunks: AsyncIterator[bytes], *, now: datetime
    ) -> ReceivedUpload:
        if upload_token != link_of(video_id):
            raise UploadLinkInvalid
        body = b"".join([chunk async for chunk in chunks])
        return ReceivedUpload(len(body), self._keep(video_id, body))

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        self.processed.append(video_id)
        on_progress(0.5)
        if self.broken:
            raise OSError("the disk is gone")
        if not self.uploads[video_id, sha256].startswith(b"film"):
            raise NotAVideo("not_a_video", "It has no pictures that move.")
        return Processed(playback_id=sha256[:16], duration_seconds=self.duration_seconds, renditions=LADDER)

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        grant = PlaybackGrant(
            provider=self.name,
            playback_id=playback_id,
            url=f"memory://{video_id}/{session_id}",
            token=str(session_id),
            expires_at=until,
        )
        self.granted.append(grant)
        self.heights.append(max_height)
        return grant

    def grant_preview(self, playback_id: str, *, video_id: UUID, seconds: int, until: datetime) -> PlaybackGrant | None:
        token = f"first-{seconds}-of-{video_id}"
        return PlaybackGrant(
            provider=self.name, playback_id=playback_id, url=f"memory://{token}", token=token, expires_at=until
        )

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        return f"memory://{video_id}/{playback_id}.jpg"

    def open_media(self, token: str, video_id: UUID, path: str, *, now: datetime) -> MediaFile:
        if path == "poster.jpg":
            return MediaFile(path, "image/jpeg", None)
        if token.startswith("first-"):
            return MediaFile(path, "video/mp4", None, is_preview=True)
        grant = next((grant for grant in self.granted if grant.token == token), None)
        if grant is None or grant.expires_at <= now:
            raise MediaRefused("no such token, or it is over")
        return MediaFile(path, "video/mp4", UUID(token))

    async def keep_captions(self, video_id: UUID, sha256: str, text: str) -> None:
        self.texts[sha256] = text

    async def show_captions(self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack]) -> None:
        self.captions[video_id] = [self.texts[track.sha256] for track in tracks]

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        self.cancelled += video.earlier_uploads

    async def delete(self, video: Reference) -> None:
        for known in [known for known in self.uploads if known[0] == video.video_id]:
            del self.uploads[known]


class MemoryUpload:
    """An upload in pieces, which nobody else has; it looks at no checksum."""

    def __init__(self, length: int, expires_at: datetime, keep: Callable[[bytes], str]) -> None:
        self.length, self.expires_at = length, expires_at
        self._keep, self._content = keep, bytearray()

    @property
    def offset(self) -> int:
        return len(self._content)

    async def append(
        self, chunks: AsyncIterator[bytes], *, size_bytes: int | None = None, checksum: Checksum | None = None
    ) -> None:
        async for chunk in chunks:
            if self.offset + len(chunk) > self.length:
                raise UploadLongerThanAnnounced
            self._content += chunk

    async def whole(self) -> str:
        return self._keep(bytes(self._content))

    async def drop(self) -> None:
        self._content.clear()


def link_of(video_id: UUID) -> str:
    """Where a video's bytes are sent, which is also the leave to send them."""
    return f"memory-upload-{video_id}"
