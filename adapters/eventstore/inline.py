"""The read models that are written inside the append itself, and so are never behind the ledger."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from psycopg import Connection

from adapters.eventstore.generations import refuse_other_version
from adapters.eventstore.tables import Asked, Generation
from application.projections.projection import Projection
from domain.shared.fact import Fact


class InlineGeneration(msgspec.Struct, frozen=True, array_like=True):
    """A row of `ledger.read_models` as an append finds it: one that is written inline and is not being built."""

    name: str
    number: int
    version: int
    state: Literal["live", "kept"]


Ahead = Mapping[InlineGeneration, Asked]
"""What has been asked for before it is known which generations there are now."""


class InlineReadModels:
    """Runs inline projections with the same engine as all others, on the cursor of the append."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self.projections = {projection.name: projection for projection in projections}
        self._known: Sequence[InlineGeneration] = ()

    def ask(self, connection: Connection[Any], facts: Sequence[Fact]) -> Ahead:
        """For the rows of the generations that the last append found, in the round trip that finds them this time."""
        return {each: self._of(each).ask(connection, facts) for each in self._known}

    def forget(self) -> bool:
        """That what was asked for ahead failed: its tables may have been dropped. False where nothing had been."""
        known, self._known = self._known, ()
        return bool(known)

    def written_here(self, found: Sequence[InlineGeneration]) -> list[InlineGeneration]:
        """Those of the generations that this program brings to the head.

        Raises ReadModelMoved: a newer release has built a live one, and knows what this program does not.
        """
        written: list[InlineGeneration] = []
        for each in found:
            if (projection := self.projections.get(each.name)) is None:
                continue
            if each.state == "live":
                refuse_other_version(projection, each.version)
            # A kept one of other steps is fed by nobody: it is gone back to by way of a program that knows them.
            if each.version == projection.version:
                written.append(each)
        return written

    def follow(
        self, connection: Connection[Any], written: Sequence[InlineGeneration], facts: Sequence[Fact], ahead: Ahead
    ) -> None:
        """Bring the generations from the ledger's head to these facts; the ledger's lock is held."""
        self._known = written
        for each in written:
            generation = self._of(each)
            asked = ahead[each] if each in ahead else generation.ask(connection, facts)
            generation.apply(connection.cursor(), facts, asked)

    def _of(self, each: InlineGeneration) -> Generation:
        return Generation(self.projections[each.name], each.number)
