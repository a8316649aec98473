"""A projection is a set of pure steps: a row and a fact give the next row.

`fold` takes the row under a key, or None, and answers the row that follows; None removes it. `each` makes one new row
of one fact. Steps never change the row they are given, read no clock and use no personal field, so that live and
rebuild, whatever the batches, end with the same rows.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, get_type_hints
from uuid import UUID

import msgspec

from domain.shared.fact import Fact


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of a read model: the fields are the columns in order, the first one is the key.

    Text, integers, floats, booleans, UUIDs and times become columns of their kind; anything else becomes json.
    """

    indexes: ClassVar[tuple[str, ...]] = ()
    """Columns, or lists of columns such as `category, title`, to index beside the key."""


R = TypeVar("R", bound=Row)
F = TypeVar("F", bound=Fact)


class Route(msgspec.Struct, frozen=True):
    """Where a fact goes: the row type, how its key is read from the fact, and the step.

    With `where`, the fact goes to every row whose column of that name equals the key. Without `key`, to a new row.
    """

    row: type[Row]
    step: Callable[..., Any]
    key: Callable[[Any], Any] | None = None
    where: str | None = None


class Projection:
    """Tables and the steps that keep them; `version` changes when the rows would, and then it is rebuilt.

    One that is `inline` is written inside the append itself, so that it is never behind the ledger. One that is
    `plain` has steps that do no more with ids and times than hand them on, and ask nobody who did it: from the ledger
    it is given facts whose ids and times are text and that lack `fact_id`, `actor` and `cause`, in half the time.
    """

    def __init__(
        self, name: str, *, version: int, inline: bool = False, plain: bool = False, **tables: type[Row]
    ) -> None:
        self.name = name
        self.version = version
        self.inline = inline
        self.plain = plain
        self.tables = tables
        self.routes: dict[type[msgspec.Struct], list[Route]] = {}
        self.read_as: dict[str, type[msgspec.Struct]] = {}
        """By the tag of each fact that has a step here: what it is decoded into."""
        self._kinds: dict[type[Row], set[str]] = {row: set() for row in tables.values()}

    def fold(
        self, *facts: type[F], into: type[R], key: str, where: str | None = None
    ) -> Callable[[Callable[[R | None, F], R | None]], Callable[[R | None, F], R | None]]:
        """Declare a step for the row under the fact's attribute `key`."""
        if self.plain and "." in key:
            raise TypeError(f"{self.name} is plain, and {key} lies in what stays as it is")

        def declare(step: Callable[[R | None, F], R | None]) -> Callable[[R | None, F], R | None]:
            self._declare(facts, Route(into, step, attrgetter(key), where), kind="fold")
            return step

        return declare

    def each(self, *facts: type[F], into: type[R]) -> Callable[[Callable[[F], R]], Callable[[F], R]]:
        """Declare a step that makes one new row of one fact; its key must be new each time."""

        def declare(step: Callable[[F], R]) -> Callable[[F], R]:
            self._declare(facts, Route(into, step), kind="each")
            return step

        return declare

    def _declare(self, facts: Iterable[type[Fact]], route: Route, *, kind: str) -> None:
        kinds = self._kinds[route.row]
        kinds.add(kind)
        if len(kinds) > 1:
            raise TypeError(f"{route.row.__name__} is folded or made anew, not both")
        for fact in facts:
            steps = self.routes.setdefault(fact, [])
            steps.append(route)
            self.read_as[fact.tag()] = plain_kind(fact) if self.plain else fact
            self.routes[self.read_as[fact.tag()]] = steps

    @property
    def topics(self) -> list[str]:
        """The tags of the facts that have a step here."""
        return sorted(self.read_as)


class StepFailed(Exception):
    """A step cannot take a fact, which it is made for: a mistake in the step, or a fact that should not be."""

    def __init__(self, fact: Fact | None, trouble: Exception) -> None:
        self.position = fact.position if fact else 0
        tag = type(fact).__struct_config__.tag if fact else "before any"
        super().__init__(f"fact {self.position} ({tag}): {trouble!r}")


