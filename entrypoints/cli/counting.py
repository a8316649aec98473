"""The folder in which the API processes of one service count together, and those that killed services have left."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

PREFIX = "streamly-counts-"
ATTEMPTS = 10


class CountingFolder(NamedTuple):
    """`held` is an open file that keeps it from being cleared away, as long as a process has it that lives."""

    path: Path
    held: int


class NothingToCountIn(OSError):
    """No folder for temporary files can be made and locked."""


@contextmanager
def counting_folder() -> Iterator[CountingFolder]:
    """A new one, removed afterwards. Raises NothingToCountIn."""
    folder = _made()
    try:
        yield folder
    finally:
        rmtree(folder.path, ignore_errors=True)
        os.close(folder.held)


def clear_abandoned() -> None:
    """Remove the folders of services that were killed; one in which somebody counts is locked, and stays."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if (held := _locked(path)) is not None:
            rmtree(path, ignore_errors=True)
            os.close(held)


def _made() -> CountingFolder:
    """Who clears away at this very moment may find it before it is locked: then another."""
    for _ in range(ATTEMPTS):
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        if (held := _locked(path)) is not None:
            return CountingFolder(path, held)
    raise NothingToCountIn(f"{tempfile.gettempdir()} keeps no folder for the metrics")


def _locked(path: Path) -> int | None:
    """None where it is gone, somebody else's, or locked by another."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(held)
        if found.st_uid == os.geteuid() and os.path.samestat(found, path.stat()):
            return held
    os.close(held)
    return None
