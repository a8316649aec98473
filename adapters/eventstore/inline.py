"""The read models that are written inside the append itself, and so are never behind the ledger."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from adapters.eventstore.generations import refuse_other_version
from adapters.eventstore.tables import Generation
from application.projections.projection import Projection
from domain.shared.fact import Fact


class InlineReadModels:
    """Runs inline projections with the same engine as all others, on the cursor of the append."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self.projections = {projection.name: projection for projection in projections}

    def follow(self, cursor: Cursor[Any], facts: Sequence[Fact], position: int) -> None:
        """Bring each generation that is live, or kept and of its version, to the head; the ledger's lock is held.

        Raises ReadModelMoved: a newer release has built one of them, and knows what this one does not.
        """
        known = cursor.execute(
            "SELECT name, generation, version, state FROM ledger.read_models"
            " WHERE state <> 'building' AND name = ANY(%s)",
            (list(self.projections),),
            prepare=True,
        ).fetchall()
        for row in known:
            if row["state"] == "live":
                refuse_other_version(self.projections[row["name"]], row["version"])
        for row in known:
            if row["version"] != self.projections[row["name"]].version:
                continue
            Generation(self.projections[row["name"]], row["generation"]).apply(cursor, facts)
