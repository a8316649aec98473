"""Where a video lies on disk, and how it gets there all at once or not at all.

`uploads/{video}/{sha256}` is what came in, `partial/{video}/{length}-{ends}` what has come of an upload of so many
bytes whose link ends at that microsecond, `hls/{video}/{playback}/` what is served, `captions/{video}/` what is read
along with it, and `work/` what is being made: each piece of work has a folder of its own there, locked while its
process lives, and what is done is moved out by one rename. All must lie on one local disk.
"""

import errno
import fcntl
import os
import secrets
import shutil
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from uuid import UUID


class Storage:
    """The folders under `root`; made when missing."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        names = ("uploads", "partial", "hls", "captions", "work", "deleted")
        places = [self.root / name for name in names]
        self._uploads, self._partial, self._hls, self._captions, self._work, self._deleted = places
        for name in names:
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def upload(self, video_id: UUID, sha256: str) -> Path:
        return self._uploads / str(video_id) / sha256

    def partial(self, video_id: UUID, length: int, ends: int) -> Path:
        return self._partial / str(video_id) / f"{length}-{ends}"

    def playback(self, video_id: UUID, playback_id: str) -> Path:
        return self._hls / str(video_id) / playback_id

    def captions(self, video_id: UUID) -> Path:
        return self._captions / str(video_id)

    def has_file(self, file: Path) -> bool:
        """Whether there is a file of ours, with no symbolic link on the way to it; asked for each segment."""
        at, mode = str(self.root), 0
        try:
            for part in str(file.relative_to(self.root)).split("/"):
                at = f"{at}/{part}"
                mode = os.lstat(at).st_mode
                if S_ISLNK(mode):
                    return False
        except OSError:
            return False
        return S_ISREG(mode)

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """An empty folder that is gone afterwards; what processes left behind that were killed goes first."""
        await to_thread(self._sweep)
        with self._claimed_folder() as folder:
            try:
                yield folder
            finally:
                await to_thread(shutil.rmtree, folder)

    @contextmanager
    def _claimed_folder(self) -> Iterator[Path]:
        while True:
            folder = self._work / secrets.token_hex(8)
            folder.mkdir()
            try:
                claim = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:  # a sweep came between the making and the opening
                continue
            fcntl.flock(claim, fcntl.LOCK_EX)
            if folder.exists():  # else it came between the opening and the lock
                break
            os.close(claim)
        try:
            yield folder
        finally:
            os.close(claim)

    def _sweep(self) -> None:
        for folder in self._work.iterdir():
            with suppress(FileNotFoundError, NotADirectoryError, BlockingIOError), _claim(folder):
                shutil.rmtree(folder)

    def keep_upload(self, file: Path, video_id: UUID, sha256: str) -> None:
        """Move a whole upload to its place; the file itself must be on the disk already."""
        self._move(file, self.upload(video_id, sha256))
        self._drop_if_deleted(video_id)

    def link_upload(self, file: Path, video_id: UUID, sha256: str) -> None:
        """Have a whole upload in its place too: its bytes are there once, under two names."""
        place = self.upload(video_id, sha256)
        place.parent.mkdir(exist_ok=True)
        with suppress(FileExistsError):  # a try before this one, which was killed
            place.hardlink_to(file)
        sync(place.parent)
        sync(place.parent.parent)
        self._drop_if_deleted(video_id)

    def sweep_partial(self, now: int) -> None:
        """Remove what has come of uploads whose links ended before this microsecond; what is being sent now stays."""
        for file in self._partial.glob("*/*"):
            with suppress(FileNotFoundError, BlockingIOError, ValueError):
                if int(file.stem.partition("-")[2]) <= now:
                    with _claim(file):
                        file.unlink()
        for folder in self._partial.iterdir():
            with suppress(OSError):  # another has come into it
                folder.rmdir()

    def publish(self, folder: Path, video_id: UUID, playback_id: str) -> None:
        """Move a finished folder to where it is served from; nothing happens where the same one is there already."""
        for written in (*folder.rglob("*"), folder):
            sync(written)
        place = self.playback(video_id, playback_id)
        try:
            self._move(folder, place)
        except OSError as refused:
            if refused.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
        self._drop_if_deleted(video_id)

    def _move(self, source: Path, place: Path) -> None:
        place.parent.mkdir(exist_ok=True)
        source.rename(place)
        sync(place.parent)
        sync(place.parent.parent)

    def drop_upload(self, video_id: UUID, sha256: str) -> None:
        """One of them."""
        place = self.upload(video_id, sha256)
        place.unlink(missing_ok=True)
        with suppress(OSError):  # another is there
            place.parent.rmdir()

    def drop_uploads(self, video_id: UUID) -> None:
        shutil.rmtree(self._uploads / str(video_id), ignore_errors=True)

    def is_deleted(self, video_id: UUID) -> bool:
        return (self._deleted / str(video_id)).exists()

    async def delete(self, video_id: UUID) -> None:
        """Nothing of it is served from the first rename on, however long the rest takes.

        That it was deleted stays, in an empty file. Whoever moves something of a video to its place looks for that
        afterwards, and removes it again: so it goes, whichever of the two came first.
        """
        await to_thread(self._mark_deleted, video_id)
        await self.clear(video_id)

    async def clear(self, video_id: UUID) -> None:
        """Nothing of it is here any more; it may come again."""
        async with self.workplace() as trash:
            for kind in (self._hls, self._captions, self._uploads, self._partial):
                with suppress(FileNotFoundError):
                    (kind / str(video_id)).rename(trash / kind.name)

    def _drop_if_deleted(self, video_id: UUID) -> None:
        if self.is_deleted(video_id):
            for kind in (self._hls, self._uploads):
                shutil.rmtree(kind / str(video_id), ignore_errors=True)

    def drop_captions_if_deleted(self, video_id: UUID) -> None:
        if self.is_deleted(video_id):
            shutil.rmtree(self._captions / str(video_id), ignore_errors=True)

    def _mark_deleted(self, video_id: UUID) -> None:
        (self._deleted / str(video_id)).touch()
        sync(self._deleted)


@contextmanager
def _claim(path: Path) -> Iterator[None]:
    claim = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(claim)


def sync(path: Path) -> None:
    """Have it on the disk: a rename may otherwise outlive a power cut that the bytes do not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
