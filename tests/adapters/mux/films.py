"""Files that are just enough of a film for the simulated Mux: an MP4 of nothing but its heads."""

import struct

NO_FILM = b"these are onions, and they do not move"


def film(*, seconds: int = 2, width: int = 640, height: int = 360) -> bytes:
    mvhd = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1_000, seconds * 1_000) + bytes(80))
    return box(b"ftyp", b"isom") + box(b"moov", mvhd + track(width, height) + track(0, 0)) + box(b"mdat", bytes(1_000))


def track(width: int, height: int) -> bytes:
    return box(b"trak", box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16)))


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
