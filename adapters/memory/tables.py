"""Operational rows in memory: what an append may change beside the facts."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from application.ports.ledger import Delete, GuardedRow, Insert, InsertOnce, RowMoved, RowTaken, UpdateIf

KEYS = {
    "claims": ("kind", "blind_index"),
    "credentials": ("account_id",),
    "customer_fences": ("provider", "customer_id"),
    "inbox": ("id",),
}

Table = list[dict[str, Any]]


class MemoryTables:
    """Tables by name; a change is all or nothing, as in a transaction."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {name: [] for name in KEYS}

    def change(self, rows: Sequence[GuardedRow]) -> None:
        """Raises RowTaken, RowMoved; then nothing has changed."""
        draft = {name: [dict(row) for row in table] for name, table in self.tables.items()}
        for row in rows:
            _change_one(draft[row.table], row)
        for name, table in draft.items():
            self.tables[name][:] = table


def _change_one(table: Table, row: GuardedRow) -> None:
    match row:
        case Insert():
            if _taken(table, row):
                raise RowTaken(row.table)
            table.append(dict(row.values))
        case InsertOnce():
            if not _taken(table, row):
                table.append(dict(row.values))
        case UpdateIf():
            found = [known for known in table if _is_as(known, row.where)]
            if not found and row.required:
                raise RowMoved(row.table)
            for known in found:
                known.update(row.values)
        case Delete():
            table[:] = [known for known in table if not _is_as(known, row.where)]
        case _:
            assert_never(row)


def _taken(table: Table, row: Insert | InsertOnce) -> bool:
    key = KEYS[row.table]
    return any(all(known[name] == row.values[name] for name in key) for known in table)


def _is_as(known: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return all(
        known.get(name) in value if isinstance(value, list) else known.get(name) == value
        for name, value in where.items()
    )
