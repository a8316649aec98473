"""A projection's tables in PostgreSQL: made from its row types, read and written by batches of facts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from operator import ne
from typing import Any, get_type_hints

import msgspec
from msgspec.structs import astuple
from psycopg import Connection, Cursor
from psycopg.sql import SQL, Composable, Composed, Identifier

from adapters.eventstore.columns import bare, columns_of, json_of
from adapters.eventstore.literals import CSV_FORMAT, array_literal, csv_lines, json_text
from application.projections.projection import Batch, Projection, Row, plain_type
from domain.shared.fact import Fact

ROWS_AT_ONCE = 5_000
"""So many rows are made text at a time, so that a large table needs little memory."""

ROWS_APART = 100
"""From so many rows on that differ in the same columns these are written alone: others cost more than a statement."""


class RowsMissing(Exception):
    """Somebody else has removed rows that a batch had found."""


class Table:
    """One table of one generation, with the statements on it composed once."""

    def __init__(self, schema: str, name: str, row: type[Row], *, plain: bool) -> None:
        self.row = row
        self.label = name
        self.name = Identifier(schema, name)
        self._columns = columns_of(row)
        self._json = [place for place, kind in enumerate(self._columns.values()) if kind.startswith("json")]
        self._decode = _plain_decoder(row) if plain else msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
        self._key = row.__struct_fields__[0]
        self._selects: dict[str, bytes] = {}
        self._updates: dict[tuple[int, ...], bytes] = {}
        self._upsert = self._insert_or_update().as_bytes(None)
        self._delete = (SQL("DELETE") + self._from_where(self._key)).as_bytes(None)
        self._copy = SQL("COPY {} FROM STDIN ({}, FREEZE)").format(self.name, SQL(CSV_FORMAT)).as_bytes(None)

    def create(self, cursor: Cursor[Any]) -> None:
        """Make the empty table, without its indexes. Room is left on the pages for rows that change."""
        columns = SQL(", ").join(
            SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in self._columns.items()
        )
        cursor.execute(SQL("CREATE TABLE {} ({}) WITH (fillfactor = 80)").format(self.name, columns))

    def index(self, cursor: Cursor[Any]) -> None:
        """Make the primary key and the other indexes, when the rows that are there at first are in."""
        cursor.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(self.name, Identifier(self._key)))
        for index in self.row.indexes:
            names = _listed(Identifier(column.strip()) for column in index.split(","))
            cursor.execute(SQL("CREATE INDEX ON {} ({})").format(self.name, names))

    def ask(self, cursor: Cursor[Any], column: str, values: Iterable[Any]) -> None:
        """For the rows with one of the values in the column; in a pipeline nothing is waited for."""
        if (statement := self._selects.get(column)) is None:
            statement = self._selects[column] = self._select(column)
        cursor.execute(statement, (array_literal(list(values)).decode(),), prepare=True, binary=True)

    def answered(self, cursor: Cursor[Any]) -> list[Row]:
        """The rows that were asked for."""
        found = cursor.fetchone()
        assert found is not None, "an aggregate always gives one row"
        encoded = found["rows"] if isinstance(found, dict) else found[0]
        return self._decode(encoded) if encoded is not None else []

    def upsert(self, cursor: Cursor[Any], rows: Sequence[Row]) -> None:
        """Write rows, new or there already."""
        columns = [self._column(place, values) for place, values in enumerate(zip(*map(astuple, rows), strict=True))]
        cursor.execute(self._upsert, columns, prepare=True)

    def update(self, cursor: Cursor[Any], changes: Sequence[tuple[Row, Row]]) -> None:
        """Write what differs in rows that are there. Raises RowsMissing."""
        for differing, rows in _by_what_differs(changes):
            # The key comes first, and says which row it is.
            places = (0, *(place for place, differs in enumerate(differing) if differs))
            if (statement := self._updates.get(places)) is None:
                statement = self._updates[places] = self._update(places)
            values = list(zip(*rows, strict=True))
            columns = [self._column(place, values[place]) for place in places]
            # In a pipeline, where it is -1, nobody waits for it: there the rows were found under the ledger's lock.
            if cursor.execute(statement, columns, prepare=True).rowcount not in {len(rows), -1}:
                raise RowsMissing(f"{len(rows)} rows of {self.label} were there, and are not any more")

    def delete(self, cursor: Cursor[Any], keys: Sequence[Any]) -> None:
        """Remove the rows under the keys."""
        cursor.execute(self._delete, (array_literal(keys).decode(),), prepare=True)

    def copy(self, cursor: Cursor[Any], rows: Iterable[Row]) -> None:
        """Write new rows into the table that this transaction has made."""
        remaining = iter(rows)
        with cursor.copy(self._copy) as copy:
            while some := list(islice(remaining, ROWS_AT_ONCE)):
                copy.write(csv_lines(self._texts(some)))

    def _texts(self, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """The rows as tuples whose json columns are text."""
        if not self._json:
            return [astuple(row) for row in rows]
        columns = enumerate(zip(*map(astuple, rows), strict=True))
        return list(zip(*(self._text(place, values) for place, values in columns), strict=True))

    def _text(self, place: int, values: Sequence[Any]) -> Sequence[Any]:
        """A column's values, as text if it is of JSON."""
        return [None if value is None else json_text(value) for value in values] if place in self._json else values

    def _column(self, place: int, values: Sequence[Any]) -> str:
        return array_literal(self._text(place, values)).decode()

    def _update(self, places: tuple[int, ...]) -> bytes:
        """Of the key, which comes first, and the columns that differ."""
        columns = [list(self._columns)[place] for place in places]
        key, *others = (Identifier(column) for column in columns)
        arrays = [SQL("%s::{}[]").format(self._type_of(column)) for column in columns]
        new = [SQL("{0} = changed.{0}").format(name) for name in others]
        return (
            SQL("UPDATE {} AS known SET {} FROM unnest({}) AS changed ({}) WHERE known.{} = changed.{}")
            .format(self.name, _listed(new), _listed(arrays), _listed([key, *others]), key, key)
            .as_bytes(None)
        )

    def _select(self, column: str) -> bytes:
        row = SQL(" || ',' || ").join(json_of(Identifier(name), kind) for name, kind in self._columns.items())
        rows = SQL("SELECT convert_to('[[' || string_agg({}, '],[') || ']]', 'UTF8') AS rows").format(row)
        return (rows + self._from_where(column)).as_bytes(None)

    def _from_where(self, column: str) -> Composed:
        """The rows with one of many values in a column."""
        return SQL(" FROM {} WHERE {} = ANY(%s::{}[])").format(self.name, Identifier(column), self._type_of(column))

    def _insert_or_update(self) -> Composed:
        names = [Identifier(column) for column in self._columns]
        arrays = [SQL("%s::{}[]").format(self._type_of(column)) for column in self._columns]
        new = [SQL("{0} = excluded.{0}").format(name) for name in names]
        return SQL("INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO UPDATE SET {}").format(
            self.name, _listed(names), _listed(arrays), Identifier(self._key), _listed(new)
        )

    def _type_of(self, column: str) -> SQL:
        return SQL(bare(self._columns[column]))


