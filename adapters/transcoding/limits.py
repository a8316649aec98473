"""How much one upload may cost: bytes, pictures, seconds and memory."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults let a 12-hour film in 8K through; an upload over any of them is refused with its reason."""

    upload_bytes: int = 20_000_000_000
    idle_seconds: float = 60
    """How long a client may send nothing in the middle of an upload."""
    give_way_seconds: float = 1
    """Whoever sends nothing for so long gives way to another who wants to go on with the same upload."""
    free_bytes: int = 1 << 30
    """Kept free on the disk: a full one would stop whatever else lives on it, such as the database."""
    duration_seconds: float = 12 * 3600
    pixels: int = 8192 * 4352
    """Of one picture."""
    streams: int = 32
    """Pictures, sounds and subtitles in one file."""
    probe_seconds: int = 60
    processing_seconds: int = 300
    """Of work for any video at all, both on the clock and of the processors together ..."""
    processing_seconds_per_second: int = 30
    """... and on top of it for each second of video; a 1080p ladder takes about 1.5 on the processors."""
    memory_bytes: int = 8 << 30
    """Of address space, which with many threads is far more than what is in use."""
    file_bytes: int = 1 << 30
    """Of one file that FFmpeg writes; a segment of 4 s has about 3 MB."""

    def seconds_to_process(self, duration_seconds: float) -> int:
        return self.processing_seconds + round(self.processing_seconds_per_second * duration_seconds)
