"""The shelf of books in PostgreSQL: its facts on the ledger, its rows as they are stored and as they should be."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
from psycopg.sql import SQL, Identifier

from adapters.eventstore.tables import Generation
from application.projections.projection import Row, fold_alone, key_of
from domain.shared.fact import Fact
from tests.shelf import shelf


def record(connection: psycopg.Connection, facts: Sequence[Fact]) -> None:
    rows = [(uuid4(), 1, fact.tag(), msgspec.json.encode(fact), fact.position, fact.recorded_at) for fact in facts]
    connection.cursor().executemany(
        "INSERT INTO ledger.events (originator_id, originator_version, topic, state, notification_id, recorded_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        rows,
    )


def stored(connection: psycopg.Connection, generation: Generation) -> dict[type[Row], dict[Any, Row]]:
    found: dict[type[Row], dict[Any, Row]] = {}
    for row, table in generation.tables.items():
        columns = SQL(", ").join(map(Identifier, row.__struct_fields__))
        statement = SQL("SELECT json_build_array({})::text FROM {}").format(columns, table.name)
        rows = [msgspec.json.decode(text, type=row) for (text,) in connection.execute(statement)]
        found[row] = {key_of(each): each for each in rows}
        assert len(found[row]) == len(rows)
    return found


def expected(facts: Sequence[Fact]) -> dict[type[Row], dict[Any, Row]]:
    """One fact after the other in memory; `tests/application/projections/test_batches.py` says that this is right."""
    folded = fold_alone(shelf(), facts)
    return {
        row: {key: left for key, left in rows.items() if left is not None}
        | {key_of(new): new for new in folded.new[row]}
        for row, rows in folded.by_key.items()
    }
