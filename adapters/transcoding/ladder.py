"""One pass of FFmpeg from an upload to HLS in several heights, with their key frames at the same moments."""

import os
import re
from asyncio import to_thread
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from adapters.transcoding.child import FFmpeg, Outcome, hostile_input
from adapters.transcoding.limits import Limits
from adapters.transcoding.probe import Source
from adapters.transcoding.storyboard import FOLDER, Storyboard
from application.ports.video_platform import NotAVideo

HEIGHTS = (240, 480, 720, 1080)
"""Made where nothing else is said."""
KEY_FRAME_SECONDS = 2
SEGMENT_SECONDS = 4

PEAK_KBIT = {144: 220, 240: 450, 360: 850, 480: 1400, 720: 3000, 1080: 5500, 1440: 10_000, 2160: 18_000}
"""Of pictures, by each height that can be made."""
_SOUND_KBIT = {144: 48, 240: 64, 360: 96, 480: 96, 720: 128}

# More make nothing faster, and each takes address space, of which there is a limit.
_THREADS = str(min(8, os.cpu_count() or 1))

# FFmpeg's own -progress says nothing until each output has begun, and the storyboard's begins with its first sheet.
_REACHED = re.compile(r"^reached=([\d.]+)$")
_TOLD_SECONDS = 0.5
"""Of film: so often is told how far it is."""
_NO_TONE_MAPPING = re.compile(r"(No such filter|Error initializing filter).*(zscale|tonemap)", re.MULTILINE)
_CUT_OFF = re.compile(r"^\[.*(partial file|File ended prematurely)", re.MULTILINE)
_WHOLE = 0.98


class Rung(msgspec.Struct, frozen=True):
    """One rendition to make: `label` is its short side, and its height where the picture lies."""

    label: int
    width: int
    height: int

    @property
    def name(self) -> str:
        return f"{self.label}p"


def plan_ladder(width: int, height: int, heights: Sequence[int] = HEIGHTS) -> tuple[Rung, ...]:
    """The heights up to the source's own; a smaller source keeps its own. Nothing is ever made larger."""
    short = min(width, height)
    labels = [label for label in heights if label <= short] or [_even(short)]
    return tuple(Rung(label, _even(width * label / short), _even(height * label / short)) for label in labels)


def _even(length: float) -> int:
    """H.264 halves the colour's resolution, so that both sides must be even."""
    return max(2, round(length / 2) * 2)


async def transcode(
    ffmpeg: FFmpeg,
    upload: Path,
    source: Source,
    rungs: tuple[Rung, ...],
    storyboard: Storyboard | None,
    *,
    folder: Path,
    limits: Limits,
    on_progress: Callable[[float], None],
) -> None:
    """Write `240p/index.m3u8` and so on into `folder`, the sheets of the storyboard too; progress goes from 0.0 to 1.0.

    Raises:
        NotAVideo: the upload cannot be decoded to its end, or takes too long.
    """
    reached = told = 0.0

    def hear(line: str) -> None:
        nonlocal reached, told
        if found := _REACHED.match(line):
            reached = max(reached, float(found[1]))
            if reached >= told + _TOLD_SECONDS:
                told = reached
                on_progress(min(1.0, reached / max(source.duration_seconds, 0.1)))

    if storyboard is not None:
        await to_thread((folder / FOLDER).mkdir)
    outcome = await ffmpeg.run(
        _command(source, rungs, storyboard, limits),
        source=upload,
        folder=folder,
        seconds=limits.seconds_to_process(source.duration_seconds),
        on_line=hear,
    )
    _check(outcome, source, reached, limits)


def _command(source: Source, rungs: tuple[Rung, ...], storyboard: Storyboard | None, limits: Limits) -> list[str]:
    return [
        *("-v", "warning"),
        *hostile_input(limits),
        *("-filter_complex_threads", _THREADS, "-filter_complex", ";".join(_filters(source, rungs, storyboard))),
        *_encoders(source, rungs),
        *_output(source, rungs, limits),
        *(("-map", "[sheets]", *storyboard.output()) if storyboard else ()),
    ]


