"""What a file is: the length and the size of a picture of an MP4, as far as its boxes say (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

BOXES_MAX = 1_000
HEADER = struct.Struct(">I4s")
WIDE = struct.Struct(">Q")
IN_WHOLE = 65_536
"""Of a box that is read for its fields so many bytes are looked at."""


class NoFilm(Exception):
    """It has no box that says how long it is, or no picture."""


class Film(msgspec.Struct, frozen=True):
    """`seconds` long, pictures of `width` by `height`."""

    seconds: float
    width: int
    height: int


class _Box(msgspec.Struct, frozen=True):
    kind: bytes
    start: int
    end: int


def film_in(file: BinaryIO) -> Film:
    """Raises NoFilm."""
    try:
        return _film(file)
    except (struct.error, ZeroDivisionError) as odd:
        raise NoFilm from odd


def _film(file: BinaryIO) -> Film:
    whole = _Box(b"", 0, file.seek(0, 2))
    movie = _first(file, whole, b"moov")
    seconds = _seconds(_read(file, _first(file, movie, b"mvhd")))
    sizes = [_size(_read(file, _first(file, track, b"tkhd"))) for track in _boxes(file, movie) if track.kind == b"trak"]
    width, height = max(sizes, default=(0, 0))
    if not height:
        raise NoFilm
    return Film(seconds, width, height)


def _boxes(file: BinaryIO, within: _Box) -> Iterator[_Box]:
    at = within.start
    for _ in range(BOXES_MAX):
        if at + HEADER.size > within.end:
            return
        file.seek(at)
        length, kind = HEADER.unpack(file.read(HEADER.size))
        body = at + HEADER.size
        if length == 1:
            length, body = WIDE.unpack(file.read(WIDE.size))[0], body + WIDE.size
        end = within.end if length == 0 else at + length
        if end < body or end > within.end:
            raise NoFilm
        yield _Box(kind, body, end)
        at = end


def _first(file: BinaryIO, within: _Box, kind: bytes) -> _Box:
    found = next((box for box in _boxes(file, within) if box.kind == kind), None)
    if found is None:
        raise NoFilm
    return found


def _read(file: BinaryIO, box: _Box) -> bytes:
    file.seek(box.start)
    return file.read(min(box.end - box.start, IN_WHOLE))


def _seconds(mvhd: bytes) -> float:
    """Version 1 has its times in 64 bits."""
    scale, length = struct.unpack_from(">IQ", mvhd, 20) if mvhd[:1] == b"\1" else struct.unpack_from(">II", mvhd, 12)
    return float(length / scale)


def _size(tkhd: bytes) -> tuple[int, int]:
    """The last two fields, each 16.16; of sound they are zero."""
    width, height = struct.unpack_from(">II", tkhd, len(tkhd) - 8)
    return width >> 16, height >> 16
