"""Brings generations forward: batches of facts, their rows and the position in one transaction."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from adapters.eventstore import generations
from adapters.eventstore.generations import Fed
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.pages import PAGE_POSITIONS, Pages
from adapters.eventstore.tables import Generation
from application.projections.projection import Batch, Projection, Row

TROUBLE_MAX = 2_000
BATCH_MAX = 100_000
"""Positions to a batch: what is waiting, and never more. Whoever catches up takes this many, whoever is level one."""
BATCH_BYTES_MAX = 32_000_000
"""A batch ends with the page that goes beyond."""


ROWS_KEPT = 20_000
"""Of each kind, by the live engine: some 20 MB."""

ROW_REFUSED = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.CardinalityViolation,
)
"""What PostgreSQL says of a row that it cannot take, however often it is tried."""

Progress = Callable[[int, int], None]
"""Called with the position reached and the position to reach."""


def no_progress(_: int, __: int) -> None:
    """Nobody looks."""


class Known:
    """Rows as they are at a position: they follow from the ledger, so that there they are the same whoever asks."""

    def __init__(self, position: int, rows: dict[type[Row], dict[Any, Row]]) -> None:
        self.position = position
        self.rows = rows

    def learn(self, batch: Batch, position: int, *, most: int) -> None:
        """What a batch has made of them; the `most` of each kind that were touched last stay."""
        self.position = position
        for row, touched in batch.by_key.items():
            rows = self.rows[row]
            for key, left in touched.items():
                rows.pop(key, None)
                if left is not None:
                    rows[key] = left
            for key in list(islice(rows, max(0, len(rows) - most))):
                del rows[key]


class Follower:
    """Runs the steps of all projections over the ledger; any batches give the same rows.

    With `rows_kept` it remembers so many rows of each kind from batch to batch, which need not be read then: for one
    that follows all the time, in one thread.
    """

    def __init__(self, projections: Mapping[str, Projection], mapper: FactMapper, *, rows_kept: int = 0) -> None:
        self._rows_kept = rows_kept
        self._known: dict[str, Known] = {}
        self.pages = {name: Pages(projection, mapper) for name, projection in projections.items()}

    def fed(self, cursor: Cursor[Any], projection: Projection) -> list[Fed]:
        """The live generation, and the kept ones that the same steps have made. Raises ReadModelMoved."""
        known = generations.known(cursor, projection)
        if known and known[0].state == "live":
            generations.refuse_other_version(projection, known[0].version)
        return [each for each in known if each.version == projection.version]

    def advance(self, connection: Connection[TupleRow], projection: Projection, *, limit: int = BATCH_MAX) -> int:
        """One batch for every generation that is fed; how many facts the live one came forward.

        Raises:
            ReadModelMoved, PositionMoved, StepFailed, FactUnreadable, psycopg.Error.
        """
        forward = [
            self.advance_one(connection, Generation(projection, each.number), each.position, limit=limit)
            - each.position
            for each in self.fed(connection.cursor(), projection)
        ]
        return forward[0] if forward else 0

    def advance_one(self, connection: Connection[TupleRow], generation: Generation, at: int, *, limit: int) -> int:
        """One batch of at most so many positions, up to the head; the position reached."""
        with connection.transaction():
            cursor = connection.cursor()
            upto = min(at + limit, generations.head(cursor))
            if upto <= at:
                return at
            return self.bring(cursor, generation, at, upto)

    def catch_up(
        self,
        connection: Connection[TupleRow],
        generation: Generation,
        at: int,
        stop: int,
        on_progress: Progress = no_progress,
    ) -> int:
        """Batch after batch; the position reached, which is `stop` or more."""
        while at < stop:
            with connection.transaction():
                at = self.bring(connection.cursor(), generation, at, min(at + BATCH_MAX, stop))
            on_progress(at, stop)
        return at

    def bring(self, cursor: Cursor[TupleRow], generation: Generation, at: int, upto: int) -> int:
        """Page by page in the transaction that is under way, every row written once; the position reached.

        That is less than `upto` where the facts are large: then they are for several transactions.
        """
        pages, batch = self.pages[generation.projection.name], Batch(generation.projection)
        known = self._known.pop(generation.schema, None)
        if known is None or known.position != at:
            known = Known(at, {row: {} for row in generation.tables})
        reached, size = at, 0
        while reached < upto and size < BATCH_BYTES_MAX:
            page = pages.read(cursor, reached, min(reached + PAGE_POSITIONS, upto))
            generation.take(cursor, batch, page.facts, known.rows)
            reached, size = page.upto, size + page.size
        generation.write(cursor, batch)
        generations.move(cursor, generation, at, reached)
        if self._rows_kept:
            known.learn(batch, reached, most=self._rows_kept)
            self._known[generation.schema] = known
        return reached

    def bring_all(self, cursor: Cursor[TupleRow], generation: Generation, at: int, upto: int) -> None:
        """In the one transaction that is under way, however large the facts are: for the few that are left."""
        while at < upto:
            at = self.bring(cursor, generation, at, upto)

    def skip(self, connection: Connection[TupleRow], generation: Generation, at: int, trouble: str) -> None:
        """Go past the one fact after the position, which changes nothing, and is what the read model is degraded by.

        Of several the first is told. A rebuild after the mend is the repair.
        """
        with connection.transaction():
            cursor = connection.cursor()
            generations.move(cursor, generation, at, at + 1)
            cursor.execute(
                "UPDATE ledger.read_models SET trouble = coalesce(trouble, %s) WHERE name = %s AND generation = %s",
                (f"fact {at + 1}: {trouble}"[:TROUBLE_MAX], generation.projection.name, generation.number),
            )
