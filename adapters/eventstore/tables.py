"""A projection's tables in PostgreSQL: made from its row types, read and written by batches of facts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import UnionType
from typing import Any, LiteralString, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

from application.projections.projection import Batch, Projection, Row
from domain.shared.fact import Fact

COLUMN_TYPES: dict[type, LiteralString] = {
    str: "text",
    int: "bigint",
    float: "double precision",
    bool: "boolean",
    UUID: "uuid",
    datetime: "timestamptz",
}


class Generation:
    """One projection's tables of one generation, in a schema of their own; a rebuild makes the next one."""

    def __init__(self, projection: Projection, number: int) -> None:
        self.projection = projection
        self.number = number
        self.schema = f"{projection.name}_{number}"

    def create(self, cursor: Cursor[Any]) -> None:
        """Make the empty tables."""
        cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(self.schema)))
        for table, row in self.projection.tables.items():
            name = Identifier(self.schema, table)
            columns = SQL(", ").join(_column(*column) for column in columns_of(row).items())
            key = Identifier(row.__struct_fields__[0])
            cursor.execute(SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(name, columns, key))
            for index in row.indexes:
                names = SQL(", ").join(Identifier(column.strip()) for column in index.split(","))
                cursor.execute(SQL("CREATE INDEX ON {} ({})").format(name, names))

    def show(self, cursor: Cursor[Any]) -> None:
        """Let the views in the schema `read` show this generation."""
        for table in self.projection.tables:
            view = Identifier("read", table)
            cursor.execute(SQL("DROP VIEW IF EXISTS {}").format(view))
            cursor.execute(SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view, Identifier(self.schema, table)))

    def drop(self, cursor: Cursor[Any]) -> None:
        """Remove the tables; nothing shows them any more."""
        cursor.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(self.schema)))

    def apply(self, cursor: Cursor[Any], facts: Sequence[Fact]) -> None:
        """Read the rows that the facts touch, fold, and write what follows."""
        touching = [fact for fact in facts if type(fact) in self.projection.routes]
        if not touching:
            return
        batch = Batch(self.projection)
        self._load(cursor, batch, touching)
        batch.fold(touching)
        for row, table in {row: table for table, row in self.projection.tables.items()}.items():
            self._write(cursor, Identifier(self.schema, table), row, batch)

    def _load(self, cursor: Cursor[Any], batch: Batch, facts: Iterable[Fact]) -> None:
        wanted: dict[tuple[type[Row], str], set[Any]] = defaultdict(set)
        for fact in facts:
            for route in self.projection.routes[type(fact)]:
                if route.key is not None:
                    wanted[route.row, route.where or route.row.__struct_fields__[0]].add(route.key(fact))
        for (row, column), values in wanted.items():
            for found in self._select(cursor, row, column, list(values)):
                batch.put(found)

    def _select(self, cursor: Cursor[Any], row: type[Row], column: str, values: list[Any]) -> list[Row]:
        table = next(table for table, known in self.projection.tables.items() if known is row)
        statement = SQL(
            "SELECT convert_to(coalesce('[' || string_agg(json_build_array({})::text, ',') || ']', '[]'), 'UTF8')"
            " AS rows FROM {} WHERE {} = ANY(%s)"
        ).format(_names(row), Identifier(self.schema, table), Identifier(column))
        found = cursor.execute(statement, (values,), prepare=True, binary=True).fetchone()
        assert found is not None, "an aggregate always gives one row"
        encoded = found["rows"] if isinstance(found, dict) else found[0]
        return msgspec.json.decode(bytes(encoded), type=list[row])  # type: ignore[valid-type]

    def _write(self, cursor: Cursor[Any], table: Identifier, row: type[Row], batch: Batch) -> None:
        changed = batch.by_key[row]
        if gone := [key for key, left in changed.items() if left is None]:
            key = Identifier(row.__struct_fields__[0])
            cursor.execute(SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(table, key), (gone,))
        if kept := [left for left in changed.values() if left is not None] + batch.new[row]:
            cursor.execute(_upsert(table, row), (_objects(kept),), prepare=True)


def columns_of(row: type[Row]) -> dict[str, LiteralString]:
    """Each column's name and PostgreSQL type; `not null` where the field cannot be None."""
    hints = get_type_hints(row)
    return {name: _sql_type(hints[name]) for name in row.__struct_fields__}


def _sql_type(hint: Any) -> LiteralString:
    if get_origin(hint) in {Union, UnionType}:
        inner = [option for option in get_args(hint) if option is not type(None)]
        return COLUMN_TYPES.get(inner[0], "jsonb") if len(inner) == 1 else "jsonb"
    return COLUMN_TYPES.get(hint, "jsonb") + " NOT NULL"


def _column(name: str, kind: LiteralString) -> Composed:
    return SQL("{} {}").format(Identifier(name), SQL(kind))


def _names(row: type[Row]) -> Composed:
    return SQL(", ").join(map(Identifier, row.__struct_fields__))


def _objects(rows: Sequence[Row]) -> str:
    """The rows as a JSON array of objects, which PostgreSQL turns into rows of the table's own types."""
    fields = type(rows[0]).__struct_fields__
    return msgspec.json.encode([{name: getattr(row, name) for name in fields} for row in rows]).decode()


def _upsert(table: Identifier, row: type[Row]) -> Composed:
    key, *rest = map(Identifier, row.__struct_fields__)
    return SQL(
        "INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json)"
        " ON CONFLICT ({key}) DO UPDATE SET ({rest}) = ROW({new})"
    ).format(
        table=table,
        names=_names(row),
        key=key,
        rest=SQL(", ").join(rest),
        new=SQL(", ").join(SQL("excluded.{}").format(name) for name in rest),
    )
