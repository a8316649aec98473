"""The caption tracks of videos on our disk.

`captions/{video}/{sha256}.vtt` is each text that came in, `captions/{video}/tracks.json` which of them are shown. They
belong to the video: made anew of another upload it keeps them.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import msgspec

from adapters.local_video.incoming import check_room, told_when_full
from adapters.transcoding.captions import (
    FOLDER,
    captions_playlist,
    placed,
    playlist_name,
    text_name,
)
from adapters.transcoding.limits import Limits
from adapters.transcoding.playlist import MEDIA, beginning, seconds_of
from adapters.transcoding.processing import read_record
from adapters.transcoding.storage import Storage, sync
from domain.video import webvtt
from domain.video.captions import CaptionTrack

PATH = re.compile(
    rf"{FOLDER}/(?:(?P<playlist>[A-Za-z0-9-]{{2,35}}\.(?:subtitles|captions)\.m3u8)|(?P<sha256>[0-9a-f]{{64}})\.vtt)"
)
"""Of what is served, beside the master playlist."""

UNSHOWN_SECONDS = 3600
"""A text that no track has is kept for so long: it may be about to have one."""

_TRACKS = "tracks.json"


class Captions:
    """Small files, which are written and read without waiting for others."""

    def __init__(self, storage: Storage, limits: Limits) -> None:
        self._storage, self._limits = storage, limits

    def keep(self, video_id: UUID, sha256: str, text: str) -> None:
        """Raises StorageFull."""
        self._write(video_id, text_name(sha256), text.encode())

    def show(self, video_id: UUID, tracks: Sequence[CaptionTrack]) -> None:
        """These and no others, from the next master playlist on."""
        self._write(video_id, _TRACKS, msgspec.json.encode(tracks))
        shown = {_TRACKS, *(text_name(track.sha256) for track in tracks)}
        for file in self._storage.captions(video_id).glob("*"):
            if file.name not in shown and file.stat().st_mtime < time.time() - UNSHOWN_SECONDS:
                file.unlink(missing_ok=True)

    def _write(self, video_id: UUID, name: str, content: bytes) -> None:
        folder = self._storage.captions(video_id)
        folder.mkdir(exist_ok=True)
        part = folder / f"{name}.{token_hex(8)}"
        try:
            with part.open("wb") as file, told_when_full():
                check_room(file, len(content), self._limits)
                file.write(content)
            sync(part)
            part.rename(folder / name)
        finally:
            part.unlink(missing_ok=True)
        sync(folder)
        self._storage.drop_captions_if_deleted(video_id)

    def of(self, video_id: UUID) -> tuple[CaptionTrack, ...]:
        try:
            shown = (self._storage.captions(video_id) / _TRACKS).read_bytes()
        except FileNotFoundError:
            return ()
        return msgspec.json.decode(shown, type=tuple[CaptionTrack, ...])

    def find(self, video_id: UUID, path: str) -> tuple[CaptionTrack, Path] | None:
        """Whose playlist or text is served under that path, and where the text lies."""
        wanted = PATH.fullmatch(path)
        for track in self.of(video_id) if wanted else ():
            file = self._storage.captions(video_id) / text_name(track.sha256)
            if wanted and (wanted["playlist"] == playlist_name(track) or wanted["sha256"] == track.sha256):
                return (track, file) if self._storage.has_file(file) else None
        return None


def served(track: CaptionTrack, file: Path, path: str, *, rendition: Path, seconds: int | None) -> bytes:
    """What is answered under `path` beside a rendition, of which there may be the first seconds alone."""
    pictures = (rendition / MEDIA).read_text("ascii")
    length = seconds_of(pictures if seconds is None else beginning(pictures, seconds))
    if path.endswith(".m3u8"):
        return captions_playlist(track, length).encode()
    text = file.read_text("utf-8")
    made = read_record(rendition.parent)
    begins = made.begins_at_seconds if made else 0.0
    return placed(text if seconds is None else webvtt.beginning(text, length), begins).encode()
