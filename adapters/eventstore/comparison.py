"""Two generations of a read model, compared row by row."""

from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from adapters.eventstore.tables import Generation

DIFFERENCES_MAX = 20


class Difference(msgspec.Struct, frozen=True):
    """A key under which the two do not have the same row; the rows are JSON, None where there is none."""

    table: str
    key: str
    live: str | None
    rebuilt: str | None


def differences(cursor: Cursor[Any], live: Generation, rebuilt: Generation) -> tuple[Difference, ...]:
    """What the two do not agree on, the first 20 of it by key; both must stand at one position."""
    found: list[Difference] = []
    for row, table in live.tables.items():
        key = Identifier(row.__struct_fields__[0])
        statement = SQL(
            "SELECT {key}::text, CASE WHEN live.{key} IS NOT NULL THEN to_json(live)::text END,"
            " CASE WHEN rebuilt.{key} IS NOT NULL THEN to_json(rebuilt)::text END"
            " FROM {live} AS live FULL JOIN {rebuilt} AS rebuilt USING ({key})"
            " WHERE live::text IS DISTINCT FROM rebuilt::text ORDER BY 1 LIMIT %s"
        ).format(key=key, live=table.name, rebuilt=rebuilt.tables[row].name)
        rows = cursor.execute(statement, (DIFFERENCES_MAX - len(found),)).fetchall()
        found += [Difference(table.label, *each) for each in rows]
    return tuple(found)
