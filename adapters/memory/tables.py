"""The operational tables that an append changes too, in memory."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from application.ports.ledger import Delete, GuardedRow, Insert, InsertOnce, RowMoved, RowTaken, UpdateIf

TableRow = dict[str, Any]

KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "claims": (("kind", "blind_index"),),
    "codes": (("id",),),
    "credentials": (("account_id",),),
    "customer_fences": (("provider", "customer_id"),),
    "customer_objects": (("provider", "reference"),),
    "erased_customers": (("provider", "customer_id"),),
    "inbox": (("id",), ("provider", "event_id")),
    "intents": (("key",),),
    "letters": (("id",),),
    "sessions": (("session_id",),),
}
"""The tables, and which columns of each are unique together."""


class MemoryTables:
    """What a ledger in memory and the ports beside it share."""

    def __init__(self) -> None:
        self._rows: dict[str, list[TableRow]] = {table: [] for table in KEYS}

    def rows(self, table: str, **where: Any) -> list[TableRow]:
        """The rows that are as asked, in the order in which they came; to be changed in place."""
        return [row for row in self._rows[table] if _is_as(row, where)]

    def change(self, rows: Sequence[GuardedRow]) -> None:
        """Every change or none, as an append does. Raises RowTaken, RowMoved."""
        before = {table: [dict(row) for row in known] for table, known in self._rows.items()}
        try:
            for row in rows:
                self._change_one(row)
        except (RowTaken, RowMoved):
            self._rows = before
            raise

    def insert(self, table: str, values: Mapping[str, Any]) -> bool:
        """False, and nothing is changed, where a row is there already under one of the keys."""
        if any(self.rows(table, **{column: values.get(column) for column in key}) for key in KEYS[table]):
            return False
        self._rows[table].append(dict(values))
        return True

    def _change_one(self, row: GuardedRow) -> None:
        match row:
            case Insert():
                if not self.insert(row.table, row.values):
                    raise RowTaken(row.table)
            case InsertOnce():
                self.insert(row.table, row.values)
            case UpdateIf():
                found = self.rows(row.table, **row.where)
                if row.required and not found:
                    raise RowMoved(row.table)
                for known in found:
                    known.update(row.values)
            case Delete():
                gone = self.rows(row.table, **row.where)
                self._rows[row.table] = [known for known in self._rows[row.table] if known not in gone]
            case _:
                assert_never(row)


def _is_as(row: TableRow, where: Mapping[str, Any]) -> bool:
    """A list means any of its values."""
    return all(
        row.get(column) in wanted if isinstance(wanted, list) else row.get(column) == wanted
        for column, wanted in where.items()
    )
