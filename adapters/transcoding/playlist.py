"""The master playlist of a video: written from what was measured, and cut down to what a viewer may see.

RFC 8216 and its successor draft-pantos-hls-rfc8216bis say what each attribute means.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from adapters.transcoding.ladder import SEGMENT_SECONDS, Rung
from adapters.transcoding.probe import Source

MASTER = "master.m3u8"
MEDIA = "index.m3u8"

_SEGMENT = re.compile(r"^#EXTINF:([\d.]+),[^\n]*\n(seg_\d{5}\.(?:m4s|ts))$", re.MULTILINE)
_SECONDS = re.compile(r"^#EXTINF:([\d.]+),", re.MULTILINE)
_AAC_LC = "mp4a.40.2"
_VARIANT = re.compile(r"^#EXT-X-STREAM-INF:[^\n]*\n(\d+)p/[^\n]*\n", re.MULTILINE)


class Segment(msgspec.Struct, frozen=True):
    name: str
    seconds: float
    size_bytes: int


class Variant(msgspec.Struct, frozen=True):
    """A rung as it came out; rates in bits per second."""

    rung: Rung
    peak_rate: int
    average_rate: int
    codecs: str
    duration_seconds: float


def segments(folder: Path) -> list[Segment]:
    """The segments of one rung, in order, as its playlist lists them."""
    listed = _SEGMENT.findall((folder / MEDIA).read_text("ascii"))
    return [Segment(name, float(seconds), (folder / name).stat().st_size) for seconds, name in listed]


def header(folder: Path) -> bytes:
    """What comes before the first segment of a rung: FFmpeg numbers it where there are several rungs."""
    (file,) = folder.glob("init*.mp4")
    return file.read_bytes()


def measure(folder: Path, rungs: Iterable[Rung], source: Source) -> list[Variant]:
    """What FFmpeg made of the rungs, from its segments and their headers.

    Its own master playlist is of no use: it lacks the frame rate, and for less than a second of video it is empty.
    """
    return [_variant(rung, segments(folder / rung.name), _codecs(folder / rung.name, source)) for rung in rungs]


def measure_again(folder: Path, variants: Iterable[Variant]) -> list[Variant]:
    """The rates of the same pictures and sound in other segments."""
    return [_variant(one.rung, segments(folder / one.rung.name), one.codecs) for one in variants]


def _codecs(folder: Path, source: Source) -> str:
    """As RFC 6381 writes H.264: profile, constraints and level, the bytes after the version in its `avcC` box."""
    _, found, configuration = header(folder).partition(b"avcC")
    assert found, "FFmpeg writes H.264"
    video = f"avc1.{configuration[1:4].hex()}"
    return f"{video},{_AAC_LC}" if source.has_sound else video


def _variant(rung: Rung, parts: list[Segment], codecs: str) -> Variant:
    duration = sum(part.seconds for part in parts)
    # The RFC counts stretches from half a segment on: the rate of a last one of a few pictures says nothing.
    peak = max(8 * part.size_bytes / max(part.seconds, SEGMENT_SECONDS / 2) for part in parts)
    average = 8 * sum(part.size_bytes for part in parts) / duration
    return Variant(rung, max(round(peak), round(average)), round(average), codecs, duration)


def write_master(folder: Path, variants: Iterable[Variant], source: Source) -> None:
    (folder / MASTER).write_text("".join(_master(variants, float(source.frame_rate))), "ascii")


def _master(variants: Iterable[Variant], frame_rate: float) -> Iterator[str]:
    yield "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    for variant in variants:
        rung = variant.rung
        yield f"#EXT-X-STREAM-INF:BANDWIDTH={variant.peak_rate},AVERAGE-BANDWIDTH={variant.average_rate},"
        yield f'CODECS="{variant.codecs}",RESOLUTION={rung.width}x{rung.height},FRAME-RATE={frame_rate:.3f}\n'
        yield f"{rung.name}/{MEDIA}\n"


def beginning(playlist: str, seconds: float) -> str:
    """The playlist of a rung with the segments alone that begin before that second."""
    begins = 0.0
    for segment in _SEGMENT.finditer(playlist):
        if begins >= seconds:
            return playlist[: segment.start()] + "#EXT-X-ENDLIST\n"
        begins += float(segment[1])
    return playlist


def seconds_of(playlist: str) -> float:
    """How long all its segments are."""
    return sum(map(float, _SECONDS.findall(playlist)))


def up_to(master: str, max_height: int) -> str:
    """The playlist without the variants above a height."""
    return _VARIANT.sub(lambda variant: variant[0] if int(variant[1]) <= max_height else "", master)
