"""The comparison that says that we and the library have done the same work finds what is not the same."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from benchmarks.films import Lives
from benchmarks.projection import read_models_of
from benchmarks.seeding import seed
from benchmarks.tables import LiveTable

OTHER = Identifier("library", "videos")


@pytest.fixture
def seeded(database: str) -> str:
    asyncio.run(seed(database, Lives.as_in_life(60)))
    read_models_of(database).prepare()
    return database


@pytest.fixture
def connection(seeded: str) -> Iterator[Connection[TupleRow]]:
    """To a catalogue of three films, with a copy of its table."""
    with psycopg.connect(seeded, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA library")
        connection.execute(SQL("CREATE TABLE {} AS TABLE {}").format(OTHER, LiveTable.of(connection).name))
        yield connection


def test_a_copy_is_the_same_however_its_json_is_written(connection: Connection[TupleRow]) -> None:
    connection.execute("UPDATE library.videos SET renditions = renditions::jsonb::json")

    videos = LiveTable.of(connection)

    videos.check_same(connection, OTHER)
    assert videos.rows(connection) == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE library.videos SET status = 'ready' WHERE created_position = 1",
        "UPDATE library.videos SET error = '' WHERE created_position = 1",
        "DELETE FROM library.videos WHERE created_position = 1",
        "UPDATE library.videos SET video_id = '00000000-0000-4000-8000-000000000001' WHERE created_position = 1",
    ],
)
def test_one_row_that_differs_or_is_in_one_alone_is_found(connection: Connection[TupleRow], change: str) -> None:
    assert connection.execute(change.encode()).rowcount == 1

    with pytest.raises(AssertionError, match="not the same"):
        LiveTable.of(connection).check_same(connection, OTHER)


def test_what_is_forgotten_is_projected_again_from_the_beginning(seeded: str, connection: Connection[TupleRow]) -> None:
    videos, read_models = LiveTable.of(connection), read_models_of(seeded)

    videos.forget(connection)

    assert videos.rows(connection) == 0
    assert read_models.advance(connection, read_models.projections["catalogue"]) == 60
    videos.check_same(connection, OTHER)
