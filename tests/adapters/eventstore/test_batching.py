"""Whatever the batches, live, in a rebuild and with little memory, the tables hold what one fact at a time gives."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from adapters.eventstore import following, pages, tables
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.tables import Generation, RowsMissing
from application.projections.projection import Projection
from domain.shared.fact import Fact
from tests.adapters.eventstore.shelves import expected, record, stored
from tests.shelf import FACTS, AuthorBanned, AuthorRenamed, BookGiven, BookLost, BookPut, shelf

BEGAN = datetime(2026, 11, 21, 3, 6, 0, 1, tzinfo=UTC)
BOOKS = [UUID(int=number) for number in range(6)]
AUTHORS = ["Ada", "", "null", 'B"o\\', "line\nbreak\t", "é🙂"]

books, authors = st.sampled_from(BOOKS), st.sampled_from(AUTHORS)
notes = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8), max_size=3).map(tuple)
weights = st.none() | st.floats(allow_nan=False, allow_infinity=False)

told = st.one_of(
    st.builds(BookPut, book_id=books, author=authors, notes=notes, weight=weights),
    st.builds(BookGiven, book_id=books, author=authors),
    st.builds(BookLost, book_id=books),
    st.builds(AuthorRenamed, before=authors, after=authors),
    st.builds(AuthorBanned, author=authors),
)


def busy_shelf(chance: Random) -> list[Fact]:
    """80 facts, so that a batch finds some books and changes them, each in its own way: lists made up are short."""

    def one() -> Fact:
        book, author = chance.choice(BOOKS), chance.choice(AUTHORS)
        return chance.choices(
            [
                BookPut(book_id=book, author=author, weight=chance.choice([None, 0.5, 2.0])),
                BookGiven(book_id=book, author=author),
                BookLost(book_id=book),
                AuthorRenamed(before=author, after=chance.choice(AUTHORS)),
                AuthorBanned(author=author),
            ],
            weights=[8, 8, 1, 2, 1],
        )[0]

    return [one() for _ in range(80)]


histories = (st.lists(told, min_size=1, max_size=20) | st.randoms(use_true_random=True).map(busy_shelf)).map(
    lambda facts: stamped(*facts)
)


def stamped(*facts: Fact) -> list[Fact]:
    """Facts as the ledger stamps them."""
    return [
        replace(fact, position=position, recorded_at=BEGAN + timedelta(microseconds=position * 333))
        for position, fact in enumerate(facts, start=1)
    ]


@pytest.fixture(scope="module")
def shelves(module_database: str) -> Iterator[psycopg.Connection]:
    """A ledger that may be emptied; pages of 7 positions, so that a batch has many."""
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(module_database, autocommit=True) as connection:
        patch.setattr(pages, "PAGE_POSITIONS", 7)
        patch.setattr(following, "PAGE_POSITIONS", 7)
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
        yield connection


def start_anew(connection: psycopg.Connection, facts: Sequence[Fact], projection: Projection) -> ReadModels:
    schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^shelf_[0-9]+$'").fetchall()
    for (schema,) in schemas:
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))
    connection.execute("DELETE FROM ledger.read_models")
    connection.execute("DELETE FROM ledger.generation_numbers")
    connection.execute("TRUNCATE ledger.events")
    return ReadModels(connection.info.dsn, {"shelf": projection}, FactMapper(FACTS, {}), rows_in_memory=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    facts=histories,
    sizes=st.lists(st.sampled_from([1, 2, 3, 8, 30, 1000]), min_size=1, max_size=8),
    plain=st.booleans(),
    apart=st.integers(1, 3),
)
def test_live_in_any_batches(
    shelves: psycopg.Connection, facts: list[Fact], sizes: list[int], *, plain: bool, apart: int
) -> None:
    projection = shelf(plain=plain)
    read_models = start_anew(shelves, facts, projection)
    read_models.prepare()
    record(shelves, facts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROWS_APART", apart)
        for size in cycle(sizes):
            if not read_models.advance(shelves, projection, limit=size):
                break

    assert stored(shelves, Generation(projection, 1)) == expected(facts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=histories, plain=st.booleans(), already=st.integers(0, 50), room=st.sampled_from([2, 5, 1000]))
def test_rebuilt_with_little_memory_or_much(
    shelves: psycopg.Connection, facts: list[Fact], *, plain: bool, already: int, room: int
) -> None:
    projection = shelf(plain=plain)
    read_models = start_anew(shelves, facts, projection)
    record(shelves, facts[:already])
    read_models.prepare()
    record(shelves, facts[already:])

    made = ReadModels(shelves.info.dsn, {"shelf": projection}, FactMapper(FACTS, {}), rows_in_memory=room).rebuild(
        "shelf"
    )

    assert (made.facts, made.generation) == (len(facts), 2)
    assert stored(shelves, Generation(projection, 2)) == expected(facts)
    read_models.advance(shelves, projection)
    assert stored(shelves, Generation(projection, 1)) == expected(facts), "the kept one is fed"
    assert read_models.verify("shelf").differences == ()


def test_rows_that_somebody_has_removed_are_missed(shelves: psycopg.Connection) -> None:
    projection = shelf()
    facts = stamped(BookPut(book_id=BOOKS[0], author="Ada"), BookGiven(book_id=BOOKS[0], author="Eve"))
    read_models = start_anew(shelves, facts, projection)
    read_models.prepare()
    record(shelves, facts)
    read_models.advance(shelves, projection, limit=1)
    shelves.execute("DELETE FROM shelf_1.books")

    with pytest.raises(RowsMissing, match="1 rows of books"):
        read_models.advance(shelves, projection, limit=1)
