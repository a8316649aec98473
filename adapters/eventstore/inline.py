"""The read models that are written inside the append itself, and so are never behind the ledger."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from psycopg import Cursor

from adapters.eventstore.generations import refuse_other_version
from adapters.eventstore.tables import Generation
from application.projections.projection import Projection
from domain.shared.fact import Fact


class InlineGeneration(msgspec.Struct, frozen=True, array_like=True):
    """A row of `ledger.read_models` as an append finds it: one that is written inline and is not being built."""

    name: str
    number: int
    version: int
    state: Literal["live", "kept"]


class InlineReadModels:
    """Runs inline projections with the same engine as all others, on the cursor of the append."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self.projections = {projection.name: projection for projection in projections}

    def follow(self, cursor: Cursor[Any], found: Sequence[InlineGeneration], facts: Sequence[Fact]) -> None:
        """Bring what this program writes from the ledger's head to these facts; the ledger's lock is held.

        Raises ReadModelMoved: a newer release has built a live one, and knows what this program does not.
        """
        for generation in self._written_here(found):
            generation.apply(cursor, facts)

    def _written_here(self, found: Sequence[InlineGeneration]) -> list[Generation]:
        generations: list[Generation] = []
        for each in found:
            if (projection := self.projections.get(each.name)) is None:
                continue
            if each.state == "live":
                refuse_other_version(projection, each.version)
            # A kept one of other steps is fed by nobody: it is gone back to by rebuilding.
            if each.version == projection.version:
                generations.append(Generation(projection, each.number))
        return generations
