"""A PostgreSQL of our own that the faults may kill, wholly or one backend at a time, and start again."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.eventstore.recorder import LEDGER_LOCK
from adapters.postgres.migrate import AppRole, migrate
from entrypoints.wiring.database import APP_ROLE

CONNECT_SECONDS = 5
RECOVERY_SECONDS = 20.0
NOTICED_SECONDS = 2.0
LOOK_SECONDS = 0.02
HOLDER_SECONDS = 0.5
"""For so long the backend that holds the ledger's lock is looked for."""

HOLDER = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND (classid::bigint << 32) + objid::bigint = %s AND objsubid = 1
"""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = %s ORDER BY pid"


class Database:
    """As durable as the product's own; `owner` and `app` are the DSNs of its two roles."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres(folder)
        self.owner = self._server.start()
        self.app = make_conninfo(self.owner, user=APP_ROLE)
        try:
            migrate(self.owner, app=AppRole(APP_ROLE))
        except BaseException:
            self.stop()
            raise

    def connect(self) -> Connection[TupleRow]:
        """As the owner, in autocommit mode; while the server recovers by itself it is waited for."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while True:
            try:
                return psycopg.connect(self.owner, autocommit=True, connect_timeout=CONNECT_SECONDS)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_SECONDS)

    def ensure(self) -> None:
        """Start it again if it is gone. Raises EmbeddedPostgresUnavailable, within 30 s."""
        self._server.ensure()

    def kill_postmaster(self) -> None:
        """`kill -9`: its backends notice, and end by themselves."""
        os.kill(self._postmaster(), signal.SIGKILL)

    def kill_backend(self, dice: Random) -> None:
        """`kill -9`: the postmaster ends all the others, and recovers from the log. Returns when it has begun to."""
        if (pid := self._backend(dice)) is None:
            return
        with suppress(psycopg.OperationalError), self.connect() as witness:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            witness.execute("SELECT pg_sleep(%s)", [NOTICED_SECONDS])

    def terminate_backend(self, dice: Random) -> None:
        """One connection is lost, its transaction rolled back or committed, and nobody is told which."""
        with self.connect() as connection:
            if pid := self._backend(dice):
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])

    def _backend(self, dice: Random) -> int | None:
        """One that serves the program: the one that appends just now, or any."""
        with self.connect() as connection:
            if dice.random() < 0.7 and (holder := self._holder(connection)):
                return holder
            found = [pid for (pid,) in connection.execute(BACKENDS, [APP_ROLE])]
        return dice.choice(found) if found else None

    def _holder(self, connection: Connection[TupleRow]) -> int | None:
        deadline = time.monotonic() + HOLDER_SECONDS
        while time.monotonic() < deadline:
            if found := connection.execute(HOLDER, [LEDGER_LOCK]).fetchone():
                return int(found[0])
        return None

    def _postmaster(self) -> int:
        return int((self._folder / "cluster" / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        self._server.stop()
