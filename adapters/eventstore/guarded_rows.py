"""Operational rows that change with the appends of a batch: many rows to a statement, refused as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, LiteralString, assert_never

import msgspec
from psycopg import Connection, Cursor
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow, tuple_row
from psycopg.sql import SQL, Composable, Composed, Identifier

from application.ports.ledger import Delete, GuardedRow, Insert, InsertOnce, RowMoved, RowTaken, UpdateIf

TABLES = frozenset(
    {
        "claims",
        "codes",
        "credentials",
        "customer_fences",
        "customer_objects",
        "erased_customers",
        "erasures",
        "inbox",
        "intents",
        "letters",
        "sessions",
    }
)
"""What an append may touch beside the ledger: all in the schema `ops`, without triggers, and none refers to another."""

WAIT = "SELECT set_config('lock_timeout', %s, true)"
WAIT_AS_BEFORE = "SET LOCAL lock_timeout TO DEFAULT"


class RowHeld(Exception):
    """Another transaction holds a row that would be changed, and has not let go in time."""


def change(connection: Connection[Any], rows: Sequence[GuardedRow], *, wait_ms: int, in_order: bool) -> None:
    """Change all the rows as if one after the other; for one that somebody else holds it waits so long.

    With `in_order` it is the first row that cannot be changed which is told of; else any of them.
    Inside a transaction, which is to be rolled back when this raises RowTaken, RowMoved, RowHeld.
    """
    groups = _grouped(rows, in_order=in_order)
    cursors = [connection.cursor(row_factory=tuple_row) for _ in groups]
    try:
        with connection.pipeline():
            connection.execute(WAIT, (f"{wait_ms}ms",), prepare=True)
            for group, cursor in zip(groups, cursors, strict=True):
                group.send(cursor)
            connection.execute(WAIT_AS_BEFORE)
    except LockNotAvailable as held:
        raise RowHeld from held
    for group, cursor in zip(groups, cursors, strict=True):
        group.check(cursor)


def _grouped(rows: Iterable[GuardedRow], *, in_order: bool) -> list["_Group"]:
    """In an order that does what the rows in theirs would do: the last group of a table may take one more.

    With `in_order` the last of all alone may. In a group all rows are refused in one way, so that the first group to be
    refused then says what the first row would.
    """
    groups: list[_Group] = []
    latest: dict[str, _Group] = {}
    for row in rows:
        group = latest.get(row.table)
        if group is None or (in_order and group is not groups[-1]) or not group.take(row):
            group = latest[row.table] = _Group(row)
            groups.append(group)
    return groups


class _Kind(msgspec.Struct, frozen=True):
    """What one statement can do: the verb, the table, and the columns that are asked and written."""

    verb: type[GuardedRow]
    table: str
    asked: tuple[str, ...]
    written: tuple[str, ...]


class _Group:
    """Rows of one kind that one statement changes, since none of them touches what another touches."""

    def __init__(self, first: GuardedRow) -> None:
        self._kind = _kind(first)
        self._required: list[bool] = []
        self._owners: list[int] = []
        self._asked: list[Mapping[str, Any]] = []
        self._written: list[Mapping[str, Any]] = []
        self._touched: set[tuple[Any, ...]] = set()
        self._full = False
        taken = self.take(first)
        assert taken, "a group has one row at least"

    def take(self, row: GuardedRow) -> bool:
        """False where the row is of another kind, or what it finds depends on what these do."""
        where, values, required = _parts(row)
        # A list means any of its values: they are looked for one by one.
        keys = list(product(*(value if isinstance(value, list) else [value] for value in where.values())))
        if self._full or _kind(row) != self._kind or not self._touched.isdisjoint(keys):
            return False
        changes_what_it_asks = any(where.get(name, value) != value for name, value in values.items())
        if changes_what_it_asks and self._required:
            return False
        self._full = changes_what_it_asks
        self._owners += [len(self._required)] * len(keys)
        self._required.append(required)
        self._asked += [dict(zip(where, key, strict=True)) for key in keys]
        self._written += [values] * len(keys)
        if where:  # Of new rows that are the same ON CONFLICT takes the first.
            self._touched.update(keys)
        return True

    def send(self, cursor: Cursor[TupleRow]) -> None:
        """In a pipeline the answer comes later, and then `check` tells."""
        cursor.execute(
            _statement(self._kind), {"asked": _json(self._asked), "written": _json(self._written)}, prepare=True
        )

    def check(self, cursor: Cursor[TupleRow]) -> None:
        """Raises RowTaken, RowMoved: it was not so with every row, and the transaction is to be rolled back."""
        if self._kind.verb is Insert and cursor.rowcount < len(self._required):
            raise RowTaken(self._kind.table)
        if self._kind.verb is UpdateIf:
            found = {self._owners[place - 1] for (place,) in cursor.fetchall()}
            if any(required and number not in found for number, required in enumerate(self._required)):
                raise RowMoved(self._kind.table)


def _parts(row: GuardedRow) -> tuple[Mapping[str, Any], Mapping[str, Any], bool]:
    """What is asked, what is written, and whether there has to be such a row."""
    match row:
        case Insert() | InsertOnce():
            return {}, row.values, False
        case UpdateIf():
            return row.where, row.values, row.required
        case Delete():
            return row.where, {}, False
        case _:
            assert_never(row)


def _kind(row: GuardedRow) -> _Kind:
    where, values, _ = _parts(row)
    assert row.table in TABLES, f"{row.table} is not an operational table of the ledger"
    assert where or isinstance(row, Insert | InsertOnce), "never all rows of a table"
    return _Kind(type(row), row.table, tuple(where), tuple(values))


@cache
def _statement(kind: _Kind) -> bytes:
    """PostgreSQL makes rows of the table's own types from JSON, so that nothing has to be said of types here."""
    table = Identifier("ops", kind.table)
    asked = SQL("json_populate_recordset(NULL::{}, %(asked)s::json) WITH ORDINALITY AS asked").format(table)
    written = SQL("json_populate_recordset(NULL::{}, %(written)s::json) WITH ORDINALITY AS written").format(table)
    so = _listed((SQL("known.{0} = asked.{0}").format(Identifier(name)) for name in kind.asked), " AND ")
    names = _listed(map(Identifier, kind.written), ", ")
    if kind.verb is UpdateIf:
        equals = _listed((SQL("{0} = written.{0}").format(Identifier(name)) for name in kind.written), ", ")
        statement = SQL(
            "UPDATE {} AS known SET {} FROM {}, {} WHERE {} AND asked.ordinality = written.ordinality"
            " RETURNING asked.ordinality"
        ).format(table, equals, asked, written, so)
    elif kind.verb is Delete:
        statement = SQL("DELETE FROM {} AS known USING {} WHERE {}").format(table, asked, so)
    else:
        insert = SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING")
        statement = insert.format(table, names, names, written)
    return statement.as_bytes(None)


def _listed(parts: Iterable[Composable], between: LiteralString) -> Composed:
    return SQL(between).join(parts)


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode([{name: _plain(value) for name, value in row.items()} for row in rows]).decode()


def _plain(value: Any) -> Any:
    """Bytes as PostgreSQL writes them."""
    return "\\x" + value.hex() if isinstance(value, bytes) else value
