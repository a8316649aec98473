"""An upload on its way to the disk: in constant memory, measured and hashed as it comes."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from adapters.transcoding.limits import Limits
from application.ports.video_platform import ReceivedUpload, StorageFull, UploadStalled, UploadTooLarge

_PIECE_BYTES = 1 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


async def write_upload(chunks: AsyncIterator[bytes], path: Path, limits: Limits) -> ReceivedUpload:
    """Write all chunks to a new file; when it returns they are on the disk.

    Raises:
        UploadTooLarge, UploadStalled, StorageFull: and what was written is left to the caller to remove.
    """
    with _IncomingFile(path, limits) as file:
        piece = bytearray()
        while (chunk := await _next(chunks, limits.idle_seconds)) is not None:
            piece += chunk
            if len(piece) >= _PIECE_BYTES:
                await asyncio.to_thread(file.write, piece)
                piece = bytearray()
        await asyncio.to_thread(file.write, piece)
        return await asyncio.to_thread(file.finish)


async def _next(chunks: AsyncIterator[bytes], idle_seconds: float) -> bytes | None:
    try:
        async with asyncio.timeout(idle_seconds):
            return await anext(chunks, None)
    except TimeoutError:
        raise UploadStalled(f"no byte came for {idle_seconds:g} seconds") from None


class _IncomingFile:
    """Used from threads, one call at a time; to close it waits for a write that nobody waits for any more."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._file = path.open("xb")
        self._limits = limits
        self._size_bytes = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def write(self, piece: bytearray) -> None:
        self._size_bytes += len(piece)
        if self._size_bytes > self._limits.upload_bytes:
            raise UploadTooLarge(f"the limit is {self._limits.upload_bytes} bytes")
        check_room(self._file, len(piece), self._limits)
        self._hash.update(piece)
        with told_when_full():
            self._file.write(piece)

    def finish(self) -> ReceivedUpload:
        with told_when_full():
            self._file.flush()
            os.fsync(self._file.fileno())
        return ReceivedUpload(self._size_bytes, self._hash.hexdigest())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a full disk has been told already
            self._file.close()


def check_room(file: BinaryIO, size_bytes: int, limits: Limits) -> None:
    """Raises StorageFull where so many bytes more would take the last of the disk."""
    disk = os.fstatvfs(file.fileno())
    if disk.f_bavail * disk.f_frsize < limits.free_bytes + size_bytes:
        raise StorageFull(f"no more than {limits.free_bytes} bytes are free, which are kept so")


@contextmanager
def told_when_full() -> Iterator[None]:
    """Turns what the kernel says of a full disk into StorageFull."""
    try:
        yield
    except OSError as refused:
        if refused.errno in _NO_ROOM:
            raise StorageFull(str(refused)) from refused
        raise
