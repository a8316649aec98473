"""`streamly projections`: what each command says, refuses, and ends with."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from application.ports.ledger import Write
from domain.video.video import VideoCreated
from tests.adapters.eventstore.house import ledger_house
from tests.cli.running import Run, said
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
        (name, VIDEOS, 0) for name in ("access", "catalogue", "plans")
    ]

    rebuilt = said(streamly("projections", "rebuild", "access", "catalogue", "--json"))
    assert [(each["name"], each["generation"], each["facts"]) for each in rebuilt] == [
        ("access", 2, VIDEOS),
        ("catalogue", 2, VIDEOS),
    ]

    back = streamly("projections", "rollback", "access")
    assert (back.returncode, back.stdout) == (0, "access: generation 1 is live again, at position 3\n")

    listed = said(streamly("projections", "list", "--json"))
    assert [(each["name"], each["generation"], each["kept"]) for each in listed] == [
        ("access", 1, [2]),
        ("catalogue", 2, [1]),
        ("plans", 1, []),
    ]
    assert said(streamly("projections", "drop", "--older-than-days", "1", "--json")) == [
        {"name": name, "dropped": 0} for name in ("access", "catalogue", "plans")
    ]
    dropped = streamly("projections", "drop", "access")
    assert (dropped.returncode, dropped.stdout) == (0, "access: 1 dropped\n")
    refused = streamly("projections", "rollback", "access")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("streamly: There is no older generation of access to go back to.\n")


def test_a_forged_row_is_named_with_both_of_its_sides_until_a_rebuild_has_mended_it(
    streamly: Run, database: str
) -> None:
    alike = streamly("projections", "verify")
    assert alike.returncode == 0
    assert [line.split(" (")[0] for line in alike.stdout.splitlines()] == [
        f"{name}: identical with a rebuild" for name in ("access", "catalogue", "plans")
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

    assert refused.returncode == 1
    assert [each["name"] for each in json.loads(refused.stdout)] == ["access"]
    assert refused.stderr == (
        "streamly: catalogue is being rebuilt or verified already. Generation 9 has come to 2 of 3 facts.\n"
    )
    assert "9: 67%" in listed.stdout


def test_a_fact_that_cannot_be_taken_is_named_and_what_is_live_stays(streamly: Run, database: str) -> None:
    poison(database)

    refused = streamly("projections", "rebuild", "catalogue")

    assert refused.returncode == 1
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

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("streamly: ")
    assert refused.stderr.count("\n") == 1


def test_a_name_that_there_is_not_is_called_wrongly(streamly: Run) -> None:
    assert streamly("projections", "rebuild", "nothing").returncode == 2
