"""What PostgreSQL writes is what our own mapper would have written, fact by fact and in the same order."""

import psycopg
import pytest
from psycopg import AsyncConnection

from adapters.eventstore.mapper import FactMapper, Placed
from benchmarks import seeding
from benchmarks.films import LIFE, Lives, fact_of, film_id

pytestmark = pytest.mark.anyio

ROWS = """
    SELECT notification_id, originator_id, originator_version, topic, state, recorded_at, account_id
    FROM ledger.events ORDER BY notification_id
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'ledger' AND tablename = 'events' ORDER BY indexname"


def expected(lives: Lives) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for position, (number, version) in enumerate(lives, start=1):
        fact = fact_of(number, version, position)
        event = FactMapper().to_stored_event(Placed(film_id(number), version + 1, fact, None))
        rows.append((position, film_id(number), version + 1, event.topic, event.state, fact.recorded_at, None))
    return rows


@pytest.mark.parametrize("lives", [Lives.as_in_life(60), Lives.as_in_life(2_000), Lives.far_apart(900)])
async def test_every_row_is_the_one_that_the_mapper_makes(database: str, lives: Lives) -> None:
    await seeding.seed(database, lives)

    with psycopg.connect(database, options="-c TimeZone=UTC") as connection:
        assert connection.execute(ROWS).fetchall() == expected(lives)


async def test_the_indexes_and_the_key_are_what_they_were(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        before = connection.execute(INDEXES).fetchall()
        await seeding.seed(database, Lives.as_in_life(60))

        assert connection.execute(INDEXES).fetchall() == before
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO ledger.events SELECT * FROM ledger.events")


async def test_one_wrong_byte_among_the_rows_that_are_compared_is_found(database: str) -> None:
    lives = Lives.as_in_life(60)
    await seeding.seed(database, lives)
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        await connection.execute("UPDATE ledger.events SET state = state || ' ' WHERE notification_id = 17")

        with pytest.raises(AssertionError, match="fact 17 was not written"):
            await seeding.check(connection, lives)


def test_positions_can_be_told_without_going_through_all_of_them() -> None:
    for lives in (Lives.as_in_life(1_000), Lives.far_apart(1_000)):
        told = [lives.position(number, version) for number, version in lives]

        assert told == list(range(1, lives.facts + 1))


def test_films_are_interleaved_and_each_has_its_facts_in_order() -> None:
    lives = Lives.as_in_life(20_000)
    order = list(lives)

    touched = {number for number, _ in order[10_000:11_000]}
    assert 800 < len(touched) < 900
    versions: dict[int, int] = {}
    for number, version in order:
        assert versions.get(number, 0) == version
        versions[number] = version + 1
    assert set(versions.values()) == {LIFE}
    assert len(versions) == lives.films == 1_000
