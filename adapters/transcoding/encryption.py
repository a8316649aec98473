"""AES-128 for HLS (RFC 8216, section 4.3.2.4): of what was made in the clear, segments that are nothing without a key.

FFmpeg encrypts MPEG-TS alone, so that pictures and sound are put from one container into the other, unchanged. The key
of a playback is not kept: it follows from a secret that lasts, and is only ever handed out.
"""

import hmac
import os
import shutil
from asyncio import to_thread
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from uuid import UUID

from adapters.transcoding.child import FFmpeg, FFmpegStopped
from adapters.transcoding.ladder import SEGMENT_SECONDS, Rung
from adapters.transcoding.playlist import MEDIA

KEY = "enc.key"
"""Beside the master playlist, as the playlists of the renditions name it."""

MPEGTS_START_SECONDS = 1.4
"""By so much FFmpeg lets the clock of MPEG-TS run before there is anything to decode."""

_KEY_BYTES = 16
_SECRET_BYTES = 32


class ContentKeys:
    """The keys of all playbacks, by one secret of 32 bytes. Raises ValueError for another length."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _SECRET_BYTES:
            raise ValueError(f"content keys are made of a secret of {_SECRET_BYTES} bytes")
        self._secret = secret

    def of(self, video_id: UUID, playback_id: str) -> bytes:
        """`playback_id` is hexadecimal."""
        return hmac.digest(self._secret, video_id.bytes + bytes.fromhex(playback_id), sha256)[:_KEY_BYTES]


async def encrypt(ffmpeg: FFmpeg, rungs: tuple[Rung, ...], *, folder: Path, key: bytes, seconds: int) -> None:
    """Put encrypted MPEG-TS in the place of each rendition in `folder`; beside it lies the key for as long as it takes.

    Raises:
        NotAVideo: it takes longer than so many seconds.
    """
    told, made = folder.with_name("key-info"), folder.with_name("encrypted")
    for rung in rungs:
        await to_thread(_write_key, folder.with_name("key"), told, key)
        made.mkdir()
        await _put_over(ffmpeg, folder / rung.name, made, told, seconds=seconds)
        await to_thread(_replace, folder / rung.name, made)


def _write_key(key_file: Path, told: Path, key: bytes) -> None:
    """For this user's eyes alone, and outside of what is published."""
    key_file.touch(mode=0o600)
    key_file.write_bytes(key)
    # Its address in the playlists, where FFmpeg finds it, and what the first block of each segment is mixed with.
    told.write_text(f"../{KEY}\n{key_file}\n{token_hex(_KEY_BYTES)}\n", "utf-8")


async def _put_over(ffmpeg: FFmpeg, rendition: Path, made: Path, told: Path, *, seconds: int) -> None:
    outcome = await ffmpeg.run(
        [
            *("-v", "error", "-i", str(rendition / MEDIA), "-map", "0", "-c", "copy"),
            *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod"),
            *("-hls_flags", "independent_segments", "-hls_key_info_file", str(told)),
            *("-hls_segment_filename", "seg_%05d.ts", MEDIA),
        ],
        source=Path(os.devnull),
        folder=made,
        seconds=seconds,
        on_line=lambda _line: None,
    )
    if outcome.code != 0:
        raise FFmpegStopped(f"nothing was encrypted: {outcome.messages[:500]}")


def _replace(rendition: Path, made: Path) -> None:
    shutil.rmtree(rendition)
    made.rename(rendition)
