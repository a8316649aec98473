"""Keeps one PostgreSQL running on a data folder, for all processes that share it."""

import asyncio
import logging
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.errors import DuplicateDatabase, UniqueViolation

from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.cluster import Cluster
from adapters.embedded_postgres.identity import take_over
from adapters.embedded_postgres.server import Server
from adapters.embedded_postgres.unavailable import EmbeddedPostgresUnavailable

CONNECT_TIMEOUT_SECONDS = 5
START_TIMEOUT_SECONDS = 30.0
START_POLL_SECONDS = 0.02
WATCH_SECONDS = 0.5
# Begins the refusals of a server that starts, recovers or ends; with any other, such as too many clients, it is alive.
NOT_READY = "FATAL:  the database system is"

logger = logging.getLogger(__name__)


class EmbeddedPostgres:
    """A PostgreSQL of our own in `data_dir`, made at the first start; several processes may share it.

    The server is a child of the process that started it, and ends with it, cleanly, even after a kill -9; another
    process that shares it then starts it again, at the latest when its `watch` looks, every 0.5 s. All methods may be
    called from any thread. With `durable=False`, for tests, a crash of the machine may lose the data; who joins a
    running server takes it as it is. `settings`, such as `shared_buffers=4GB`, take the place of the laptop's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        database: str = "streamly",
        bin_dir: Path | None = None,
        settings: Sequence[str] = (),
    ) -> None:
        self._cluster = Cluster(data_dir)
        self._durable = durable
        self._database = database
        self._bin_dir = bin_dir
        self._settings = tuple(settings)
        self._one_at_a_time = threading.Lock()
        self._server: Server | None = None

    def start(self) -> str:
        """The DSN of the database, once the server accepts connections: a running one is joined.

        Raises EmbeddedPostgresUnavailable, at the latest after 30 s, or 90 s where the folder has to be made first.
        """
        with self._one_at_a_time:
            try:
                self._bring_up()
                self._create_database()
            except (OSError, subprocess.SubprocessError, psycopg.Error) as error:
                raise EmbeddedPostgresUnavailable(f"{error}") from error
        return self._cluster.dsn(self._database)

    def ensure(self) -> str:
        """The DSN as before, for the price of one connection (about 2 ms) while the server runs."""
        return self._cluster.dsn(self._database) if self._accepts_connections() else self.start()

    async def watch(self) -> None:
        """Until cancelled: start the server again whenever it is gone. A failure is logged, and tried again."""
        complaint = ""
        while True:
            try:
                await asyncio.to_thread(self.ensure)
                complaint = ""
            except EmbeddedPostgresUnavailable as error:
                if str(error) != complaint:
                    complaint = str(error)
                    logger.warning("The database is gone, and will be tried again. %s", complaint)
            await asyncio.sleep(WATCH_SECONDS)

    @property
    def started_here(self) -> bool:
        """Whether the server ends with this process; else it ends with another one, which had started it."""
        return self._server is not None

    def stop(self) -> None:
        """Stop the server if this object started it; nothing is lost. Cancel a `watch` first, or it starts it again."""
        with self._one_at_a_time:
            server, self._server = self._server, None
            if server is not None:
                server.stop()

    def _bring_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        log_length = self._cluster.log.length()
        started: Server | None = None
        while not self._accepts_connections():
            if started is None:
                started = self._start_unless_held()
            elif started.ended:
                raise self._failure("it ended at once", since=log_length)
            if time.monotonic() > deadline:
                raise self._failure(f"it accepts no connection after {START_TIMEOUT_SECONDS:.0f} s", since=log_length)
            time.sleep(START_POLL_SECONDS)

    def _accepts_connections(self) -> bool:
        """Asked by connecting: a pid may be another's by now, or belong to a server that is ending."""
        if not self._cluster.socket_is_ours():
            return False
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            return "FATAL:" in str(error) and NOT_READY not in str(error)
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._cluster.dsn("postgres"), autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS)

    def _start_unless_held(self) -> Server | None:
        """None while another process starts a server, or one is still ending."""
        with self._cluster.lock() as lock:
            if lock is None:
                return None
            binaries = find_binaries(self._bin_dir, made_by=self._cluster.major_version())
            identity = take_over(self._cluster.data_dir, binaries)
            if self._cluster.major_version() is None:
                self._cluster.create(binaries, identity, durable=self._durable, lock=lock)
            self._cluster.make_room_for_server(identity)
            self._server = Server(
                self._cluster, binaries, identity, durable=self._durable, settings=self._settings, lock=lock
            )
            return self._server

    def _create_database(self) -> None:
        with self._connect() as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [self._database]).rowcount
            if not known:
                with suppress(DuplicateDatabase, UniqueViolation):  # another process was quicker
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))

    def _failure(self, what: str, *, since: int) -> EmbeddedPostgresUnavailable:
        free_megabytes = shutil.disk_usage(self._cluster.data_dir).free // 1_000_000
        words = self._cluster.log.telling_words(since) or "nothing"
        return EmbeddedPostgresUnavailable(
            f"in {self._cluster.data_dir} {what}; {free_megabytes} MB are free there, and its log says: {words}"
        )
