"""Two generations of a read model, compared row by row."""

from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from adapters.eventstore.tables import Generation

DIFFERENCES_MAX = 20


class Difference(msgspec.Struct, frozen=True):
    """A row that only one of the two has; `only_in` is `live` or `rebuilt`, `row` is its JSON."""

    table: str
    only_in: str
    row: str


def differences(cursor: Cursor[Any], live: Generation, rebuilt: Generation) -> tuple[Difference, ...]:
    """What the two do not agree on, the first 20 of it; both must stand at one position."""
    found: list[Difference] = []
    for table in live.projection.tables:
        here, there = Identifier(live.schema, table), Identifier(rebuilt.schema, table)
        for side, one, other in (("live", here, there), ("rebuilt", there, here)):
            statement = SQL("SELECT to_json(t)::text FROM (SELECT * FROM {} EXCEPT SELECT * FROM {}) t LIMIT %s")
            rows = cursor.execute(statement.format(one, other), (DIFFERENCES_MAX - len(found),)).fetchall()
            found += [Difference(table, side, row[0]) for row in rows]
    return tuple(found)
