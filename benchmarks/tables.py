"""The catalogue's own table: which it is, how it is emptied, and whether another holds the same rows."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from application.projections.catalogue import catalogue

LIVE = "SELECT generation FROM ledger.read_models WHERE name = %s AND state = 'live'"
FORGET = "UPDATE ledger.read_models SET position = 0 WHERE name = %s AND state = 'live'"

# As jsonb, for which neither the order of keys nor spaces count.
DIFFERENT = SQL("""
    SELECT to_jsonb(one), to_jsonb(other) FROM {} AS one FULL JOIN {} AS other USING (video_id)
    WHERE to_jsonb(one) IS DISTINCT FROM to_jsonb(other) LIMIT 3
""")


@dataclass(frozen=True)
class LiveTable:
    """The videos of the catalogue's live generation."""

    name: Identifier

    @classmethod
    def of(cls, connection: psycopg.Connection[TupleRow]) -> "LiveTable":
        row = connection.execute(LIVE, (catalogue.name,)).fetchone()
        assert row is not None, "the read models have been prepared"
        return cls(Identifier(f"{catalogue.name}_{row[0]}", "videos"))

    def forget(self, connection: psycopg.Connection[TupleRow]) -> None:
        """As if nothing had been projected yet."""
        with connection.transaction():
            connection.execute(SQL("TRUNCATE {}").format(self.name))
            connection.execute(FORGET, (catalogue.name,))

    def rows(self, connection: psycopg.Connection[TupleRow]) -> int:
        found = connection.execute(SQL("SELECT count(*) FROM {}").format(self.name)).fetchone()
        assert found is not None, "an aggregate always gives one row"
        return int(found[0])

    def check_same(self, connection: psycopg.Connection[TupleRow], other: Identifier) -> None:
        """Every row of either is in both."""
        different = connection.execute(DIFFERENT.format(self.name, other)).fetchall()
        assert not different, f"these rows are not the same: {different}"
