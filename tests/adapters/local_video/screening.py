"""Sending a film through the platform, and watching what came out with FFmpeg's own eyes."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import m3u8  # type: ignore[import-untyped]

from adapters.local_video.platform import LocalVideo
from adapters.transcoding.ladder import HEIGHTS
from adapters.transcoding.limits import Limits
from application.ports.video_platform import Processed
from tests.adapters.local_video.clips import FFMPEG

NOW = datetime(2026, 11, 21, 20, 15, tzinfo=UTC)
ANY_NAME = ("-allowed_extensions", "ALL")
"""FFmpeg plays files alone that are named as media are, which a key is not."""
CONTENT_SECRET = b"what all content keys follow from"[:32]
KEYS = {"november": b"november's secret, 32 bytes long", "october": b"october's secret of 32 bytes ..."}


def local_video(
    root: Path,
    limits: Limits | None = None,
    keys: dict[str, bytes] | None = None,
    heights: tuple[int, ...] = HEIGHTS,
    *,
    encrypts: bool = False,
) -> LocalVideo:
    return LocalVideo(
        root,
        public_url="https://video.example/",
        signing_keys=keys or KEYS,
        limits=limits,
        heights=heights,
        content_secret=CONTENT_SECRET,
        encrypts=encrypts,
    )


async def in_pieces(content: bytes, piece_bytes: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), piece_bytes):
        yield content[start : start + piece_bytes]


async def upload_token(platform: LocalVideo, video_id: UUID) -> str:
    grant = await platform.grant_upload(video_id, size_bytes=None, now=NOW)
    return grant.url.split("/")[-2]


async def upload(platform: LocalVideo, film: Path, video_id: UUID) -> str:
    """The hash under which it was taken in."""
    token, content = await upload_token(platform, video_id), contents(film)
    return (await platform.receive(video_id, token, in_pieces(content), now=NOW)).sha256


def contents(file: Path) -> bytes:
    return file.read_bytes()


@dataclass(frozen=True)
class Screening:
    """A film that can be watched, and where its files are."""

    platform: LocalVideo
    root: Path
    video_id: UUID
    sha256: str
    processed: Processed
    progress: list[float]

    @property
    def folder(self) -> Path:
        return self.root / "hls" / str(self.video_id) / self.processed.playback_id

    @property
    def heights(self) -> list[int]:
        return [rendition.height for rendition in self.processed.renditions]

    def master(self) -> m3u8.M3U8:
        return m3u8.load(str(self.folder / "master.m3u8"))

    def playlist(self, height: int) -> m3u8.M3U8:
        return m3u8.load(str(self.folder / f"{height}p" / "index.m3u8"))

    def pictures(self, height: int, *options: str) -> list[float]:
        """When each picture of a rung is shown, in seconds, by decoding all of them."""
        return decoded(self.folder / f"{height}p" / "index.m3u8", "-map", "0:v", *options)

    def key_frames(self, height: int) -> list[float]:
        return decoded(self.folder / f"{height}p" / "index.m3u8", "-map", "0:v", before=("-skip_frame", "nokey"))

    def sound_seconds(self, height: int) -> float:
        frames = decoded(self.folder / f"{height}p" / "index.m3u8", "-map", "0:a")
        return len(frames) * 1024 / 48_000

    def told(self, height: int, *options: str) -> str:
        """What FFmpeg says of a rung while it decodes all of it."""
        playlist = str(self.folder / f"{height}p" / "index.m3u8")
        command = (str(FFMPEG), "-hide_banner", "-v", "info", "-i", playlist, *options, "-f", "null", "-")
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr


async def screen(platform: LocalVideo, film: Path) -> Screening:
    video_id, progress = uuid4(), list[float]()
    sha256 = await upload(platform, film, video_id)
    processed = await platform.process(video_id, sha256=sha256, on_progress=progress.append)
    return Screening(platform, root_of(platform), video_id, sha256, processed, progress)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def root_of(platform: LocalVideo) -> Path:
    return platform._storage.root


def decoded(playlist: Path, *options: str, before: tuple[str, ...] = ()) -> list[float]:
    """The moments, in seconds, of what FFmpeg decodes; it fails on the first error."""
    command = (str(FFMPEG), "-v", "error", "-xerror", *ANY_NAME, *before, "-i", str(playlist), *options)
    passthrough = ("-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc", "-")
    ran = subprocess.run((*command, *passthrough), capture_output=True, text=True, check=True, timeout=60)
    (tick,) = (line.split(": ")[1] for line in ran.stdout.splitlines() if line.startswith("#tb 0: "))
    unit = int(tick.split("/")[0]) / int(tick.split("/")[1])
    lines = [line.split(",") for line in ran.stdout.splitlines() if not line.startswith("#")]
    return [int(fields[2]) * unit for fields in lines]


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments)]


def in_an_hour() -> datetime:
    return NOW + timedelta(hours=1)
