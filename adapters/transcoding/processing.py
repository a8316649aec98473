"""From an upload to what is served: probe, ladder, storyboard, poster, record; published all at once, and once only."""

import asyncio
import hashlib
from asyncio import to_thread
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from adapters.transcoding.child import FFmpeg
from adapters.transcoding.encryption import MPEGTS_START_SECONDS, ContentKeys, encrypt
from adapters.transcoding.ladder import HEIGHTS, plan_ladder, transcode
from adapters.transcoding.limits import Limits
from adapters.transcoding.playlist import first_picture_seconds, measure, measure_again, write_master
from adapters.transcoding.poster import take_poster
from adapters.transcoding.probe import Source, probe
from adapters.transcoding.storage import Storage
from adapters.transcoding.storyboard import plan_storyboard, write_index
from application.ports.video_platform import NotAVideo, Processed, VideoGone
from domain.video.facts import Rendition

RECORD = "processed.json"
_LOOK_SECONDS = 0.5
"""So often it is looked whether the video was deleted meanwhile."""
_TRANSCODED = 0.97  # of all the work; the rest is the poster and the disk


class Processing:
    """The steps in order; killed at any of them, the next try starts anew and ends with the same playback id."""

    def __init__(
        self,
        ffmpeg: FFmpeg,
        storage: Storage,
        limits: Limits,
        *,
        heights: Sequence[int] = HEIGHTS,
        keys: ContentKeys | None = None,
    ) -> None:
        """With `keys` what is made is encrypted."""
        self._ffmpeg, self._storage, self._limits = ffmpeg, storage, limits
        self._heights, self._keys = tuple(heights), keys

    async def process(self, video_id: UUID, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        """Raises NotAVideo, and VideoGone soon after the video was deleted, when its FFmpeg has been ended."""
        working = asyncio.ensure_future(self._process(video_id, sha256, on_progress))
        try:
            while not working.done():
                self._check_there(video_id)
                await asyncio.wait({working}, timeout=_LOOK_SECONDS)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        self._check_there(video_id)
        return working.result()

    def _check_there(self, video_id: UUID) -> None:
        if self._storage.is_deleted(video_id):
            raise VideoGone

    async def _process(self, video_id: UUID, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        playback_id = _playback_id(video_id, sha256)
        place = self._storage.playback(video_id, playback_id)
        processed = await to_thread(read_record, place)
        if processed is None:
            upload = self._storage.upload(video_id, sha256)
            processed = await self._make(video_id, playback_id, upload, on_progress)
        await to_thread(self._storage.drop_uploads, video_id)
        on_progress(1.0)
        return processed

    async def _make(
        self, video_id: UUID, playback_id: str, upload: Path, on_progress: Callable[[float], None]
    ) -> Processed:
        if not await to_thread(upload.is_file):
            raise NotAVideo("upload_missing", "The uploaded file is no longer there; it has to be sent again.")
        async with self._storage.workplace() as scratch:
            source = await probe(self._ffmpeg, upload, folder=scratch, limits=self._limits)
            folder = scratch / "playback"
            folder.mkdir()
            key = self._keys.of(video_id, playback_id) if self._keys else None
            processed = await self._fill(folder, playback_id, upload, source, key, on_progress)
            await to_thread(self._storage.publish, folder, video_id, playback_id)
        return processed

    async def _fill(
        self,
        folder: Path,
        playback_id: str,
        upload: Path,
        source: Source,
        key: bytes | None,
        on_progress: Callable[[float], None],
    ) -> Processed:
        rungs, storyboard = plan_ladder(source.width, source.height, self._heights), plan_storyboard(source)
        await transcode(
            self._ffmpeg,
            upload,
            source,
            rungs,
            storyboard,
            folder=folder,
            limits=self._limits,
            on_progress=lambda done: on_progress(done * _TRANSCODED),
        )
        variants = await to_thread(measure, folder, rungs, source)
        duration, shortest = variants[0].duration_seconds, float(1 / source.frame_rate)
        await to_thread(write_index, folder, storyboard, duration_seconds=duration, picture_seconds=shortest)
        begins = await to_thread(first_picture_seconds, folder / rungs[0].name)
        await take_poster(self._ffmpeg, rungs, folder=folder)
        if key is not None:
            seconds = self._limits.seconds_to_process(source.duration_seconds)
            await encrypt(self._ffmpeg, rungs, folder=folder, key=key, seconds=seconds)
            variants = await to_thread(measure_again, folder, variants)
            begins += MPEGTS_START_SECONDS
        await to_thread(write_master, folder, variants, source)
        processed = Processed(
            playback_id=playback_id,
            duration_seconds=round(duration, 3),
            begins_at_seconds=begins,
            renditions=tuple(Rendition(variant.rung.label, variant.peak_rate) for variant in variants),
        )
        (folder / RECORD).write_bytes(msgspec.json.encode(processed))
        return processed


def _playback_id(video_id: UUID, sha256: str) -> str:
    """The same for the same upload; it tells nobody the upload's hash."""
    return hashlib.sha256(video_id.bytes + bytes.fromhex(sha256)).hexdigest()[:16]


def read_record(place: Path) -> Processed | None:
    """What an earlier try ended with, which may have been killed before anybody heard of it."""
    try:
        return msgspec.json.decode((place / RECORD).read_bytes(), type=Processed)
    except FileNotFoundError:
        return None
