"""The picture that stands for a video before it plays."""

from asyncio import to_thread
from pathlib import Path

from adapters.transcoding.child import FFmpeg, FFmpegStopped
from adapters.transcoding.ladder import Rung
from adapters.transcoding.playlist import header, segments

POSTER = "poster.jpg"

_LARGEST = 720
_SECONDS = 60


async def take_poster(ffmpeg: FFmpeg, rungs: tuple[Rung, ...], *, folder: Path) -> None:
    """Write `poster.jpg` into the folder of a finished ladder: a picture from a tenth of the way into the video.

    It is taken from our own segments, not from the upload again: they are small, and begin with a key frame.
    """
    rung = max((rung for rung in rungs if rung.label <= _LARGEST), key=lambda rung: rung.label, default=rungs[0])
    clip = folder / "poster.mp4"
    await to_thread(_copy_segment, folder / rung.name, clip)
    outcome = await ffmpeg.run(
        ["-v", "error", "-i", "fd:", "-vf", "thumbnail=n=100", "-frames:v", "1", "-update", "1", "-q:v", "4", POSTER],
        source=clip,
        folder=folder,
        seconds=_SECONDS,
        on_line=lambda _line: None,
    )
    if outcome.code != 0:
        raise FFmpegStopped(f"no poster came out: {outcome.messages[:500]}")
    clip.unlink()


def _copy_segment(folder: Path, clip: Path) -> None:
    """One segment with its header in front: a whole MP4 file."""
    parts = segments(folder)
    with clip.open("wb") as file:
        file.write(header(folder))
        file.write((folder / parts[len(parts) // 10].name).read_bytes())
