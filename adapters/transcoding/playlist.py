"""The master playlist of a video: written from what was measured, and cut down to what a viewer may see.

RFC 8216 and its successor draft-pantos-hls-rfc8216bis say what each attribute means.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from adapters.transcoding.ladder import SEGMENT_SECONDS, Rung
from adapters.transcoding.probe import Source

MASTER = "master.m3u8"
MEDIA = "index.m3u8"

_SEGMENT = re.compile(r"^#EXTINF:([\d.]+),[^\n]*\n(seg_\d{5}\.(?:m4s|ts))$", re.MULTILINE)
_SECONDS = re.compile(r"^#EXTINF:([\d.]+),", re.MULTILINE)
# Which fields a run of samples has: each its offset of composition; and what stands in front of the first of those.
_OFFSETS, _BEFORE_OFFSET = 0x800, (0x1, 0x4, 0x100, 0x200, 0x400)
LOWEST_KEPT_MAX = 4_096
"""Of so many videos the lowest height is remembered."""

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


def first_picture_seconds(folder: Path) -> float:
    """When the first picture of a rung is shown, by the clock of its segments.

    Pictures are stored in another order than they are shown in, and no clock runs from before 0: the first one waits
    for those that are decoded ahead of it. ISO/IEC 14496-12 has the boxes; the pictures come before the sound.
    """
    media, segment = header(folder), (folder / segments(folder)[0].name).read_bytes()
    at = _content_of(media, b"mdhd")
    (units_per_second,) = struct.unpack_from(">I", media, at + (20 if media[at] else 12))
    at = _content_of(segment, b"tfdt")
    (decoded,) = struct.unpack_from(">Q" if segment[at] else ">I", segment, at + 4)
    at = _content_of(segment, b"trun")
    flags = int.from_bytes(segment[at + 1 : at + 4])
    if not flags & _OFFSETS:
        return float(decoded / units_per_second)
    ahead = sum(4 for flag in _BEFORE_OFFSET if flags & flag)
    (waits,) = struct.unpack_from(">i", segment, at + 8 + ahead)
    return float((decoded + waits) / units_per_second)


def _content_of(content: bytes, box: bytes) -> int:
    """Where it begins, of the first box of that name."""
    return content.index(box) + len(box)


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


@lru_cache(LOWEST_KEPT_MAX)
def lowest_height(master: Path) -> int:
    """Of all variants in a file, which never changes. Raises FileNotFoundError."""
    return min((int(height) for height in _VARIANT.findall(master.read_text("ascii"))), default=0)


def up_to(master: str, max_height: int) -> str:
    """The playlist without the variants above a height."""
    return _VARIANT.sub(lambda variant: variant[0] if int(variant[1]) <= max_height else "", master)
