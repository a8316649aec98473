"""An upload that comes in pieces: what has come lies on the disk, and its length is where the next piece begins.

Whoever has its file open holds a lock on it, which a killed process lets go of. Beside it may lie `.wanted`, by which
others ask the holder to give way if nothing comes, and `.unproved`: where a piece began that has a checksum, which is
cut off again unless it was seen to be right.
"""

import asyncio
import fcntl
import hashlib
import os
import time
from asyncio import to_thread
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from adapters.local_video.incoming import check_room, told_when_full
from adapters.transcoding.limits import Limits
from adapters.transcoding.storage import sync
from application.ports.resumable_upload import Checksum, ChecksumMismatch, UploadInUse, UploadLongerThanAnnounced
from application.ports.video_platform import UploadLinkInvalid, UploadStalled

_PIECE_BYTES = 1 << 20
_SYNCED_BYTES = 64 << 20
_LOOK_SECONDS = 0.1

Keep = Callable[[Path, str], None]
"""Puts a whole file where uploads lie, under the SHA-256 of its bytes."""


class PartialUpload:
    """One upload as far as it has come, held by us; its methods are called one at a time."""

    def __init__(
        self, path: Path, file: BinaryIO, *, length: int, expires_at: datetime, limits: Limits, keep: Keep
    ) -> None:
        self.length, self.expires_at = length, expires_at
        self._path, self._file, self._limits, self._keep = path, file, limits, keep
        self._hash = hashlib.sha256()
        self._hashed_bytes = 0
        self._unsynced_bytes = 0

    @property
    def offset(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def cut_off_unproved(self) -> None:
        """What came with a checksum, and was not seen to be right."""
        mark = _unproved(self._path)
        with suppress(FileNotFoundError):
            self._file.truncate(_proved_bytes(mark.read_bytes(), self.offset))
            mark.unlink()

    async def append(
        self, chunks: AsyncIterator[bytes], *, size_bytes: int | None = None, checksum: Checksum | None = None
    ) -> None:
        if size_bytes is not None and self.offset + size_bytes > self.length:
            raise UploadLongerThanAnnounced(f"{self.length - self.offset} bytes are still to come, not {size_bytes}")
        if checksum is None:
            await self._take(chunks, [])
            return
        proof = hashlib.new(checksum.algorithm, usedforsecurity=False)
        await to_thread(self._mark_unproved)
        await self._take(chunks, [proof])
        if proof.digest() != checksum.digest:
            raise ChecksumMismatch(f"the bytes do not come to this {checksum.algorithm}")
        _unproved(self._path).unlink()

    def _mark_unproved(self) -> None:
        """Whole or not at all: on a full disk the upload stays as it was."""
        text = str(self.offset).encode()
        check_room(self._file, len(text), self._limits)
        with told_when_full():
            _write_whole(_unproved(self._path), text)

    async def _take(self, chunks: AsyncIterator[bytes], proofs: "list[hashlib._Hash]") -> None:
        """Write them until they end or break off; either way what came is on the disk."""
        piece = bytearray()
        try:
            while (chunk := await self._next(chunks)) is not None:
                piece += chunk
                if len(piece) >= _PIECE_BYTES:
                    full, piece = piece, bytearray()
                    await to_thread(self._write, full, proofs)
        finally:
            await to_thread(self._write, piece, proofs)
            await to_thread(self._sync)

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        began = time.monotonic()
        coming = asyncio.ensure_future(anext(chunks, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=self._limits.give_way_seconds)
                if coming.done():
                    return coming.result()
                self._check_patience(time.monotonic() - began)
        finally:
            coming.cancel()

    def _check_patience(self, silent_seconds: float) -> None:
        if silent_seconds >= self._limits.idle_seconds:
            raise UploadStalled(f"no byte came for {self._limits.idle_seconds:g} seconds")
        if _wanted(self._path).exists():
            raise UploadStalled("no byte came, and somebody else wants to go on")

    def _write(self, piece: bytearray, proofs: "list[hashlib._Hash]") -> None:
        begins = self.offset
        if begins + len(piece) > self.length:
            raise UploadLongerThanAnnounced(f"the upload was to have {self.length} bytes")
        check_room(self._file, len(piece), self._limits)
        with told_when_full():
            self._file.write(piece)
            self._file.flush()
        for proof in proofs:
            proof.update(piece)
        if self._hashed_bytes == begins:
            self._hash.update(piece)
            self._hashed_bytes += len(piece)
        self._unsynced_bytes += len(piece)
        if self._unsynced_bytes >= _SYNCED_BYTES:
            self._sync()

    def _sync(self) -> None:
        with told_when_full():
            os.fsync(self._file.fileno())
        self._unsynced_bytes = 0

    async def whole(self) -> str:
        await to_thread(self._sync)
        is_hashed = self._hashed_bytes == self.length
        try:
            sha256 = self._hash.hexdigest() if is_hashed else await to_thread(_sha256, self._path)
            await to_thread(self._keep, self._path, sha256)
        except FileNotFoundError as gone:
            raise UploadLinkInvalid("the video was deleted meanwhile") from gone
        return sha256

    async def drop(self) -> None:
        """The file goes last: without it nobody looks for the others."""
        mark = _unproved(self._path)
        for file in (_wanted(self._path), _unfinished(mark), mark, self._path):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # another upload of the same video is there
            self._path.parent.rmdir()


@asynccontextmanager
async def held(
    path: Path, *, length: int, expires_at: datetime, limits: Limits, keep: Keep
) -> AsyncIterator[PartialUpload]:
    """The upload at a path, new or as far as it has come. Raises UploadInUse."""
    with told_when_full():
        file = await _claimed(path, limits)
    try:
        upload = PartialUpload(path, file, length=length, expires_at=expires_at, limits=limits, keep=keep)
        upload.cut_off_unproved()
        yield upload
    finally:
        with suppress(OSError):  # a full disk has been told already
            file.close()


async def _claimed(path: Path, limits: Limits) -> BinaryIO:
    """Its file, locked; whoever has it, and sends nothing, has time to give way."""
    deadline = time.monotonic() + 3 * limits.give_way_seconds
    while (file := _claim(path)) is None:
        if time.monotonic() > deadline:
            raise UploadInUse("somebody else is sending to this upload")
        await asyncio.sleep(_LOOK_SECONDS)
    return file


def _claim(path: Path) -> BinaryIO | None:
    """None where somebody else has it, or it was removed between its opening and the lock."""
    path.parent.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):  # its folder was removed at this moment
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                _wanted(path).unlink(missing_ok=True)
                return file
        except BlockingIOError:
            _wanted(path).touch()
        file.close()
    return None


def _wanted(path: Path) -> Path:
    return path.with_suffix(".wanted")


def _unproved(path: Path) -> Path:
    return path.with_suffix(".unproved")


def _unfinished(mark: Path) -> Path:
    return mark.with_suffix(".marking")


def _proved_bytes(mark: bytes, offset: int) -> int:
    """What a mark says is left of so many bytes: of one that cannot be read nothing, and all where it is empty.

    An empty one was never finished, and what it was for had not begun to be written.
    """
    if not mark:
        return offset
    return min(int(mark), offset) if mark.isdigit() else 0


def _write_whole(path: Path, text: bytes) -> None:
    unfinished = _unfinished(path)
    try:
        unfinished.write_bytes(text)
        sync(unfinished)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync(path.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
