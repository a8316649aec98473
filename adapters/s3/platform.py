"""`S3Video`: uploads in parts into a bucket, made ready by our worker, delivered by CloudFront."""

import hashlib
from asyncio import TaskGroup
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import imageio_ffmpeg  # type: ignore[import-untyped]
import msgspec

from adapters.s3.bucket import Bucket, Kept
from adapters.s3.captions import BucketCaptions, texts_of
from adapters.s3.cloudfront import CloudFront, Leave
from adapters.s3.layout import MASTER, POSTER, files_of, folder_up_to, named, prefix_of, record_of
from adapters.s3.troubles import Missing
from adapters.transcoding.child import FFmpeg
from adapters.transcoding.ladder import HEIGHTS
from adapters.transcoding.limits import Limits
from adapters.transcoding.processing import Processing
from adapters.transcoding.storage import Storage
from application.errors import ProviderRefused
from application.ports.video_platform import (
    Capabilities,
    NotAVideo,
    Part,
    PartsInvalid,
    PlaybackGrant,
    Processed,
    ReceivedUpload,
    Reference,
    UploadGrant,
    UploadTooLarge,
)
from application.ports.world import Clock
from domain.video.captions import CaptionTrack

PROVIDER = "s3"
UPLOAD_TTL, PART_LINK_TTL = timedelta(hours=24), timedelta(hours=1)
PARTS_MAX = 10_000
PART_BYTES_MIN, PART_BYTES_UNKNOWN = 8 * 2**20, 64 * 2**20
FILES_AT_ONCE = 8
GRANT_BUCKET, REUSED_FROM = timedelta(minutes=5), timedelta(minutes=30)
"""Who is granted the same within one bucket gets the same signature; near the end of an access each has its own."""
PICTURE_BUCKET = timedelta(hours=6)
KEPT_MAX = 10_000
SHORT, LONG = "public, max-age=60", "public, max-age=31536000, immutable"

_DAWN = datetime(1970, 1, 1, tzinfo=UTC)
_TRANSCODED = 0.9  # of all the work; the rest is the way into the bucket
_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".jpg": "image/jpeg",
}

V = TypeVar("V")


