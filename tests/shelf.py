"""A projection made up for the engine: every kind of column, rows removed and made again, fanned out over, and new."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.shared.fact import Fact


class Label(msgspec.Struct, frozen=True):
    text: str
    number: int


class BookPut(Fact, frozen=True, tag="test.book_put"):
    book_id: UUID
    author: str
    notes: tuple[str, ...] = ()
    weight: float | None = None


class BookGiven(Fact, frozen=True, tag="test.book_given"):
    book_id: UUID
    author: str


class BookLost(Fact, frozen=True, tag="test.book_lost"):
    book_id: UUID


class AuthorRenamed(Fact, frozen=True, tag="test.author_renamed"):
    before: str
    after: str


class AuthorBanned(Fact, frozen=True, tag="test.author_banned"):
    author: str


class Spoilt(Fact, frozen=True, tag="test.spoilt"):
    """No step can take it."""


FACTS = {kind.tag(): kind for kind in (BookPut, BookGiven, BookLost, AuthorRenamed, AuthorBanned, Spoilt)}


class Book(Row, frozen=True):
    book_id: UUID
    author: str
    put_at: datetime
    times_put: int = 1
    heavy: bool = False
    weight: float | None = None
    label: Label | None = None
    notes: tuple[str, ...] = ()

    indexes: ClassVar[tuple[str, ...]] = ("author",)


class Author(Row, frozen=True):
    author: str
    books_put: int = 0


class Entry(Row, frozen=True):
    position: int
    author: str


def shelf(*, plain: bool = False, inline: bool = False, version: int = 1) -> Projection:
    """A new one each time, so that a test may do with it what it likes."""
    made = Projection("shelf", version=version, plain=plain, inline=inline, books=Book, authors=Author, entries=Entry)

    @made.fold(BookPut, into=Book, key="book_id")
    def put(book: Book | None, fact: BookPut) -> Book:
        weight = fact.weight
        label = Label(fact.author, fact.position) if fact.position % 2 else None
        times = book.times_put + 1 if book else 1
        return Book(
            fact.book_id,
            fact.author,
            fact.recorded_at,
            times,
            weight is not None and weight > 1,
            weight,
            label,
            fact.notes,
        )

    @made.fold(BookGiven, into=Book, key="book_id")
    def given_to(book: Book | None, fact: BookGiven) -> Book | None:
        return book and replace(book, author=fact.author)

    @made.fold(BookLost, into=Book, key="book_id")
    def lost(_: Book | None, __: BookLost) -> None:
        return None

    @made.fold(AuthorRenamed, into=Book, key="before", where="author")
    def renamed(book: Book | None, fact: AuthorRenamed) -> Book | None:
        return book and replace(book, author=fact.after)

    @made.fold(AuthorBanned, into=Book, key="author", where="author")
    def banned(_: Book | None, __: AuthorBanned) -> None:
        return None

    @made.fold(BookPut, into=Author, key="author")
    def counted(author: Author | None, fact: BookPut) -> Author:
        author = author or Author(fact.author)
        return replace(author, books_put=author.books_put + 1)

    @made.fold(AuthorBanned, into=Author, key="author")
    def forgotten(_: Author | None, __: AuthorBanned) -> None:
        return None

    @made.fold(Spoilt, into=Author, key="fact_id" if not plain else "position")
    def refused(_: Author | None, fact: Spoilt) -> Author | None:
        raise ValueError(f"what is {fact.position} to be?")

    @made.each(BookGiven, into=Entry)
    def entered(fact: BookGiven) -> Entry:
        return Entry(fact.position, fact.author)

    return made
