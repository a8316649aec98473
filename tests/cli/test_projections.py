"""`streamly projections`: what each command says, refuses, and ends with."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from application.ports.ledger import Write
from application.projections.every import PROJECTIONS
from domain.video.facts import VideoCreated
from tests.adapters.eventstore.house import ledger_house
from tests.cli.running import Run, environment_on, said
from tests.contracts.operations import follow

VIDEOS = 3


@pytest.fixture(autouse=True)
def recorded(database: str) -> None:
    """Three videos, with read models that are at the head."""

    async def record() -> None:
        async with ledger_house(database) as house:
            for number in range(VIDEOS):
                created = VideoCreated(
                    fact_id=uuid4(),
                    video_id=uuid4(),
                    title=f"Lesson {number}",
                    description="",
                    category="",
                    access="free",
                    requires=None,
                    platform="local",
                )
                await house.ledger.append(Write(created.video_id, 0, [created]))
            follow(house)

    asyncio.run(record())


def change(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def being_rebuilt(database: str, name: str) -> Iterator[None]:
    """By somebody else, who is at generation 9."""
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('rebuild'), hashtext(%s))", (name,))
        other.execute(
            "INSERT INTO ledger.read_models (name, generation, version, state, position) VALUES (%s, 9, 1, %s, 2)",
            (name, "building"),
        )
        yield


def test_read_models_are_rebuilt_kept_rolled_back_and_dropped(streamly: Run) -> None:
    listed = said(streamly("projections", "list", "--json"))
    assert [(each["name"], each["position"], each["lag"]) for each in listed] == [
        (name, VIDEOS, 0)
        for name in ("access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions")
    ]

    rebuilt = said(streamly("projections", "rebuild", "access", "catalogue", "--json"))
    assert [(each["name"], each["generation"], each["facts"]) for each in rebuilt] == [
        ("access", 2, VIDEOS),
        ("catalogue", 2, VIDEOS),
    ]

    back = streamly("projections", "rollback", "access")
    assert (back.returncode, back.stderr) == (0, "")
    assert back.stdout == "access: generation 1 is live again, at position 3\n"

    listed = said(streamly("projections", "list", "--json"))
    assert [(each["name"], each["generation"], each["kept"]) for each in listed] == [
        ("access", 1, [2]),
        ("accounts", 1, []),
        ("catalogue", 2, [1]),
        ("graces", 1, []),
        ("payments", 1, []),
        ("plans", 1, []),
        ("subscriptions", 1, []),
    ]
    assert said(streamly("projections", "drop", "--older-than-days", "1", "--json")) == [
        {"name": name, "dropped": [], "in_use": []}
        for name in ("access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions")
    ]
    dropped = streamly("projections", "drop", "access", "plans")
    assert (dropped.returncode, dropped.stderr) == (0, "")
    assert dropped.stdout == "access: generation 2 dropped\nplans: nothing to drop\n"
    refused = streamly("projections", "rollback", "access")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr == "streamly: There is no older generation of access to go back to.\n"


def test_a_forged_row_is_named_with_both_of_its_sides_until_a_rebuild_has_mended_it(
    streamly: Run, database: str
) -> None:
    alike = streamly("projections", "verify")
    assert alike.returncode == 0
    assert [line.split(" (")[0] for line in alike.stdout.splitlines()] == [
        f"{name}: identical with a rebuild"
        for name in ("access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions")
    ]
    with psycopg.connect(database, autocommit=True) as connection:
        (gone, changed), extra = (
            [key for (key,) in connection.execute("SELECT video_id::text FROM catalogue_1.videos ORDER BY 1 LIMIT 2")],
            str(uuid4()),
        )
        connection.execute("CREATE TEMP TABLE copied AS SELECT * FROM catalogue_1.videos LIMIT 1")
        connection.execute("UPDATE copied SET video_id = %s", (extra,))
        connection.execute("INSERT INTO catalogue_1.videos SELECT * FROM copied")
        connection.execute("DELETE FROM catalogue_1.videos WHERE video_id = %s", (gone,))
        connection.execute("UPDATE catalogue_1.videos SET title = 'Forged' WHERE video_id = %s", (changed,))

    forged = streamly("projections", "verify", "access", "catalogue", "--json")

    assert forged.returncode == 1
    access, catalogue = json.loads(forged.stdout)
    assert access["differences"] == []
    by_key = {each["key"]: each for each in catalogue["differences"]}
    assert by_key.keys() == {gone, changed, extra}
    assert (by_key[gone]["live"], by_key[extra]["rebuilt"]) == (None, None)
    assert json.loads(by_key[changed]["live"])["title"] == "Forged"
    assert json.loads(by_key[changed]["rebuilt"])["title"].startswith("Lesson")
    spoken = streamly("projections", "verify", "catalogue")
    assert spoken.returncode == 1
    assert f"  videos {extra}\n" in spoken.stdout
    assert "    rebuilt: not there\n" in spoken.stdout

    said(streamly("projections", "rebuild", "catalogue", "--json"))
    assert said(streamly("projections", "verify", "catalogue", "--json"))[0]["differences"] == []


def test_one_that_is_being_rebuilt_is_refused_in_a_line_and_what_was_done_before_is_told(
    streamly: Run, database: str
) -> None:
    with being_rebuilt(database, "catalogue"):
        refused = streamly("projections", "rebuild", "access", "catalogue", "--json")
        listed = streamly("projections", "list")

    assert refused.returncode == 3
    assert [each["name"] for each in json.loads(refused.stdout)] == ["access"]
    assert refused.stderr == (
        "streamly: catalogue is being rebuilt or verified already. Generation 9 has come to 2 of 3 facts.\n"
    )
    assert "9: 67%" in listed.stdout


def test_a_fact_that_cannot_be_taken_is_named_and_what_is_live_stays(streamly: Run, database: str) -> None:
    poison(database)

    refused = streamly("projections", "rebuild", "catalogue")

    assert refused.returncode == 3
    assert "Traceback" not in refused.stderr
    assert "streamly: " in refused.stderr
    assert said(streamly("projections", "list", "--json"))[1]["generation"] == 1


def poison(database: str) -> None:
    """A fact that no program can read, forged by the owner, who alone can."""
    change(
        database,
        "ALTER TABLE ledger.events DISABLE TRIGGER USER;"
        " UPDATE ledger.events SET state = '\\x7b7d' WHERE notification_id = 2",
    )


def test_the_librarys_stored_functions_are_refused_in_a_line(streamly: Run) -> None:
    refused = streamly("projections", "list", POSTGRES_ENABLE_DB_FUNCTIONS="1")

    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith("streamly: ")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("asked", [("rebuild", "nothing"), ("drop", "--older-than-days", "nan")])
def test_what_makes_no_sense_is_called_wrongly(streamly: Run, asked: tuple[str, ...]) -> None:
    assert streamly("projections", *asked).returncode == 2


def test_a_generation_that_is_being_read_stays_and_its_reader_is_named(streamly: Run, database: str) -> None:
    said(streamly("projections", "rebuild", "catalogue", "--json"))
    with psycopg.connect(database) as reader:
        reader.execute("SELECT FROM catalogue_1.videos")

        told, session = streamly("projections", "drop", "catalogue"), reader.info.backend_pid

    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == (f"catalogue: generation 1 stays, since it is being read (database sessions: {session})\n")
    assert said(streamly("projections", "drop", "catalogue", "--json"))[0]["dropped"] == [1]


TERMINAL = {"TTY_COMPATIBLE": "1", "TERM": "dumb", "LINES": "25"}
"""What makes a terminal of the output, as rich sees it."""


def test_the_list_is_whole_in_a_pipe_and_on_any_terminal_with_what_is_wrong_below(streamly: Run, database: str) -> None:
    trouble, why = "fact 2: " + "what is this to be? " * 9 + "no", "catalogue cannot take fact 2"
    told = f"trouble = '{trouble}', rebuild_error = '{why}'"
    change(database, f"UPDATE ledger.read_models SET {told} WHERE name = 'catalogue' AND state = 'live'")
    change(database, "UPDATE ledger.read_models SET rebuild_requested_at = now() WHERE name = 'plans'")

    piped = streamly("projections", "list", COLUMNS="40").stdout.splitlines()
    usual, narrow = (
        streamly("projections", "list", **TERMINAL, COLUMNS=columns).stdout.splitlines() for columns in ("80", "40")
    )

    assert piped[0].split() == ["name", "generation", "version", "position", "lag", "state", "kept", "rebuilding"]
    assert [line.split() for line in piped[2:9]] == [
        [name, "1", str(PROJECTIONS[name].version), "3", "0", *rest]
        for name, *rest in (
            ("access", "live"),
            ("accounts", "live"),
            ("catalogue", "degraded"),
            ("graces", "live"),
            ("payments", "live"),
            ("plans", "live", "requested"),
            ("subscriptions", "live"),
        )
    ]
    assert usual == piped
    assert max(map(len, narrow[:-2])) <= 40
    assert {"access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions"} <= {
        line.split(" ")[0] for line in narrow
    }
    assert "…" not in "".join(narrow)
    for lines in (piped, narrow):
        assert lines[-2:] == [
            f"catalogue lacks a fact that it could not take, {trouble}",
            f"catalogue was not rebuilt when it was last asked for: {why}",
        ]
    catalogue = said(streamly("projections", "list", "--json"))[2]
    assert (catalogue["trouble"], catalogue["rebuild_error"]) == (trouble, why)


def test_where_there_is_none_it_is_said_and_what_needs_one_is_refused(streamly: Run, database: str) -> None:
    change(database, "DELETE FROM ledger.read_models")

    listed = streamly("projections", "list")
    verified = streamly("projections", "verify", "catalogue", "--json")

    assert listed.stdout.splitlines()[-1] == "There are none yet: `streamly projections rebuild` makes them."
    assert (verified.returncode, verified.stdout) == (3, "")
    assert verified.stderr == "streamly: There is no read model catalogue yet: it has to be rebuilt first.\n"


@pytest.mark.parametrize("command", [("verify",), ("rebuild",), ("rollback", "catalogue"), ("drop",)])
def test_where_the_database_is_away_programs_are_told_nothing(streamly: Run, command: tuple[str, ...]) -> None:
    refused = streamly("projections", *command, "--json", DATABASE_URL="postgresql://127.0.0.1:9/streamly")

    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith("streamly: ")
    assert refused.stderr.count("\n") == 1


def test_ctrl_c_ends_a_command_with_130_and_without_a_word(database: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "entrypoints.cli.main", "projections", "list"]
    with psycopg.connect(database) as other, psycopg.connect(database, autocommit=True) as looking:
        other.execute("LOCK TABLE ledger.read_models")
        with subprocess.Popen(
            command, env=environment_on(database, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as waiting:
            while not looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                assert waiting.poll() is None
                time.sleep(0.05)
            waiting.send_signal(signal.SIGINT)
            out, trouble = waiting.communicate(timeout=10)

    assert (waiting.returncode, out, trouble) == (130, b"", b"")
