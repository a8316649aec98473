"""The data folder: its lock, how it is made whole or not at all, and where the server that works in it is reached."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from adapters.embedded_postgres.binaries import Binaries
from adapters.embedded_postgres.identity import Identity
from adapters.embedded_postgres.server_log import ServerLog, telling_words
from adapters.embedded_postgres.unavailable import EmbeddedPostgresUnavailable

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT_BYTES = 103  # sockaddr_un: 108 on Linux, 104 on macOS, the closing NUL among them
# Not $TMPDIR or $XDG_RUNTIME_DIR: two processes that share the folder may differ in those.
SHORT_FOLDER = Path("/tmp")  # noqa: S108 - the folder made in it is private, and its owner is checked
INITDB_TIMEOUT_SECONDS = 60.0
FIRST_BUILTIN_LOCALE = 17


class Cluster:
    """What `data_dir` holds: `cluster/` (PostgreSQL's own folder), `postgres.log` and `lock`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.folder = self.data_dir / "cluster"
        self.log = ServerLog(self.data_dir / "postgres.log")
        self.socket_dir = _socket_dir(self.folder)

    def dsn(self, database: str) -> str:
        """A URI; with the port in it, since $PGPORT would decide else."""
        place = f"host={quote(str(self.socket_dir), safe='')}&port=5432"
        return f"postgresql://postgres@/{quote(database, safe='')}?{place}"

    def socket_is_ours(self) -> bool:
        """Whether the socket's folder belongs to the data folder's owner: anyone may make one in a shared /tmp."""
        try:
            return self.socket_dir.lstat().st_uid == self.folder.lstat().st_uid
        except OSError:
            return False

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """The descriptor of the lock, or None while somebody else has it.

        Every server inherits the descriptor, in all its processes. So who has the lock knows that no process of an
        earlier server is left, which neither a pid file nor a refused connection can say.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if _takes_lock(descriptor) else None
        finally:
            os.close(descriptor)

    def major_version(self) -> int | None:
        """Of the PostgreSQL that made the cluster; None before it is made."""
        if not self.folder.exists():
            return None
        try:
            return int((self.folder / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            reason = f"{self.folder} is damaged: its file PG_VERSION is absent or holds no number"
            raise EmbeddedPostgresUnavailable(reason, "restore the folder from a backup, or move it away") from None

    def create(self, binaries: Binaries, identity: Identity, *, durable: bool, lock: int) -> None:
        """Made beside its place and then renamed, so that a run cut short leaves nothing that looks like a cluster."""
        unfinished = self.folder.with_name("cluster.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, identity.owner_uid, identity.owner_gid)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums", *_locale(binaries)]
        if not durable:
            options.append("--no-sync")
        command = identity.command(binaries.program("initdb"), f"--pgdata={unfinished}", *options)
        _run(command, lock)
        unfinished.rename(self.folder)
        _flush(self.data_dir)

    def make_room_for_server(self, identity: Identity) -> None:
        """Clears what a killed server has left: by its pid file it would seem to run, once another process has its pid.

        A server that was started by hand keeps ours out all the same, by the shared memory that it holds.
        """
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        if self.socket_dir == self.folder:
            (self.folder / SOCKET_NAME).unlink(missing_ok=True)
            (self.folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
            return
        shutil.rmtree(self.socket_dir, ignore_errors=True)
        self.socket_dir.mkdir(mode=0o700)
        os.chown(self.socket_dir, identity.owner_uid, identity.owner_gid)


def _takes_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_dir(folder: Path) -> Path:
    """The cluster's folder, which PostgreSQL keeps closed to others, unless a socket cannot be addressed there."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT_BYTES and "," not in str(folder):
        return folder
    return SHORT_FOLDER / f"streamly-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _locale(binaries: Binaries) -> list[str]:
    """Unicode letters, sorted by code point. From 17 on without the C library's locales, which macOS lacks."""
    if binaries.major < FIRST_BUILTIN_LOCALE:
        return ["--locale=C.UTF-8"]
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _run(command: list[str], lock: int) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INITDB_TIMEOUT_SECONDS, pass_fds=(lock,), check=False
    )
    if done.returncode != 0:
        raise EmbeddedPostgresUnavailable(f"the data folder could not be made: {telling_words(done.stderr)}")


def _flush(folder: Path) -> None:
    """The rename itself onto the disk; initdb has flushed what is in the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
