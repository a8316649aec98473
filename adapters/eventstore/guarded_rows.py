"""Operational rows that change with an append: each verb in one statement, refused as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from psycopg import Cursor
from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from application.ports.ledger import Delete, GuardedRow, Insert, InsertOnce, RowMoved, RowTaken, UpdateIf

TABLES = frozenset({"claims", "credentials", "customer_fences", "inbox"})
"""What an append may touch beside the ledger; all of them in the schema `ops`."""


def change(cursor: Cursor[Any], rows: Sequence[GuardedRow]) -> None:
    """Change all the rows in order. Raises RowTaken, RowMoved."""
    for row in rows:
        assert row.table in TABLES, f"{row.table} is not an operational table of the ledger"
        _change_one(cursor, row)


def _change_one(cursor: Cursor[Any], row: GuardedRow) -> None:
    match row:
        case Insert():
            _insert(cursor, row)
            if cursor.rowcount == 0:
                raise RowTaken(row.table)
        case InsertOnce():
            _insert(cursor, row)
        case UpdateIf():
            statement = SQL("UPDATE ops.{} SET {} WHERE {}").format(
                Identifier(row.table), SQL(", ").join(_equal(name) for name in row.values), _where(row.where)
            )
            cursor.execute(statement, [*row.values.values(), *row.where.values()])
            if cursor.rowcount == 0 and row.required:
                raise RowMoved(row.table)
        case Delete():
            statement = SQL("DELETE FROM ops.{} WHERE {}").format(Identifier(row.table), _where(row.where))
            cursor.execute(statement, list(row.where.values()))
        case _:
            assert_never(row)


def _insert(cursor: Cursor[Any], row: Insert | InsertOnce) -> None:
    statement = SQL("INSERT INTO ops.{} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        Identifier(row.table),
        SQL(", ").join(map(Identifier, row.values)),
        SQL(", ").join(Placeholder() * len(row.values)),
    )
    cursor.execute(statement, list(row.values.values()))


def _where(where: Mapping[str, Any]) -> Composable:
    """A list means any of its values."""
    return SQL(" AND ").join(
        SQL("{} = ANY(%s)").format(Identifier(name)) if isinstance(value, list) else _equal(name)
        for name, value in where.items()
    )


def _equal(name: str) -> Composed:
    return SQL("{} = %s").format(Identifier(name))
