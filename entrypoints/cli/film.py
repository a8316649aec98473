"""FFmpeg as the demo uses it: to make a clip where none is given, and to play what was delivered, frame by frame."""

import subprocess
from pathlib import Path
from typing import NamedTuple

CLIP_SECONDS = 20
CLIP_FRAMES_PER_SECOND = 25
TIMEOUT_SECONDS = 120


class Played(NamedTuple):
    """What came out of the decoder."""

    frames: int
    seconds: float


class CannotPlay(Exception):
    """FFmpeg could not decode it; the message is its last line."""


def make_clip(ffmpeg: Path, to: Path, *, seconds: int = CLIP_SECONDS, height: int = 480, hue: int = 0) -> None:
    """A moving test picture with a counter and a tone."""
    size, rate = f"{height * 16 // 9 // 2 * 2}x{height}", CLIP_FRAMES_PER_SECOND
    picture = f"testsrc2=size={size}:rate={rate}:duration={seconds},hue=h={hue}"
    tone = f"sine=frequency=330:sample_rate=48000:duration={seconds}"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest"]
    _run(ffmpeg, ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *encode, "-y", str(to)])


def play(ffmpeg: Path, source: str) -> Played:
    """Decode a file or an address to the end, and count. Raises CannotPlay."""
    progress = _run(ffmpeg, ["-i", source, "-map", "0:v:0", "-f", "null", "-progress", "pipe:1", "-"])
    said = dict(line.split("=", 1) for line in progress.splitlines() if "=" in line)
    return Played(frames=int(said["frame"]), seconds=int(said["out_time_us"]) / 1_000_000)


def _run(ffmpeg: Path, arguments: list[str]) -> str:
    done = subprocess.run(
        [str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", "-xerror", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CannotPlay(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "FFmpeg failed")
    return done.stdout
