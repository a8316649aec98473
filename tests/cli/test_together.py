"""Commands that are run at once on one embedded database: all end well, whichever of them had started it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from adapters.eventstore.recorder import LEDGER_LOCK
from application.projections.every import PROJECTIONS
from entrypoints.settings import Settings
from entrypoints.wiring import ready_database
from tests.adapters.eventstore.long_ledger import seed

TIMEOUT_SECONDS = 90
FACTS = 2_000
"""So many that a pipe is full before they are all told."""


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def streamly(tmp_path: Path) -> Iterator[Start]:
    """Starts a command on the embedded database of a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "STREAMLY_"))}

    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "entrypoints.cli.main", *arguments],
                env={**kept, "DATA_DIR": str(tmp_path), "HOME": str(tmp_path)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_two_rebuilds_and_a_list_from_nothing(streamly: Start) -> None:
    commands = [("projections", "rebuild", "--json")] * 2 + [("projections", "list", "--json")]
    running = [streamly(*each) for each in commands]
    said = [each.communicate(timeout=TIMEOUT_SECONDS) for each in running]

    *rebuilds, listed = zip(running, said, strict=True)
    assert listed[0].returncode == 0, listed[1]
    assert any(each.returncode == 0 for each, _ in rebuilds), said
    for rebuild, (_, trouble) in rebuilds:
        assert rebuild.returncode == 0 or "is being rebuilt or verified already" in trouble, said
    verifying = streamly("projections", "verify")
    assert verifying.communicate(timeout=TIMEOUT_SECONDS)[0].count("identical with a rebuild") == len(PROJECTIONS)
    assert verifying.returncode == 0


def test_the_command_that_started_the_database_waits_for_one_that_is_at_work_on_it(
    streamly: Start, tmp_path: Path
) -> None:
    with ready_database(Settings(data_dir=tmp_path)) as database:
        assert database.embedded is not None
        owner = database.embedded.ensure()
        with psycopg.connect(owner, autocommit=True) as connection:
            seed(connection, FACTS)
    starter = streamly("audit", "history")
    assert starter.stdout is not None
    assert starter.stderr is not None
    assert starter.stdout.readline()
    with psycopg.connect(owner, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LEDGER_LOCK,))
        rebuild = streamly("projections", "rebuild", "access", "--json")
        until(lambda: other.execute("SELECT FROM ledger.read_models WHERE state = 'building'").fetchall())

        assert len(list(islice(starter.stdout, FACTS - 1))) == FACTS - 1
        assert starter.stderr.readline().startswith("streamly: waiting for the other commands on the database")
        assert (starter.poll(), rebuild.poll()) == (None, None)

    out, _ = rebuild.communicate(timeout=TIMEOUT_SECONDS)
    assert (rebuild.returncode, json.loads(out)[0]["facts"]) == (0, FACTS)
    assert starter.wait(TIMEOUT_SECONDS) == 0
