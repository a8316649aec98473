"""pgbench inserting the row of a renewal: the limit that the machine and PostgreSQL set."""

import asyncio
import re
from pathlib import Path
from uuid import uuid4

import psycopg

from adapters.eventstore.mapper import FactMapper, Placed
from benchmarks.contest import Contestant, Sample
from benchmarks.subscribers import Subscriber
from benchmarks.workbench import Workbench

CREATE = """
    CREATE SEQUENCE positions;
    CREATE TABLE facts (LIKE ledger.events INCLUDING ALL);
    ALTER TABLE facts ALTER notification_id SET DEFAULT nextval('positions');
"""

INSERT = (
    "INSERT INTO facts (originator_id, originator_version, topic, state, recorded_at, account_id)"
    " VALUES (gen_random_uuid(), 1, 'subscription.renewed', '\\x{state}', now(), gen_random_uuid());\n"
)

GRACE_SECONDS = 30


def pgbench(bench: Workbench, database: str, *, callers: int, seconds: float) -> Contestant:
    """It counts in whole seconds, one at least, and tells the mean time of a call only, which is left out."""
    program = bench.bin_dir / "pgbench"
    if not program.exists():
        return Contestant("pgbench", _never, absent="the PostgreSQL that is used here comes without pgbench")
    dsn = bench.database(database)
    with psycopg.connect(dsn) as connection:
        connection.execute(CREATE)
    script = bench.folder / f"{database}.sql"
    script.write_text(INSERT.format(state=_state().hex()))
    command = _command(program, script, callers=callers, seconds=seconds, dsn=dsn)

    async def measure() -> Sample:
        return Sample(await _transactions_per_second(command, seconds))

    return Contestant("pgbench", measure)


async def _never() -> Sample:
    raise AssertionError("who is absent is not measured")


def _state() -> bytes:
    subscriber = Subscriber(version=1)
    return FactMapper().to_stored_event(Placed(uuid4(), 2, subscriber.renews(), None)).state


def _command(program: Path, script: Path, *, callers: int, seconds: float, dsn: str) -> list[str]:
    duration = str(max(1, round(seconds)))
    options = [f"--file={script}", "--no-vacuum", "--protocol=prepared", f"--client={callers}", f"--time={duration}"]
    return [str(program), *options, dsn]


async def _transactions_per_second(command: list[str], seconds: float) -> float:
    """One thread of pgbench drives all its connections, as one event loop does ours."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(seconds + GRACE_SECONDS):
        said, _ = await process.communicate()
    found = re.search(r"^tps = ([0-9.]+)", said.decode(), re.MULTILINE)
    assert found is not None, said.decode()
    return float(found[1])
