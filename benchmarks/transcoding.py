"""A film made ready in one pass of FFmpeg, as the worker does it, and in a pass to each rendition.

The same FFmpeg, limits, filters and encoders, run by the same code: a pass to a rendition is a ladder of one. The film
has 1080p with noise and sound, and the renditions are six, from 144p to 1080p; the passes come one after the other,
each on all cores. At the end it is looked whether both made the same: heights, segments and their lengths.
"""

import asyncio
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

from adapters.transcoding.child import FFmpeg
from adapters.transcoding.ladder import Rung, plan_ladder, transcode
from adapters.transcoding.limits import Limits
from adapters.transcoding.playlist import segments
from adapters.transcoding.probe import Source, probe
from benchmarks.contest import Comparison, Contest, Contestant, Figure, Outcome, Sample, hold
from benchmarks.workbench import Options, Workbench

HEIGHTS = (144, 240, 360, 480, 720, 1080)
ROUNDS_MAX = 3
"""A round takes half a minute on two cores, and little of it is chance."""
ONE_PASS, SEPARATE = "one pass", "a pass to each"
RATE, CPU = "seconds_of_film_per_second", "cpu_seconds"

COMPARISONS = (
    Comparison("ladder_vs_separate", "s/s", Figure(ONE_PASS, RATE), Figure(SEPARATE, RATE)),
    Comparison("ladder_cpu_vs_separate", "s", Figure(ONE_PASS, CPU), Figure(SEPARATE, CPU)),
)


async def transcoding(bench: Workbench, options: Options, say: Callable[[str, int], None]) -> Outcome:
    """A film of two seconds to each second of a round."""
    film = bench.folder / "film.mp4"
    await asyncio.to_thread(_make, film, 2 * options.seconds)
    ffmpeg = FFmpeg(Path(imageio_ffmpeg.get_ffmpeg_exe()), Limits())
    source = await probe(ffmpeg, film, folder=bench.folder, limits=Limits())
    rungs = plan_ladder(source.width, source.height, HEIGHTS)
    once = Making(ffmpeg, film, source, [rungs], bench.folder / "once")
    apart = Making(ffmpeg, film, source, [(rung,) for rung in rungs], bench.folder / "apart")
    contestants = [Contestant(ONE_PASS, once.measure), Contestant(SEPARATE, apart.measure)]
    rounds = min(options.rounds, ROUNDS_MAX)
    outcome = await hold(Contest("transcoding", contestants, COMPARISONS), rounds=rounds, on_round=say)
    made, other = once.made(), apart.made()
    assert made == other, f"both make the same renditions: {made}, {other}"
    return outcome


def _make(film: Path, seconds: float) -> None:
    """Of 50 Mbit/s, as cameras write it."""
    picture = f"testsrc2=size=1920x1080:rate=30:duration={seconds},noise=alls=12:allf=t"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", f"sine=duration={seconds}", "-c:v", "libx264", "-preset", "veryfast"]
    command += ["-b:v", "50M", "-maxrate", "50M", "-bufsize", "50M", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, str(film)], check=True, timeout=300)


class Making:
    """The passes over a film that make its renditions, in a folder that is emptied before each round."""

    def __init__(
        self, ffmpeg: FFmpeg, film: Path, source: Source, passes: Sequence[tuple[Rung, ...]], folder: Path
    ) -> None:
        self._ffmpeg, self._film, self._source, self._passes, self._folder = ffmpeg, film, source, passes, folder

    async def measure(self) -> Sample:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        began, used = time.perf_counter(), _cpu_seconds()
        for rungs in self._passes:
            await transcode(
                self._ffmpeg,
                self._film,
                self._source,
                rungs,
                None,
                folder=self._folder,
                limits=Limits(),
                on_progress=lambda _: None,
            )
        elapsed = time.perf_counter() - began
        return {RATE: self._source.duration_seconds / elapsed, CPU: _cpu_seconds() - used}

    def made(self) -> dict[str, list[float]]:
        """The seconds of each segment, by rendition."""
        names = [rung.name for rungs in self._passes for rung in rungs]
        return {name: [part.seconds for part in segments(self._folder / name)] for name in names}


def _cpu_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
