"""Whatever the batches, the rows are the same: those of one fact at a time over a whole table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.projections.projection import Batch, Projection, Row, key_of
from domain.shared.fact import Fact
from tests.shelf import (
    FACTS,
    Author,
    AuthorBanned,
    AuthorRenamed,
    Book,
    BookGiven,
    BookLost,
    BookPut,
    Entry,
    Label,
    shelf,
)

BOOKS, AUTHORS = [UUID(int=number) for number in range(3)], ["Ada", "Bo"]
books, authors = st.sampled_from(BOOKS), st.sampled_from(AUTHORS)
weights = st.sampled_from([None, 0.5, 2.0])

facts = st.lists(
    st.one_of(
        st.builds(BookPut, book_id=books, author=authors, weight=weights),
        st.builds(BookGiven, book_id=books, author=authors),
        st.builds(BookLost, book_id=books),
        st.builds(AuthorRenamed, before=authors, after=authors),
        st.builds(AuthorBanned, author=authors),
    ),
    max_size=30,
).map(lambda happened: [replace(fact, position=position) for position, fact in enumerate(happened, start=1)])

Tables = dict[type[Row], dict[Any, Row]]


class Database:
    """Tables, and the engine's way with them: of each batch the rows that its facts name are read, then written."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.tables: Tables = {row: {} for row in projection.tables.values()}

    def apply(self, facts: Sequence[Fact]) -> None:
        batch = Batch(self.projection)
        for row in self._named_by(facts):
            batch.put(row)
        batch.fold(facts)
        for kind, changed in batch.by_key.items():
            for key, left in changed.items():
                if left is None:
                    self.tables[kind].pop(key, None)
                else:
                    self.tables[kind][key] = left
            self.tables[kind].update({key_of(row): row for row in batch.new[kind]})

    def _named_by(self, facts: Iterable[Fact]) -> Iterable[Row]:
        named: dict[tuple[type[Row], str], set[Any]] = defaultdict(set)
        for fact in facts:
            for route in self.projection.routes.get(type(fact), ()):
                if route.key is not None:
                    named[route.row, route.where or route.row.__struct_fields__[0]].add(route.key(fact))
        for (kind, column), values in named.items():
            yield from (row for row in self.tables[kind].values() if getattr(row, column) in values)


def by_hand(happened: Iterable[Fact]) -> Tables:
    """The shelf without projections: plain dicts, one fact at a time."""
    on_shelf, put_by, entries = dict[UUID, Book](), dict[str, int](), dict[int, str]()
    for fact in happened:
        match fact:
            case BookPut(book_id=book):
                times = on_shelf[book].times_put + 1 if book in on_shelf else 1
                on_shelf[book] = put(fact, times)
                put_by[fact.author] = put_by.get(fact.author, 0) + 1
            case BookGiven(book_id=book, author=author):
                entries[fact.position] = author
                if book in on_shelf:
                    on_shelf[book] = replace(on_shelf[book], author=author)
            case BookLost(book_id=book):
                on_shelf.pop(book, None)
            case AuthorRenamed(before=before, after=after):
                theirs = {key: replace(book, author=after) for key, book in on_shelf.items() if book.author == before}
                on_shelf |= theirs
            case AuthorBanned(author=author):
                on_shelf = {key: book for key, book in on_shelf.items() if book.author != author}
                put_by.pop(author, None)
            case _:
                pass
    return {
        Book: {**on_shelf},
        Author: {author: Author(author, number) for author, number in put_by.items()},
        Entry: {position: Entry(position, author) for position, author in entries.items()},
    }


def put(fact: BookPut, times: int = 1) -> Book:
    """As it stands on the shelf after this."""
    return Book(
        fact.book_id,
        fact.author,
        put_at=fact.recorded_at,
        times_put=times,
        heavy=fact.weight == 2.0,
        weight=fact.weight,
        label=Label(fact.author, fact.position) if fact.position % 2 else None,
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts, st.lists(st.integers(1, 8), max_size=30))
def test_any_batching_gives_the_same_rows(happened: list[Fact], sizes: list[int]) -> None:
    database = Database(shelf())

    start = 0
    for size in sizes:
        database.apply(happened[start : start + size])
        start += size
    database.apply(happened[start:])

    assert database.tables == by_hand(happened)


def test_a_row_that_a_batch_has_changed_is_not_put_back() -> None:
    batch, (first, second, _) = Batch(shelf()), BOOKS
    onions, leeks = BookPut(book_id=first, author="Ada"), BookPut(book_id=second, author="Ada")
    batch.fold([onions, leeks, BookLost(book_id=second)])

    for fact in (onions, leeks):
        batch.put(replace(put(fact), author="Bo"))

    assert batch.by_key[Book] == {first: put(onions), second: None}


def test_a_fact_without_a_step_changes_nothing() -> None:
    class BookRead(Fact, frozen=True, tag="test.book_read"):
        book_id: UUID

    projection = shelf()
    batch = Batch(projection)
    batch.fold([BookRead(book_id=BOOKS[0])])

    assert batch.by_key == {Book: {}, Author: {}, Entry: {}}
    assert BookRead.tag() not in projection.topics


def test_the_topics_are_those_with_a_step() -> None:
    assert shelf().topics == sorted(FACTS)


def test_a_row_is_folded_or_made_anew_and_not_both() -> None:
    mixed = Projection("mixed", version=1, authors=Author)
    mixed.fold(AuthorBanned, into=Author, key="author")(lambda _, __: None)

    with pytest.raises(TypeError, match="Author is folded or made anew"):
        mixed.each(BookGiven, into=Author)(lambda fact: Author(fact.author))


def test_a_key_may_lie_deeper_in_the_fact() -> None:
    class Wrapped(Fact, frozen=True, tag="test.wrapped"):
        author: Author

    deep = Projection("deep", version=1, authors=Author)
    deep.fold(Wrapped, into=Author, key="author.author")(lambda _, fact: fact.author)
    batch = Batch(deep)
    batch.fold([Wrapped(author=Author("Ada"), fact_id=UUID(int=1))])

    assert batch.by_key[Author] == {"Ada": Author("Ada")}
