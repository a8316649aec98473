"""The PostgreSQL of a run: embedded, durable as in the product, in a folder that is gone afterwards."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.binaries import find_binaries
from adapters.postgres.migrate import migrate
from benchmarks.films import Lives
from benchmarks.seeding import seed

WAL_MAX_GIB = 8
BYTES_TO_A_FACT = 1_000
"""With its indexes, the room to make them, and a read model and a half."""


class Options(msgspec.Struct, frozen=True):
    """How long a run is: counted rounds, seconds to a round of appends, and what `1M` in a row's name stands for."""

    rounds: int
    seconds: float
    facts: int

    @property
    def library_facts(self) -> int:
        """As many as the library is given to project: 20,000."""
        return max(20, self.facts // 50)

    @property
    def lag_facts(self) -> int:
        """As many as are appended at a steady rate, over all rounds: 60,000."""
        return max(20, self.facts * 6 // 100)


@dataclass(frozen=True)
class Workbench:
    """A running server; `folder` holds its data."""

    dsn: str
    folder: Path
    bin_dir: Path
    _filled: dict[str, str] = field(default_factory=dict)

    def database(self, name: str) -> str:
        """The DSN of a new database with our tables in it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        dsn = make_conninfo(self.dsn, dbname=name)
        migrate(dsn)
        return dsn

    async def ledger(self, facts: int) -> str:
        """The DSN of the database whose ledger begins with so many facts of films."""
        return await self.filled(_ledger(facts), lambda dsn: seed(dsn, Lives.as_in_life(facts)))

    async def filled(self, name: str, fill: Callable[[str], Awaitable[None]]) -> str:
        """The DSN of the database of that name; made and filled when it is first asked for."""
        if name not in self._filled:
            print(f"{name}: being written", file=sys.stderr, flush=True)
            dsn = await asyncio.to_thread(self.database, name)
            await fill(dsn)
            self._filled[name] = dsn
        return self._filled[name]

    def lacks_room_for(self, facts: int) -> str:
        """Why there can be no ledger of that length; empty when there can."""
        needed, free = facts * BYTES_TO_A_FACT, shutil.disk_usage(self.folder).free
        # Of the log there may be more than its limit while much is written.
        needed += 2 * min(needed, WAL_MAX_GIB * 2**30)
        if _ledger(facts) in self._filled or free >= needed:
            return ""
        return f"{facts:,} facts need {needed / 1e9:.0f} GB of disk, and {free / 1e9:.0f} GB are free"


@contextmanager
def workbench() -> Iterator[Workbench]:
    """With fsync and synchronous_commit on, as they come; $TMPDIR says on which disk."""
    named = os.environ.get("STREAMLY_PG_BIN")
    binaries = find_binaries(Path(named) if named else None, made_by=None)
    with tempfile.TemporaryDirectory(prefix="streamly-bench-") as folder:
        server = EmbeddedPostgres(Path(folder), bin_dir=binaries.bin_dir, settings=_settings())
        try:
            yield Workbench(server.start(), Path(folder), binaries.bin_dir)
        finally:
            server.stop()


def _ledger(facts: int) -> str:
    return f"ledger_{facts}"


def _settings() -> tuple[str, ...]:
    """What an operator sets for the machine; pgbench alone needs 256 connections."""
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return (
        f"shared_buffers={min(memory_mib // 4, 4_096)}MB",
        f"effective_cache_size={memory_mib // 2}MB",
        f"max_wal_size={WAL_MAX_GIB}GB",
        "checkpoint_timeout=15min",
        "max_connections=400",
    )
