"""The PostgreSQL of a run: embedded, durable as in the product, in a folder that is gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.binaries import find_binaries
from adapters.postgres.migrate import migrate


@dataclass(frozen=True)
class Options:
    """How long a run is: counted rounds, seconds to a round of appends, facts to project."""

    rounds: int
    seconds: float
    facts: int


@dataclass(frozen=True)
class Workbench:
    """A running server; `folder` holds its data."""

    dsn: str
    folder: Path
    bin_dir: Path

    def database(self, name: str) -> str:
        """The DSN of a new database with our tables in it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        dsn = make_conninfo(self.dsn, dbname=name)
        migrate(dsn)
        return dsn


@contextmanager
def workbench() -> Iterator[Workbench]:
    """With the settings that `make run` has: fsync and synchronous_commit on, 128 MB of shared buffers."""
    named = os.environ.get("STREAMLY_PG_BIN")
    binaries = find_binaries(Path(named) if named else None, made_by=None)
    with tempfile.TemporaryDirectory(prefix="streamly-bench-") as folder:
        server = EmbeddedPostgres(Path(folder), bin_dir=binaries.bin_dir)
        try:
            yield Workbench(server.start(), Path(folder), binaries.bin_dir)
        finally:
            server.stop()