class S3Video:
    """`work` is a folder on a local disk, with room for an upload and what is made of it; `clock` is business time."""

    name = PROVIDER

    def __init__(
        self,
        bucket: Bucket,
        delivery: CloudFront,
        *,
        clock: Clock,
        work: Path,
        heights: Sequence[int] = HEIGHTS,
        limits: Limits | None = None,
        ffmpeg: Path | None = None,
    ) -> None:
        self._bucket, self._delivery, self._clock = bucket, delivery, clock
        self._limits = limits or Limits()
        self._storage = Storage(work)
        program = FFmpeg(ffmpeg or Path(imageio_ffmpeg.get_ffmpeg_exe()), self._limits)
        self._processing = Processing(program, self._storage, self._limits, heights=heights)
        self._captions = BucketCaptions(bucket, short=SHORT, long=LONG)
        self._leaves: dict[tuple[str, str, datetime], Leave] = {}
        self.capabilities = Capabilities(
            uploads=("s3_multipart",), upload_bytes_max=self._limits.upload_bytes, caps_height=True, captions=True
        )

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        if size_bytes is not None and size_bytes > self._limits.upload_bytes:
            raise UploadTooLarge(f"the limit is {self._limits.upload_bytes} bytes")
        key = _upload_key(video_id)
        upload_id = await self._bucket.begin(key)
        return UploadGrant(
            protocol="s3_multipart",
            method="PUT",
            url=self._bucket.address_of(key),
            part_size=_part_bytes(size_bytes),
            expires_at=now + UPLOAD_TTL,
            upload_id=upload_id,
        )

    async def sign_parts(self, upload: Reference, numbers: Sequence[int], *, now: datetime) -> Mapping[int, str]:
        """By the real clock, which is the bucket's; each address is good for an hour."""
        if not all(1 <= number <= PARTS_MAX for number in numbers):
            raise PartsInvalid(f"Parts are numbered from 1 to {PARTS_MAX}.")
        seconds = int(PART_LINK_TTL.total_seconds())
        return await self._bucket.sign_parts(_upload_key(upload.video_id), upload.upload_id, numbers, seconds=seconds)

    def fingerprint(self, parts: Sequence[Part]) -> str:
        etag = _etag_of(_in_order(parts))
        return hashlib.sha256(etag.encode()).hexdigest() if etag else ""

    async def complete_upload(self, upload: Reference, parts: Sequence[Part]) -> ReceivedUpload:
        key, sent = _upload_key(upload.video_id), _in_order(parts)
        if len({number for number, _ in sent}) < len(sent):
            raise PartsInvalid("A part is named twice.")
        try:
            await self._bucket.complete(key, upload.upload_id, sent)
        except Missing:
            await self._expect_whole(key, sent)
        except ProviderRefused as refused:
            raise PartsInvalid(f"The parts cannot be put together: {refused}") from refused
        received = await self.arrived(upload)
        if received is None:
            raise PartsInvalid("The upload is over, or was never begun.")
        return received

    async def arrived(self, upload: Reference) -> ReceivedUpload | None:
        key = _upload_key(upload.video_id)
        kept = await self._bucket.head(key)
        if kept is None:
            return None
        if kept.size_bytes > self._limits.upload_bytes:
            await self._bucket.remove(key)
            raise UploadTooLarge(f"the limit is {self._limits.upload_bytes} bytes")
        return ReceivedUpload(kept.size_bytes, _fingerprint(kept))

    async def _expect_whole(self, key: str, sent: Sequence[tuple[int, str]]) -> None:
        """Put together before, by somebody who heard no answer: then it has the tag that these parts make."""
        kept = await self._bucket.head(key)
        if kept is None or kept.etag != _etag_of(sent):
            raise PartsInvalid("The upload is over, or is made of other parts.")

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        digest = hashlib.sha256(video_id.bytes + bytes.fromhex(sha256)).hexdigest()[:16]
        record = record_of(video_id, digest)
        if (found := await self._bucket.read(record)) is not None:
            return msgspec.json.decode(found, type=Processed)
        await self._fetch(video_id, sha256)
        made = await self._make(video_id, sha256, on_progress)
        heights = [rendition.height for rendition in made.renditions]
        processed = Processed(
            playback_id=named(digest, heights),
            duration_seconds=made.duration_seconds,
            renditions=made.renditions,
            begins_at_seconds=made.begins_at_seconds,
        )
        await self._publish(self._storage.playback(video_id, made.playback_id), video_id, processed, heights)
        await self._bucket.put(
            record, msgspec.json.encode(processed), media_type="application/json", cache_control=SHORT
        )
        await self._storage.clear(video_id)
        await self._bucket.remove(_upload_key(video_id))
        on_progress(1.0)
        return processed

    async def _make(self, video_id: UUID, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        """On our disk. Raises NotAVideo, with nothing of it left there."""
        try:
            return await self._processing.process(video_id, sha256, lambda done: on_progress(done * _TRANSCODED))
        except NotAVideo:
            await self._storage.clear(video_id)
            raise

    async def _fetch(self, video_id: UUID, sha256: str) -> None:
        """The upload onto our disk. Raises NotAVideo where it is not there, or another one is."""
        key = _upload_key(video_id)
        kept = await self._bucket.head(key)
        try:
            if kept is None or _fingerprint(kept) != sha256:
                raise Missing(key)
            async with self._storage.workplace() as scratch:
                await self._bucket.fetch(key, kept.etag, scratch / "upload")
                self._storage.keep_upload(scratch / "upload", video_id, sha256)
        except Missing:
            raise NotAVideo(
                "upload_missing", "The uploaded file is no longer there; it has to be sent again."
            ) from None

    async def _publish(self, folder: Path, video_id: UUID, processed: Processed, heights: Sequence[int]) -> None:
        prefix = prefix_of(video_id, processed.playback_id)
        files = iter(files_of(folder, heights))

        async def put_one_after_another() -> None:
            for name, body in files:
                cache, suffix = (SHORT if name.endswith(".m3u8") else LONG), Path(name).suffix
                await self._bucket.put(prefix + name, body, media_type=_TYPES[suffix], cache_control=cache)

        async with TaskGroup() as group:
            for _ in range(FILES_AT_ONCE):
                group.create_task(put_one_after_another())

    async def keep_captions(self, video_id: UUID, sha256: str, text: str) -> None:
        await self._captions.keep(video_id, sha256, text)

    async def show_captions(self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack]) -> None:
        await self._captions.show(video_id, playback_id, tracks)

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        below = prefix_of(video_id, playback_id) + folder_up_to(playback_id, max_height)
        ends_at = until
        if until - self._clock.now() >= REUSED_FROM:
            ends_at = _DAWN + (until - _DAWN) // GRANT_BUCKET * GRANT_BUCKET
        leave = self._leave(below + MASTER, below, ends_at)
        return PlaybackGrant(
            provider=PROVIDER, playback_id=playback_id, url=leave.url, token=leave.query, expires_at=ends_at
        )

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        path = prefix_of(video_id, playback_id) + POSTER
        return self._leave(path, path, _DAWN + ((now - _DAWN) // PICTURE_BUCKET + 2) * PICTURE_BUCKET).url

    def _leave(self, path: str, below: str, until: datetime) -> Leave:
        """Signed once for all who get the same; the oldest makes room."""
        key = (path, below, until)
        if (found := self._leaves.get(key)) is None:
            while len(self._leaves) >= KEPT_MAX:
                del self._leaves[next(iter(self._leaves))]
            found = self._leaves[key] = self._delivery.open(path, below=below, until=until)
        return found

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        """Their parts; what was put together lies under the video's own name, whichever upload it was."""
        await self._abort(video.video_id, video.earlier_uploads)

    async def _abort(self, video_id: UUID, upload_ids: Sequence[str]) -> None:
        for upload_id in upload_ids:
            if upload_id:
                await self._bucket.abort(_upload_key(video_id), upload_id)

    async def delete(self, video: Reference) -> None:
        """What another machine is just making of it is removed when that is done, by who finds it deleted."""
        await self._storage.delete(video.video_id)
        await self._abort(video.video_id, [*video.earlier_uploads, video.upload_id])
        await self._bucket.remove(_upload_key(video.video_id))
        await self._bucket.remove(f"hls/{video.video_id}/")
        await self._bucket.remove(texts_of(video.video_id))


def _upload_key(video_id: UUID) -> str:
    return f"uploads/{video_id}"


def _part_bytes(size_bytes: int | None) -> int:
    """So that the parts are not too many: in whole megabytes, 8 or more; 64 where the size is not known."""
    if size_bytes is None:
        return PART_BYTES_UNKNOWN
    megabytes = -(-size_bytes // (PARTS_MAX * 2**20))
    return max(PART_BYTES_MIN, megabytes * 2**20)


def _fingerprint(kept: Kept) -> str:
    """S3 tells no hash of the bytes; its tag, made of the parts' hashes, tells one upload from another."""
    return hashlib.sha256(kept.etag.encode()).hexdigest()


def _in_order(parts: Sequence[Part]) -> list[tuple[int, str]]:
    return sorted((part.number, part.etag.strip('"')) for part in parts)


def _etag_of(parts: Sequence[tuple[int, str]]) -> str:
    """As S3 makes it of an upload in parts."""
    try:
        whole = b"".join(bytes.fromhex(etag) for _, etag in parts)
    except ValueError:
        return ""
    return f"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}-{len(parts)}"