class Batch:
    """The rows that some facts touch: what was there, then what follows from it."""

    def __init__(self, projection: Projection) -> None:
        self.found: dict[type[Row], dict[Any, Row]] = {row: {} for row in projection.tables.values()}
        self.by_key: dict[type[Row], dict[Any, Row | None]] = {row: {} for row in projection.tables.values()}
        self.new: dict[type[Row], list[Row]] = {row: [] for row in projection.tables.values()}
        self._steps = {
            fact: [
                (route.key, route.where, route.step, self.by_key[route.row], self.new[route.row]) for route in routes
            ]
            for fact, routes in projection.routes.items()
        }

    def put(self, row: Row) -> None:
        """A row as the database has it; one that the batch has changed already stays as it is."""
        key = key_of(row)
        if key not in self.by_key[type(row)]:
            self.by_key[type(row)][key] = self.found[type(row)][key] = row

    def fold(self, facts: Iterable[Fact]) -> None:
        """Run every step of every fact, in order. Raises StepFailed, and then the batch is of no use any more."""
        steps, fact = self._steps, None
        try:
            for fact in facts:
                for key_of_fact, where, step, rows, new in steps.get(type(fact), ()):
                    if key_of_fact is None:
                        new.append(step(fact))
                    elif where is None:
                        key = key_of_fact(fact)
                        rows[key] = step(rows.get(key), fact)
                    else:
                        _fan_out(rows, where, key_of_fact(fact), step, fact)
        except Exception as trouble:
            raise StepFailed(fact, trouble) from trouble

    def changed(self, row: type[Row]) -> list[tuple[Row, Row]]:
        """The rows of a table that were found and are others now: before and after."""
        found = self.found[row]
        after = self.by_key[row]
        return [(before, now) for key, before in found.items() if (now := after[key]) is not None and now is not before]

    def made(self, row: type[Row]) -> list[Row]:
        """The rows of a table that were not found."""
        found = self.found[row]
        return [now for key, now in self.by_key[row].items() if now is not None and key not in found] + self.new[row]

    def removed(self, row: type[Row]) -> list[Any]:
        """The keys of the rows of a table that were found and are no more."""
        return [key for key in self.found[row] if self.by_key[row][key] is None]

    def __len__(self) -> int:
        """How many rows it holds."""
        return sum(len(rows) for rows in (*self.by_key.values(), *self.new.values()))


def key_of(row: Row) -> Any:
    """The value of a row's key column."""
    return getattr(row, row.__struct_fields__[0])


def _fan_out(rows: dict[Any, Row | None], column: str, value: Any, step: Callable[..., Any], fact: Fact) -> None:
    for key, row in list(rows.items()):
        if row is not None and getattr(row, column) == value:
            rows[key] = step(row, fact)


UNREAD_WHEN_PLAIN = frozenset({"fact_id", "actor", "cause"})


@cache
def plain_kind(kind: type[Fact]) -> type[msgspec.Struct]:
    """A Struct for the same JSON, with text for ids and times, and without who did it and why."""
    hints = get_type_hints(kind, include_extras=True)
    fields = [(name, plain_type(hints[name])) for name in kind.__struct_fields__ if name not in UNREAD_WHEN_PLAIN]
    return msgspec.defstruct(
        kind.__name__, fields, tag=kind.tag(), tag_field="type", frozen=True, kw_only=True, gc=False
    )


def plain_type(hint: Any) -> Any:
    """Text in place of a UUID or a time; anything else as it is."""
    if hint in {UUID, datetime}:
        return str
    return str | None if hint in {UUID | None, datetime | None} else hint


def fold_alone(projection: Projection, facts: Iterable[Fact]) -> Batch:
    """The rows that follow from these facts alone, from nothing: how a past moment is asked about."""
    batch = Batch(projection)
    batch.fold(facts)
    return batch