@lru_cache(maxsize=256)
def table_of(schema: str, name: str, row: type[Row], *, plain: bool) -> Table:
    """The one object for a table: to compose its statements takes longer than to run one."""
    return Table(schema, name, row, plain=plain)


Rows = Mapping[type[Row], Mapping[Any, Row]]
"""By their kinds and keys."""

Asked = list[tuple[Table, Cursor[Any]]]
"""Rows that have been asked for, and the cursors that their answers come on."""


class Generation:
    """One projection's tables of one generation, in a schema of their own; a rebuild makes the next one."""

    def __init__(self, projection: Projection, number: int) -> None:
        self.projection = projection
        self.number = number
        self.schema = f"{projection.name}_{number}"
        self.tables = {
            row: table_of(self.schema, name, row, plain=projection.plain) for name, row in projection.tables.items()
        }

    def create(self, cursor: Cursor[Any]) -> None:
        """Make the schema and its empty tables, without indexes."""
        cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(self.schema)))
        for table in self.tables.values():
            table.create(cursor)

    def index(self, cursor: Cursor[Any]) -> None:
        """Make the indexes of all tables, and tell the planner what is in them."""
        for table in self.tables.values():
            table.index(cursor)
            cursor.execute(SQL("ANALYZE {}").format(table.name))

    def lock_at_once(self, cursor: Cursor[Any]) -> None:
        """All its tables that there are, for oneself. Raises psycopg.errors.LockNotAvailable: somebody reads one."""
        found = cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (self.schema,)
        ).fetchall()
        for (name,) in found:
            cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(Identifier(self.schema, name)))

    def drop(self, cursor: Cursor[Any]) -> None:
        """Remove the tables; nobody is to read them any more."""
        cursor.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(self.schema)))

    def ask(self, connection: Connection[Any], facts: Iterable[Fact]) -> Asked:
        """For the rows that the facts touch; in a pipeline nothing is waited for."""
        asked: Asked = []
        for (row, column), values in self._touched(facts).items():
            asked.append((self.tables[row], connection.cursor()))
            self.tables[row].ask(asked[-1][1], column, values)
        return asked

    def apply(self, cursor: Cursor[Any], facts: Sequence[Fact], asked: Asked) -> None:
        """Fold the facts into the rows that were asked for, and write what follows."""
        batch = Batch(self.projection)
        for table, answer in asked:
            for row in table.answered(answer):
                batch.put(row)
        batch.fold(facts)
        self.write(cursor, batch)

    def take(self, cursor: Cursor[Any], batch: Batch, facts: Sequence[Fact], known: Rows) -> None:
        """Find the rows that the facts touch and the batch lacks, among those that are known or else, and fold."""
        for (row, column), values in self._touched(facts).items():
            lacking = values
            if column == row.__struct_fields__[0]:
                lacking = values - batch.by_key[row].keys()
                for key in lacking & known[row].keys():
                    batch.put(known[row][key])
                lacking -= known[row].keys()
            if lacking:
                self.tables[row].ask(cursor, column, lacking)
                for found in self.tables[row].answered(cursor):
                    batch.put(found)
        batch.fold(facts)

    def _touched(self, facts: Iterable[Fact]) -> dict[tuple[type[Row], str], set[Any]]:
        """By the row type and the column in which they are looked for."""
        touched: dict[tuple[type[Row], str], set[Any]] = defaultdict(set)
        for fact in facts:
            for route in self.projection.routes.get(type(fact), ()):
                if route.key is not None:
                    touched[route.row, route.where or route.row.__struct_fields__[0]].add(route.key(fact))
        return touched

    def write(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch has changed."""
        for row, table in self.tables.items():
            if removed := batch.removed(row):
                table.delete(cursor, removed)
            if changed := batch.changed(row):
                table.update(cursor, changed)
            if made := batch.made(row):
                table.upsert(cursor, made)


def _by_what_differs(changes: Iterable[tuple[Row, Row]]) -> Iterator[tuple[Sequence[bool], list[tuple[Any, ...]]]]:
    """Which columns differ, and the new values of the rows in which they do; what few rows have alike goes together."""
    alike: dict[tuple[bool, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for before, after in changes:
        values = astuple(after)
        differing: tuple[bool, ...] = tuple(map(ne, astuple(before), values))
        if any(differing):
            alike[differing].append(values)
    few = [differing for differing, rows in alike.items() if len(rows) < ROWS_APART]
    if few:
        together = [row for differing in few for row in alike.pop(differing)]
        yield [any(differs) for differs in zip(*few, strict=True)], together
    yield from alike.items()


def _plain_decoder(row: type[Row]) -> Callable[[bytes], list[Row]]:
    """Rows whose ids and times are text, as those that plain steps make."""
    hints = get_type_hints(row)
    kinds: Any = tuple[tuple(plain_type(hints[name]) for name in row.__struct_fields__)]  # type: ignore[misc]
    decoder = msgspec.json.Decoder(list[kinds])
    return lambda text: [row(*values) for values in decoder.decode(text)]


def _listed(parts: Iterable[Composable]) -> Composed:
    return SQL(", ").join(parts)