def _filters(source: Source, rungs: tuple[Rung, ...], storyboard: Storyboard | None) -> Iterator[str]:
    """Pictures at one steady rate, decoded once and scaled for each rung; sound as long as they are, without gaps."""
    ways = [f"s{n}" for n in range(len(rungs))] + (["all"] if storyboard else [])
    whole = "bwdif=mode=send_frame:deint=interlaced," if source.interlaced else ""
    shown = _tone_mapped(rungs[-1]) if source.high_dynamic_range else ""
    yield f"[0:V:0]{whole}fps={source.frame_rate}:start_time=0,{shown}split={len(ways)}[{']['.join(ways)}]"
    if storyboard:
        yield f"[all]{storyboard.filters()}[sheets]"
    for n, rung in enumerate(rungs):
        yield f"[s{n}]scale={rung.width}:{rung.height}:flags=bicubic,setsar=1,format=yuv420p[v{n}]"
    if source.has_sound:
        split = "".join(f"[a{n}]" for n in range(len(rungs)))
        yield f"[0:a:0]aresample=48000:async=1:first_pts=0,apad,asplit={len(rungs)}{split}"


def _tone_mapped(largest: Rung) -> str:
    """To what any screen shows (ITU-R BT.709): in light, which takes long, and so in no more pixels than are made."""
    return (
        f"zscale=w={largest.width}:h={largest.height}:primariesin=bt2020:matrixin=bt2020nc:transfer=linear:npl=100,"
        "format=gbrpf32le,zscale=primaries=bt709,tonemap=tonemap=hable:desat=0,"
        "zscale=transfer=bt709:matrix=bt709:range=limited,format=yuv420p,"
    )


def _encoders(source: Source, rungs: tuple[Rung, ...]) -> Iterator[str]:
    for n, rung in enumerate(rungs):
        peak = _at(PEAK_KBIT, rung)
        yield from ("-map", f"[v{n}]", f"-maxrate:v:{n}", f"{peak}k", f"-bufsize:v:{n}", f"{peak * 3 // 2}k")
        if source.has_sound:
            yield from ("-map", f"[a{n}]", f"-b:a:{n}", f"{_at(_SOUND_KBIT, rung)}k")
    yield from ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", "23", "-threads", _THREADS)
    # A cut in the film makes no key frame: they stay on one grid, the same in every rung.
    yield from ("-sc_threshold", "0", "-force_key_frames", f"expr:gte(t,n_forced*{KEY_FRAME_SECONDS})")
    if source.has_sound:
        yield from ("-c:a", "aac", "-ac", "2", "-ar", "48000", "-shortest")


def _at(kbit: dict[int, int], rung: Rung) -> int:
    """That of the next height below, and of the lowest for what is smaller still."""
    return max((rate for height, rate in kbit.items() if height <= rung.label), default=min(kbit.values()))


def _output(source: Source, rungs: tuple[Rung, ...], limits: Limits) -> Iterator[str]:
    """HLS in fragmented MP4, a folder to a rung; where and by whom it was filmed is left out."""
    yield from ("-map_metadata", "-1", "-map_chapters", "-1", "-max_muxing_queue_size", "4096")
    yield from ("-t", str(limits.duration_seconds + 1))
    yield from ("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod")
    yield from ("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4")
    yield from ("-hls_flags", "independent_segments", "-hls_segment_filename", "%v/seg_%05d.m4s")
    sound = "v:{n},a:{n},name:{name}" if source.has_sound else "v:{n},name:{name}"
    variants = " ".join(sound.format(n=n, name=rung.name) for n, rung in enumerate(rungs))
    yield from ("-stats_mux_pre:v:0", "pipe:1", "-stats_mux_pre_fmt:v:0", "reached={t}")
    yield from ("-var_stream_map", variants, "%v/index.m3u8")


def _check(outcome: Outcome, source: Source, reached: float, limits: Limits) -> None:
    if outcome.ran_out_of_memory:
        raise NotAVideo("too_much_memory", "The video takes too much memory to decode.")
    if source.high_dynamic_range and _NO_TONE_MAPPING.search(outcome.messages):
        raise NotAVideo("hdr_not_supported", "Video of a high dynamic range cannot be made ready here.")
    if outcome.code != 0:
        raise NotAVideo("processing_failed", "The video could not be decoded to its end; it is probably damaged.")
    if reached > limits.duration_seconds:
        raise NotAVideo("too_long", f"The video is longer than {limits.duration_seconds / 3600:g} hours.")
    if _CUT_OFF.search(outcome.messages) and reached < _WHOLE * source.duration_seconds:
        detail = f"The file ends after {reached:.0f} of its {source.duration_seconds:.0f} seconds; it was cut off."
        raise NotAVideo("truncated", detail)
