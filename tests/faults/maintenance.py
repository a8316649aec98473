"""VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY while others append: how long the longest of them waits.

python -m tests.faults.maintenance [--callers 32] [--facts 100000] [--seconds 10]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tests.faults.appender import WAIT
from tests.faults.database import Database
from tests.faults.processes import ROOT, Process, end_all
from tests.faults.site import NotWell, patience

BAR_SECONDS = 0.3
START_SECONDS = 30.0
WARM_SECONDS = 1.0
PAUSE_SECONDS_MIN = 0.2

# Five facts to a video, as the recorder writes them.
SEED = """
    INSERT INTO ledger.events
        (originator_id, originator_version, topic, state, notification_id, recorded_at, account_id)
    SELECT video, version, topic,
        convert_to(format('{"type":"%%s","position":%%s,"recorded_at":"2026-01-01T00:00:00Z","fact_id":"%%s",'
            '"actor":{"kind":"admin","id":""},"cause":{"kind":"unknown","id":""},"video_id":"%%s"%%s}',
            topic, n, md5('fact' || n)::uuid, video, more), 'UTF8'),
        n, '2026-01-01T00:00:00Z', NULL
    FROM generate_series(1, %s::bigint) AS n
    CROSS JOIN LATERAL (SELECT md5('video' || (n - 1) / 5)::uuid AS video, (n - 1) %% 5 + 1 AS version) AS placed
    CROSS JOIN LATERAL (SELECT CASE version WHEN 1 THEN 'video.created' WHEN 2 THEN 'video.made_ready'
        WHEN 4 THEN 'video.unpublished' ELSE 'video.published' END AS topic) AS told
    CROSS JOIN LATERAL (SELECT CASE version
        WHEN 1 THEN ',"title":"The lighthouse","description":"","category":"","access":"free","requires":null,'
            '"platform":"local"'
        WHEN 2 THEN ',"playback_id":"00","duration_seconds":60.5,"renditions":[]' ELSE '' END AS more) AS shaped
    ORDER BY n
"""

TABLES = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND n.nspname ~ '^(access|catalogue)_[0-9]+$' AND a.attnum = 1
    UNION ALL SELECT 'ledger.events', 'topic' ORDER BY 1
"""

STATEMENTS = (
    "VACUUM {table}",
    "CREATE INDEX CONCURRENTLY faults_idx ON {table} ({column})",
    "ANALYZE {table}",
    "VACUUM (FREEZE) {table}",
    "DROP INDEX CONCURRENTLY IF EXISTS {schema}.faults_idx",
)


class Span(NamedTuple):
    """From one moment to another, by the monotonic clock."""

    start: float
    end: float


class Waits(NamedTuple):
    """How long appends waited, in seconds, and how many there were a second."""

    worst: float
    p99: float
    rate: float

    def __str__(self) -> str:
        return f"worst {self.worst * 1000:.0f} ms, p99 {self.p99 * 1000:.0f} ms, {self.rate:,.0f} a second"


class Measured(NamedTuple):
    """The same callers in turns with and without maintenance; `longest` is the statement that took longest."""

    during: Waits
    without: Waits
    statements: int
    longest: str
    worst_of: str
    """The statement during which an append waited longest."""

    @property
    def held(self) -> bool:
        """Nobody waited for longer than may be."""
        return self.during.worst < self.limit_seconds

    @property
    def limit_seconds(self) -> float:
        """The bar; on a machine whose callers wait nearly as long without maintenance, twice as long as that."""
        return max(BAR_SECONDS, 2 * self.without.worst)

    def __str__(self) -> str:
        return (
            f"{self.statements} statements, the longest {self.longest}\n"
            f"  during maintenance   {self.during} (the worst in {self.worst_of})\n"
            f"  without              {self.without}"
        )


def measure(folder: Path, *, callers: int, facts: int, seconds: float) -> Measured:
    """On a database of its own, with the worker at work; for so many seconds there is maintenance half of the time."""
    database = Database(folder / "postgres")
    environment = {"DATABASE_URL": database.app, "DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    worker = Process("worker", folder, ["entrypoints.cli.main", "worker"], environment)
    appender = Process("appender", folder, ["tests.faults.appender"], environment)
    waits = folder / "waits"
    try:
        with database.connect() as connection:
            connection.execute("SET statement_timeout = '60s'")
            connection.execute(SEED, [facts])
            worker.start()
            appender.start(str(waits), str(callers))
            _wait_until_appending(appender, waits)
            began = time.monotonic()
            spans = list(_maintained(connection, until=began + seconds))
            ended = time.monotonic()
        appender.ask_to_end()
        if appender.wait(patience(START_SECONDS)) != 0 or not worker.runs:
            raise NotWell(f"the appends ended with {appender.exit_code}: {appender.said()} {worker.said()}")
    finally:
        end_all([appender, worker])
        database.stop()
    return _sorted_out(waits, spans, Span(began, ended))


def _wait_until_appending(appender: Process, waits: Path) -> None:
    deadline = time.monotonic() + patience(START_SECONDS)
    while not waits.exists() or not waits.stat().st_size:
        if not appender.runs or time.monotonic() > deadline:
            raise NotWell(f"nothing is appended: {appender.said()}")
        time.sleep(0.05)
    time.sleep(WARM_SECONDS)


def _maintained(connection: Connection[TupleRow], *, until: float) -> Iterator[tuple[str, Span]]:
    """Every statement on every table in turns, each followed by a pause as long as itself."""
    tables = connection.execute(TABLES).fetchall()
    for table, column in cycle(tables):
        for statement in STATEMENTS:
            asked = statement.format(table=table, column=column, schema=table.partition(".")[0])
            began = time.monotonic()
            if began > until and not statement.startswith("DROP"):
                continue
            connection.execute(asked.encode())
            span = Span(began, time.monotonic())
            yield asked, span
            time.sleep(max(PAUSE_SECONDS_MIN, span.end - span.start))
        if time.monotonic() > until:
            return


def _sorted_out(path: Path, spans: Sequence[tuple[str, Span]], whole: Span) -> Measured:
    """Whoever waited at any moment of a statement waited during it."""
    during: list[float] = []
    without: list[float] = []
    worst, worst_of = 0.0, ""
    for asked, seconds in WAIT.iter_unpack(path.read_bytes()):
        if not whole.start <= asked <= whole.end:
            continue
        statement = next((words for words, span in spans if asked < span.end and asked + seconds > span.start), None)
        (without if statement is None else during).append(seconds)
        if statement is not None and seconds > worst:
            worst, worst_of = seconds, statement
    maintained = sum(span.end - span.start for _, span in spans)
    words, longest = max(spans, key=lambda entry: entry[1].end - entry[1].start)
    return Measured(
        _waits(during, maintained),
        _waits(without, whole.end - whole.start - maintained),
        len(spans),
        f"{words}: {longest.end - longest.start:.2f} s",
        worst_of,
    )


def _waits(seconds: list[float], span_seconds: float) -> Waits:
    ordered = sorted(seconds)
    return Waits(ordered[-1], ordered[int(len(ordered) * 0.99)], len(ordered) / span_seconds)


def main() -> int:
    """0 when no append waited for longer than the limit."""
    parser = argparse.ArgumentParser(description="Maintenance under load.")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamly-soak-") as folder:
        measured = measure(Path(folder), callers=given.callers, facts=given.facts, seconds=given.seconds)
    sys.stdout.write(f"{given.callers} callers on {given.facts:,} facts: {measured}\n")
    return 0 if measured.held else 1


if __name__ == "__main__":
    sys.exit(main())
