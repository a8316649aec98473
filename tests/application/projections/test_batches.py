"""Whatever the batches, the rows are the same: those of one fact at a time over a whole table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.projections.projection import Batch, Projection, Row, key_of
from domain.shared.fact import Fact

# A shelf of books, made up for its steps: rows are folded, fanned out over, removed and made again, and counted anew.


class BookPut(Fact, frozen=True, tag="test.book_put"):
    book_id: str
    author: str


class BookGiven(Fact, frozen=True, tag="test.book_given"):
    book_id: str
    author: str


class BookLost(Fact, frozen=True, tag="test.book_lost"):
    book_id: str


class AuthorPraised(Fact, frozen=True, tag="test.author_praised"):
    author: str


class AuthorRenamed(Fact, frozen=True, tag="test.author_renamed"):
    before: str
    after: str


class AuthorBanned(Fact, frozen=True, tag="test.author_banned"):
    author: str


class Book(Row, frozen=True):
    book_id: str
    author: str
    praises: int = 0


class Author(Row, frozen=True):
    author: str
    books_put: int = 0


class Praise(Row, frozen=True):
    position: int
    author: str


shelf = Projection("shelf", version=1, books=Book, authors=Author, praises=Praise)


@shelf.fold(BookPut, into=Book, key="book_id")
def put(_: Book | None, fact: BookPut) -> Book:
    return Book(fact.book_id, fact.author)


@shelf.fold(BookGiven, into=Book, key="book_id")
def given_to(book: Book | None, fact: BookGiven) -> Book | None:
    return book and replace(book, author=fact.author)


@shelf.fold(BookLost, into=Book, key="book_id")
def lost(_: Book | None, __: BookLost) -> None:
    return None


@shelf.fold(AuthorPraised, into=Book, key="author", where="author")
def praised(book: Book | None, _: AuthorPraised) -> Book | None:
    return book and replace(book, praises=book.praises + 1)


@shelf.fold(AuthorRenamed, into=Book, key="before", where="author")
def renamed(book: Book | None, fact: AuthorRenamed) -> Book | None:
    return book and replace(book, author=fact.after)


@shelf.fold(AuthorBanned, into=Book, key="author", where="author")
def banned(_: Book | None, __: AuthorBanned) -> None:
    return None


@shelf.fold(BookPut, into=Author, key="author")
def counted(author: Author | None, fact: BookPut) -> Author:
    author = author or Author(fact.author)
    return replace(author, books_put=author.books_put + 1)


@shelf.each(AuthorPraised, into=Praise)
def noted(fact: AuthorPraised) -> Praise:
    return Praise(fact.position, fact.author)


BOOKS, AUTHORS = ["b1", "b2", "b3"], ["Ada", "Bo"]
books, authors = st.sampled_from(BOOKS), st.sampled_from(AUTHORS)

facts = st.lists(
    st.one_of(
        st.builds(BookPut, book_id=books, author=authors),
        st.builds(BookGiven, book_id=books, author=authors),
        st.builds(BookLost, book_id=books),
        st.builds(AuthorPraised, author=authors),
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
    on_shelf, put_by, praises = dict[str, tuple[str, int]](), dict[str, int](), dict[int, str]()
    for fact in happened:
        match fact:
            case BookPut():
                on_shelf[fact.book_id] = (fact.author, 0)
                put_by[fact.author] = put_by.get(fact.author, 0) + 1
            case BookGiven() if fact.book_id in on_shelf:
                on_shelf[fact.book_id] = (fact.author, on_shelf[fact.book_id][1])
            case BookLost():
                on_shelf.pop(fact.book_id, None)
            case AuthorPraised():
                praises[fact.position] = fact.author
                on_shelf = {b: (a, n + 1 if a == fact.author else n) for b, (a, n) in on_shelf.items()}
            case AuthorRenamed():
                on_shelf = {b: (fact.after if a == fact.before else a, n) for b, (a, n) in on_shelf.items()}
            case AuthorBanned():
                on_shelf = {b: (a, n) for b, (a, n) in on_shelf.items() if a != fact.author}
            case _:
                pass
    return {
        Book: {book: Book(book, author, praise) for book, (author, praise) in on_shelf.items()},
        Author: {author: Author(author, number) for author, number in put_by.items()},
        Praise: {position: Praise(position, author) for position, author in praises.items()},
    }


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts, st.lists(st.integers(1, 8), max_size=30))
def test_any_batching_gives_the_same_rows(happened: list[Fact], sizes: list[int]) -> None:
    database = Database(shelf)

    start = 0
    for size in sizes:
        database.apply(happened[start : start + size])
        start += size
    database.apply(happened[start:])

    assert database.tables == by_hand(happened)


def test_a_row_that_a_batch_has_changed_is_not_put_back() -> None:
    batch = Batch(shelf)
    batch.fold([BookPut(book_id="b1", author="Ada"), BookPut(book_id="b2", author="Ada"), BookLost(book_id="b2")])

    batch.put(Book("b1", "Bo", praises=9))
    batch.put(Book("b2", "Bo", praises=9))

    assert batch.by_key[Book] == {"b1": Book("b1", "Ada"), "b2": None}


def test_a_fact_without_a_step_changes_nothing() -> None:
    class BookRead(Fact, frozen=True, tag="test.book_read"):
        book_id: str

    batch = Batch(shelf)
    batch.fold([BookRead(book_id="b1")])

    assert batch.by_key == {Book: {}, Author: {}, Praise: {}}
    assert BookRead.tag() not in shelf.topics


def test_the_topics_are_those_with_a_step() -> None:
    books = ["test.book_given", "test.book_lost", "test.book_put"]
    authors = ["test.author_banned", "test.author_praised", "test.author_renamed"]

    assert shelf.topics == [*authors, *books]


def test_a_row_is_folded_or_made_anew_and_not_both() -> None:
    numbers = count(1)
    mixed = Projection("mixed", version=1, books=Book)
    mixed.fold(BookPut, into=Book, key="book_id")(put)

    with pytest.raises(TypeError, match="Book is folded or made anew"):
        mixed.each(AuthorPraised, into=Book)(lambda fact: Book(str(next(numbers)), fact.author))


def test_a_key_may_lie_deeper_in_the_fact() -> None:
    class Wrapped(Fact, frozen=True, tag="test.wrapped"):
        book: Book

    deep = Projection("deep", version=1, books=Book)
    deep.fold(Wrapped, into=Book, key="book.book_id")(lambda _, fact: fact.book)
    batch = Batch(deep)
    batch.fold([Wrapped(book=Book("b1", "Ada"), fact_id=UUID(int=1))])

    assert batch.by_key[Book] == {"b1": Book("b1", "Ada")}
