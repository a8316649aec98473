"""The generations of the read models: made where they are missing, rebuilt beside the live one, compared, swapped."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from adapters.eventstore import generations
from adapters.eventstore.comparison import Difference, differences
from adapters.eventstore.filling import ROWS_IN_MEMORY_MAX, Filling
from adapters.eventstore.following import BATCH_MAX, ROW_REFUSED, ROWS_KEPT, Follower, Progress, no_progress
from adapters.eventstore.mapper import FactMapper, FactUnreadable
from adapters.eventstore.swapping import Dropped, drop, drop_kept, swap
from adapters.eventstore.tables import Generation
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.projections.projection import Projection, StepFailed


class RebuildUnderWay(Exception):
    """One rebuild of a read model at a time."""


class ReadModelPoisoned(Exception):
    """A fact that no step can take: nothing was swapped, and what was live still is."""


class NoKeptGeneration(Exception):
    """There is no older generation to go back to."""


class Rebuilt(msgspec.Struct, frozen=True):
    """What is live now: the number of the generation, and how many facts it follows from."""

    name: str
    facts: int
    seconds: float
    generation: int


class Verified(msgspec.Struct, frozen=True):
    """Whether what is live is what the ledger says, up to its position; at most 20 differences are named."""

    name: str
    position: int
    seconds: float
    differences: tuple[Difference, ...]


class ReadModels:
    """All projections on one database; every method opens connections of its own and may be called from any thread."""

    def __init__(
        self,
        dsn: str,
        projections: Mapping[str, Projection],
        mapper: FactMapper,
        *,
        rows_in_memory: int = ROWS_IN_MEMORY_MAX,
    ) -> None:
        self._dsn = dsn
        self._rows_in_memory = rows_in_memory
        self.projections = projections
        self.follower = Follower(projections, mapper)
        self.live_follower = Follower(projections, mapper, rows_kept=ROWS_KEPT)
        """For the one thread that follows all the time."""

    def prepare(self) -> list[str]:
        """Make what has no live generation, and rebuild what has one of an older version; their names.

        Waits for a rebuild under way only where what comes of it is needed.

        Raises:
            ReadModelMoved, ReadModelPoisoned.
        """
        return [projection.name for projection in self.projections.values() if self._make_ready(projection)]

    def _make_ready(self, projection: Projection) -> bool:
        with self._connected() as connection:
            if _is_ready(connection.cursor(), projection):
                return False
        with self._exclusive(projection, wait=True) as connection:
            if _is_ready(connection.cursor(), projection):
                return False
            self._rebuild(connection, projection, no_progress)
            return True

    def rebuild(self, name: str, *, on_progress: Progress = no_progress) -> Rebuilt:
        """Build a new generation beside the live one, bring it to the ledger's head, and swap.

        What was live is kept, and kept in step, to roll back to; what was kept before is dropped.

        Raises:
            RebuildUnderWay, ReadModelMoved, ReadModelPoisoned.
        """
        projection = self.projections[name]
        with self._exclusive(projection, wait=False) as connection:
            generations.refuse_newer(generations.live_generation(connection.cursor(), projection), projection)
            return self._rebuild(connection, projection, on_progress)

    def verify(self, name: str, *, on_progress: Progress = no_progress) -> Verified:
        """Build it anew up to where the live one is, and compare them; neither appends nor the engine are held up.

        Raises:
            RebuildUnderWay, ReadModelMoved, ReadModelPoisoned.
        """
        projection, started = self.projections[name], time.monotonic()
        with self._exclusive(projection, wait=False) as connection:
            live = generations.live_generation(connection.cursor(), projection)
            generations.refuse_newer(live, projection)
            generation = self._begin(connection, projection)
            try:
                stop = generations.head(connection.cursor()) if projection.inline or not live else live.position
                reached = self._fill(connection, generation, stop, on_progress)
                position, found = self._compare(connection, generation, reached)
            finally:
                drop(connection, generation)
        return Verified(name, position, time.monotonic() - started, found)

    def rollback(self, name: str) -> Rebuilt:
        """Bring the kept generation to the head and swap back to it; the one that was live is kept.

        Raises:
            NoKeptGeneration, RebuildUnderWay, ReadModelMoved: the steps of this program did not make it.
        """
        projection, started = self.projections[name], time.monotonic()
        with self._exclusive(projection, wait=False) as connection:
            kept = [each for each in generations.known(connection.cursor(), projection) if each.state == "kept"]
            if not kept:
                raise NoKeptGeneration(f"There is no older generation of {name} to go back to.")
            generations.refuse_other_version(projection, kept[0].version)
            generation = Generation(projection, kept[0].number)
            facts = swap(connection, self.follower, generation)
            return Rebuilt(name, facts, time.monotonic() - started, generation.number)

    def drop_kept(self, name: str, *, older_than: timedelta = timedelta(0)) -> Dropped:
        """Drop the kept generations that nobody reads right now. Raises RebuildUnderWay."""
        projection = self.projections[name]
        with self._exclusive(projection, wait=False) as connection:
            return drop_kept(connection, projection, older_than=older_than)

    def advance(self, connection: Connection[TupleRow], projection: Projection, *, limit: int = BATCH_MAX) -> int:
        """As `Follower.advance` does."""
        return self.live_follower.advance(connection, projection, limit=limit)

    def _rebuild(self, connection: Connection[TupleRow], projection: Projection, on_progress: Progress) -> Rebuilt:
        started = time.monotonic()
        generation = self._begin(connection, projection)
        try:
            self._fill(connection, generation, generations.head(connection.cursor()), on_progress)
            position = swap(connection, self.follower, generation)
        except BaseException:
            drop(connection, generation)
            raise
        drop_kept(connection, projection, spare=1)
        return Rebuilt(projection.name, position, time.monotonic() - started, generation.number)

    def _begin(self, connection: Connection[TupleRow], projection: Projection) -> Generation:
        """Left-overs of a rebuild that was killed are cleared away first; the lock says that nobody is at it."""
        cursor = connection.cursor()
        for leftover in generations.abandoned(cursor, projection):
            drop(connection, leftover)
        return generations.begin(cursor, projection)

    def _fill(self, connection: Connection[TupleRow], generation: Generation, stop: int, on_progress: Progress) -> int:
        pages = self.follower.pages[generation.projection.name]
        # It may still be reading the next page: it is closed, and nothing more is asked of it.
        with closing(self._connected()) as reader:
            at = Filling(generation, reader, connection, self._rows_in_memory).run(pages, stop, on_progress)
        return self.follower.catch_up(connection, generation, at, stop, on_progress)

    def _compare(
        self, connection: Connection[TupleRow], generation: Generation, reached: int
    ) -> tuple[int, tuple[Difference, ...]]:
        """With the live one, as it stands in a snapshot."""
        projection, cursor = generation.projection, connection.cursor()
        with connection.transaction():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if (live := generations.live_generation(cursor, projection)) is None:
                return reached, ()
            # One that is written inline and is behind the ledger lacks something, and that is a difference.
            position = generations.head(cursor) if projection.inline else live.position
            if position > reached:
                self.follower.bring_all(cursor, generation, reached, position)
            return position, differences(cursor, Generation(projection, live.number), generation)

    def _connected(self) -> Connection[TupleRow]:
        arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
        return psycopg.connect(self._dsn, **arguments)

    @contextmanager
    def _exclusive(self, projection: Projection, *, wait: bool) -> Iterator[Connection[TupleRow]]:
        """A connection of which there is one for a projection, over all processes.

        Raises RebuildUnderWay, and ReadModelPoisoned in place of what a fact, a step or a row comes to inside.
        """
        with self._connected() as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            if wait:
                connection.execute("SET lock_timeout = 0")
                connection.execute("SELECT pg_advisory_lock(hashtext('rebuild'), hashtext(%s))", (projection.name,))
            elif not _try_lock(connection, "rebuild", projection.name):
                raise RebuildUnderWay(f"{projection.name} is being rebuilt or verified already.")
            try:
                yield connection
            except (StepFailed, FactUnreadable, *ROW_REFUSED) as failed:
                raise ReadModelPoisoned(f"{projection.name} cannot take {failed}") from failed
            finally:
                # The server notices only some time later that a connection was closed; whoever comes next may come now.
                with suppress(psycopg.Error):
                    connection.execute(
                        "SELECT pg_advisory_unlock(hashtext('rebuild'), hashtext(%s))", (projection.name,)
                    )


def _is_ready(cursor: Cursor[TupleRow], projection: Projection) -> bool:
    """There is a live generation of this program's version. Raises ReadModelMoved: it is a newer one's."""
    live = generations.live_generation(cursor, projection)
    generations.refuse_newer(live, projection)
    return live is not None and live.version == projection.version


def _try_lock(connection: Connection[TupleRow], kind: str, name: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))", (kind, name)).fetchone()
    return bool(row and row[0])
