"""`LocalVideo`: the video platform that needs nothing but a disk and FFmpeg."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import imageio_ffmpeg  # type: ignore[import-untyped]

from adapters.local_video import captions
from adapters.local_video.captions import Captions
from adapters.local_video.incoming import write_upload
from adapters.local_video.paths import MEDIA_TYPES, is_of_captions
from adapters.local_video.resumable import PartialUpload, held
from adapters.local_video.tokens import MediaPass, TokenRefused, Tokens, UploadPass, microseconds
from adapters.transcoding.captions import with_captions
from adapters.transcoding.child import FFmpeg
from adapters.transcoding.encryption import KEY, ContentKeys
from adapters.transcoding.ladder import HEIGHTS
from adapters.transcoding.limits import Limits
from adapters.transcoding.playlist import MASTER, MEDIA, beginning, lowest_height, up_to
from adapters.transcoding.poster import POSTER
from adapters.transcoding.processing import Processing
from adapters.transcoding.storage import Storage
from adapters.transcoding.storyboard import FOLDER as STORYBOARD
from adapters.transcoding.storyboard import INDEX
from application.ports.resumable_upload import UploadSizeNeeded
from application.ports.video_platform import (
    Capabilities,
    MediaFile,
    MediaRefused,
    PlaybackGrant,
    Processed,
    ReceivedUpload,
    Reference,
    UploadGrant,
    UploadLinkInvalid,
    UploadTooLarge,
)
from domain.video.captions import CaptionTrack

UPLOAD_LINK_TTL = timedelta(hours=24)
PICTURE_BUCKET = timedelta(hours=6)
"""For as long the address of a picture stays the same, so that browsers keep it; it holds for one to two of them."""

_DAWN = datetime(1970, 1, 1, tzinfo=UTC)


class LocalVideo:
    """Takes uploads, transcodes them and says what to serve, all under `root`, which must be on one local disk.

    `public_url` is where clients reach us; `signing_keys` are secrets by name, of which the first signs and all verify;
    `ffmpeg` is a program of version 6 or newer, in place of the one that comes with imageio-ffmpeg; under
    `accel_prefix` a proxy in front has the folder `hls` of `root`; `heights` are the renditions, in ascending order, of
    which a video gets those up to its own. With `encrypts` what is made from now on is encrypted, by keys that follow
    from `content_secret`, which must stay as long as anything that was. Several processes may share one `root`.
    """

    name = "local"

    def __init__(
        self,
        root: Path,
        *,
        public_url: str,
        signing_keys: Mapping[str, bytes],
        limits: Limits | None = None,
        ffmpeg: Path | None = None,
        accel_prefix: str = "",
        heights: Sequence[int] = HEIGHTS,
        content_secret: bytes | None = None,
        encrypts: bool = False,
    ) -> None:
        self._limits = limits or Limits()
        self.capabilities = Capabilities(
            uploads=("put", "tus"),
            upload_bytes_max=self._limits.upload_bytes,
            revocable=True,
            caps_height=True,
            captions=True,
        )
        self._public_url = public_url.rstrip("/")
        self._tokens = Tokens(signing_keys)
        self._storage = Storage(root)
        self._captions = Captions(self._storage, self._limits)
        self._accel_prefix = accel_prefix
        self._keys = ContentKeys(content_secret) if content_secret is not None else None
        program = FFmpeg(ffmpeg or Path(imageio_ffmpeg.get_ffmpeg_exe()), self._limits)
        self._processing = Processing(
            program, self._storage, self._limits, heights=heights, keys=self._keys if encrypts else None
        )

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        self._check_size(size_bytes)
        expires_at = now + UPLOAD_LINK_TTL
        return UploadGrant(
            protocol="put",
            method="PUT",
            url=self._upload_url(self._tokens.for_upload(video_id, expires_at), video_id),
            headers={"Content-Type": "application/octet-stream"},
            expires_at=expires_at,
        )

    async def grant_resumable_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        """An upload by https://tus.io/protocols/resumable-upload, which is made already: its size is in its token."""
        if size_bytes is None:
            raise UploadSizeNeeded("an upload that can be resumed says its size")
        self._check_size(size_bytes)
        expires_at = now + UPLOAD_LINK_TTL
        await to_thread(self._storage.sweep_partial, microseconds(now))
        return UploadGrant(
            protocol="tus",
            method="PATCH",
            url=self._upload_url(self._tokens.for_pieces(video_id, UploadPass(size_bytes, expires_at)), video_id),
            headers={"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"},
            expires_at=expires_at,
        )

    def _check_size(self, size_bytes: int | None) -> None:
        if size_bytes is not None and size_bytes > self._limits.upload_bytes:
            raise UploadTooLarge(f"the limit is {self._limits.upload_bytes} bytes")

    def _upload_url(self, token: str, video_id: UUID) -> str:
        return f"{self._public_url}/uploads/{token}/{video_id}"

    @asynccontextmanager
    async def resume(self, video_id: UUID, upload_token: str, *, now: datetime) -> AsyncIterator[PartialUpload]:
        try:
            leave = self._tokens.read_pieces(upload_token, video_id, now=now)
        except TokenRefused as refused:
            raise UploadLinkInvalid(str(refused)) from refused
        path = self._storage.partial(video_id, leave.size_bytes, microseconds(leave.expires_at))
        keep = partial(self._keep_whole, video_id)
        async with held(
            path, length=leave.size_bytes, expires_at=leave.expires_at, limits=self._limits, keep=keep
        ) as upload:
            yield upload

    def _keep_whole(self, video_id: UUID, file: Path, sha256: str) -> None:
        self._storage.link_upload(file, video_id, sha256)

    async def receive(
        self, video_id: UUID, upload_token: str, chunks: AsyncIterator[bytes], *, now: datetime
    ) -> ReceivedUpload:
        try:
            self._tokens.check_upload(upload_token, video_id, now=now)
        except TokenRefused as refused:
            raise UploadLinkInvalid(str(refused)) from refused
        async with self._storage.workplace() as scratch:
            file = scratch / "incoming"
            received = await write_upload(chunks, file, self._limits)
            await to_thread(self._storage.keep_upload, file, video_id, received.sha256)
        return received

    async def forget_upload(self, video_id: UUID, sha256: str) -> None:
        await to_thread(self._storage.drop_upload, video_id, sha256)

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        return await self._processing.process(video_id, sha256, on_progress)

    async def keep_captions(self, video_id: UUID, sha256: str, text: str) -> None:
        await to_thread(self._captions.keep, video_id, sha256, text)

    async def show_captions(self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack]) -> None:
        await to_thread(self._captions.show, video_id, tracks)

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        if max_height is not None:
            with suppress(FileNotFoundError):
                # Whoever may play it gets the lowest rendition, however tall that is.
                max_height = max(max_height, lowest_height(self._storage.playback(video_id, playback_id) / MASTER))
        token, board = self._tokens.for_media(video_id, MediaPass(playback_id, until, session_id, max_height)), ""
        if (self._storage.playback(video_id, playback_id) / STORYBOARD).exists():
            board = self._media_url(token, video_id, f"{STORYBOARD}/{INDEX}")
        return PlaybackGrant(
            provider=self.name,
            playback_id=playback_id,
            url=self._media_url(token, video_id, MASTER),
            token=token,
            expires_at=until,
            storyboard_url=board,
        )

    def grant_preview(self, playback_id: str, *, video_id: UUID, seconds: int, until: datetime) -> PlaybackGrant | None:
        folder = self._storage.playback(video_id, playback_id)
        if any("#EXT-X-KEY:" in rung.read_text("ascii") for rung in folder.glob(f"*p/{MEDIA}")):
            return None
        token = self._tokens.for_media(video_id, MediaPass(playback_id, until, seconds=seconds))
        return PlaybackGrant(
            provider=self.name,
            playback_id=playback_id,
            url=self._media_url(token, video_id, MASTER),
            token=token,
            expires_at=until,
        )

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        bucket = (now - _DAWN) // PICTURE_BUCKET
        token = self._tokens.for_media(video_id, MediaPass(playback_id, _DAWN + (bucket + 2) * PICTURE_BUCKET))
        return self._media_url(token, video_id, POSTER)

    def _media_url(self, token: str, video_id: UUID, path: str) -> str:
        return f"{self._public_url}/media/{token}/{video_id}/{path}"

    def open_media(self, token: str, video_id: UUID, path: str, *, now: datetime) -> MediaFile:
        try:
            leave = self._tokens.read_media(token, video_id, now=now)
        except TokenRefused as refused:
            raise MediaRefused(str(refused)) from refused
        of_captions = is_of_captions(path, leave)
        if path == KEY:
            return self._key(video_id, leave)
        if path == MASTER:
            return self._master(video_id, leave)
        if of_captions:
            return self._text(video_id, leave, path)
        file = self._existing(video_id, leave.playback_id, path)
        media_type = MEDIA_TYPES[file.suffix]
        if leave.seconds is not None and file.suffix in {".m3u8", ".m4s"} and path != MASTER:
            begins = beginning((file.parent / MEDIA).read_text("ascii"), leave.seconds)
            if file.suffix == ".m3u8":
                return MediaFile(str(file), media_type, None, begins.encode(), is_preview=True)
            if f"\n{file.name}\n" not in begins:
                raise MediaRefused(f"the token is for the first {leave.seconds} seconds")
        return self._whole(video_id, leave, file)

    def _whole(self, video_id: UUID, leave: MediaPass, file: Path) -> MediaFile:
        """The file as it lies there, by the proxy in front of us if there is one."""
        path = file.relative_to(self._storage.playback(video_id, leave.playback_id))
        return MediaFile(
            str(file),
            MEDIA_TYPES[file.suffix],
            leave.session_id,
            proxied_as=f"{self._accel_prefix}/{video_id}/{leave.playback_id}/{path}" if self._accel_prefix else "",
            is_preview=leave.seconds is not None,
        )

    def _master(self, video_id: UUID, leave: MediaPass) -> MediaFile:
        """With the captions there are, and without the heights that the viewer may not see."""
        file, tracks = self._existing(video_id, leave.playback_id, MASTER), self._captions.of(video_id)
        if leave.max_height is None and not tracks:
            return self._whole(video_id, leave, file)
        text = file.read_text("ascii")
        body = with_captions(text if leave.max_height is None else up_to(text, leave.max_height), tracks).encode()
        preview = leave.seconds is not None
        return MediaFile(str(file), MEDIA_TYPES[".m3u8"], leave.session_id, body, is_preview=preview)

    def _text(self, video_id: UUID, leave: MediaPass, path: str) -> MediaFile:
        """A caption track: its playlist, or what it says."""
        found, folder = self._captions.find(video_id, path), self._storage.playback(video_id, leave.playback_id)
        rendition = next(folder.glob("*p"), None)
        if found is None or rendition is None:
            raise MediaRefused("the video has no such captions")
        track, file = found
        try:
            body = captions.served(track, file, path, rendition=rendition, seconds=leave.seconds)
        except FileNotFoundError as gone:
            raise MediaRefused("the video was deleted at this moment") from gone
        media_type = MEDIA_TYPES[path[path.rindex(".") :]]
        return MediaFile(str(file), media_type, leave.session_id, body, is_preview=leave.seconds is not None)

    def _key(self, video_id: UUID, leave: MediaPass) -> MediaFile:
        self._existing(video_id, leave.playback_id, MASTER)
        if self._keys is None:
            raise MediaRefused("nothing is encrypted here")
        key = self._keys.of(video_id, leave.playback_id)
        return MediaFile(KEY, "application/octet-stream", leave.session_id, key, secret=True)

    def _existing(self, video_id: UUID, playback_id: str, path: str) -> Path:
        file = self._storage.playback(video_id, playback_id) / path
        if not self._storage.has_file(file):
            raise MediaRefused("the video has no such file")
        return file

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        """Uploads go by our id of the video, so none takes the place of another."""

    async def delete(self, video: Reference) -> None:
        await self._storage.delete(video.video_id)
