"""The generations of the read models: made where they are missing, rebuilt beside the live one, compared, swapped."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from adapters.eventstore.comparison import Difference, differences
from adapters.eventstore.generations import (
    Status,
    head,
    live_generation,
    move,
    position_of,
    refuse_newer,
    refuse_other_version,
    statuses,
)
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.recorder import LEDGER_LOCK
from adapters.eventstore.tables import Generation
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.projections.projection import Projection
from domain.shared.fact import Fact

log = logging.getLogger(__name__)

CHANNEL = "read_models"
PAGE_SIZE = 2_000
SWAP_ATTEMPTS = 20


class RebuildUnderWay(Exception):
    """One rebuild of a read model at a time."""


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild found and did."""

    name: str
    facts: int
    seconds: float
    differences: tuple[Difference, ...]
    """Empty when the rebuild gave the very rows that were live; at most 20 are shown."""
    generation: int


Progress = Callable[[int, int], None]
"""Called with the position reached and the position to reach."""


class ReadModels:
    """All projections on one database; every method opens a connection of its own and may be called from any thread."""

    def __init__(self, dsn: str, projections: Mapping[str, Projection], mapper: FactMapper) -> None:
        self._dsn = dsn
        self.projections = projections
        self._mapper = mapper

    def prepare(self) -> list[str]:
        """Make what has no live generation, and rebuild what has one of an older version; their names.

        Waits for a rebuild under way only where what comes of it is needed. Raises ReadModelMoved.
        """
        return [projection.name for projection in self.projections.values() if self._make_ready(projection)]

    def _make_ready(self, projection: Projection) -> bool:
        with self._connected() as connection:
            if _is_ready(connection.cursor(), projection):
                return False
        with self._exclusive(projection, wait=True) as connection:
            if _is_ready(connection.cursor(), projection):
                return False
            self._rebuild(connection, projection, lambda _, __: None, compare=False, keep=True)
            return True

    def statuses(self) -> list[Status]:
        """Every live read model, by name."""
        with self._connected() as connection:
            return statuses(connection.cursor())

    def rebuild(self, name: str, *, on_progress: Progress = lambda _, __: None, keep: bool = True) -> Rebuilt:
        """Build a new generation beside the live one, compare them at one position, go on to the head, and swap.

        With `keep=False` it is only compared: that is how a read model is verified.

        Raises:
            RebuildUnderWay, ReadModelMoved.
        """
        projection = self.projections[name]
        with self._exclusive(projection, wait=False) as connection:
            refuse_newer(live_generation(connection.cursor(), projection), projection)
            return self._rebuild(connection, projection, on_progress, compare=True, keep=keep)

    def advance(self, connection: Connection[TupleRow], projection: Projection, *, limit: int = PAGE_SIZE) -> int:
        """One batch of the live engine, its position in the same transaction; how many facts it came forward.

        Raises ReadModelMoved.
        """
        with connection.transaction():
            cursor = connection.cursor()
            live = live_generation(cursor, projection, hold=True)
            if live is None or live.trouble is not None:
                return 0
            refuse_other_version(projection, live.version)
            to, facts = self._page(cursor, projection, live.position, limit=limit)
            if to == live.position:
                return 0
            generation = Generation(projection, live.generation)
            generation.apply(cursor, facts)
            move(cursor, generation, to)
            cursor.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(CHANNEL)))
            return to - live.position

    def note_trouble(self, connection: Connection[TupleRow], projection: Projection, trouble: str) -> None:
        """Mark the live generation as degraded: it stays where it is until a rebuild after the mend."""
        connection.execute(
            "UPDATE ledger.read_models SET trouble = %s WHERE name = %s AND live", (trouble[:2000], projection.name)
        )

    def _rebuild(
        self,
        connection: Connection[TupleRow],
        projection: Projection,
        on_progress: Progress,
        *,
        compare: bool,
        keep: bool,
    ) -> Rebuilt:
        started = time.monotonic()
        generation = self._new_generation(connection, projection)
        obsolete: Generation | None = generation
        try:
            found = self._compare(connection, generation, on_progress) if compare else ()
            if keep:
                self._catch_up(connection, generation, head(connection.cursor()), on_progress)
                obsolete = self._swap(connection, generation)
            position = position_of(connection.cursor(), generation)
        except BaseException:
            self._discard(connection, generation)
            raise
        self._discard(connection, obsolete)
        return Rebuilt(projection.name, position, time.monotonic() - started, found, generation.number)

    def _new_generation(self, connection: Connection[TupleRow], projection: Projection) -> Generation:
        """Left-overs of a rebuild that was killed are cleared away first; the lock says that nobody is at it."""
        cursor = connection.cursor()
        abandoned = cursor.execute(
            "SELECT generation FROM ledger.read_models WHERE name = %s AND NOT live", (projection.name,)
        ).fetchall()
        for (number,) in abandoned:
            self._discard(connection, Generation(projection, number))
        with connection.transaction():
            number = cursor.execute(
                "INSERT INTO ledger.read_models (name, generation, version, live, position)"
                " SELECT %s, coalesce(max(generation), 0) + 1, %s, false, 0 FROM ledger.read_models WHERE name = %s"
                " RETURNING generation",
                (projection.name, projection.version, projection.name),
            ).fetchone()
            assert number is not None, "an insert that returns"
            generation = Generation(projection, number[0])
            generation.create(cursor)
        return generation

    def _compare(
        self, connection: Connection[TupleRow], generation: Generation, on_progress: Progress
    ) -> tuple[Difference, ...]:
        """With the live one, as it stands in a snapshot: neither its engine nor appends are held up meanwhile."""
        projection, cursor = generation.projection, connection.cursor()
        if (live := live_generation(cursor, projection)) is None:
            return ()
        self._catch_up(connection, generation, live.position, on_progress)
        with connection.transaction():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if (live := live_generation(cursor, projection)) is None:
                return ()
            # One that is written inline and is behind the ledger lacks something, and that is a difference.
            self._bring(cursor, generation, head(cursor) if projection.inline else live.position)
            return differences(cursor, Generation(projection, live.generation), generation)

    def _catch_up(
        self, connection: Connection[TupleRow], generation: Generation, target: int, on_progress: Progress
    ) -> None:
        """In a transaction to each page; what comes meanwhile is few enough for one."""
        cursor = connection.cursor()
        position = position_of(cursor, generation)
        while position < target:
            with connection.transaction():
                position = self._step(cursor, generation, position, target)
            on_progress(position, target)

    def _bring(self, cursor: Cursor[TupleRow], generation: Generation, target: int) -> None:
        """To the target, if it is not beyond it already."""
        position = position_of(cursor, generation)
        while position < target:
            position = self._step(cursor, generation, position, target)

    def _step(self, cursor: Cursor[TupleRow], generation: Generation, position: int, target: int) -> int:
        """One page towards the target, and never beyond it; the position reached."""
        to, facts = self._page(cursor, generation.projection, position, limit=min(PAGE_SIZE, target - position))
        generation.apply(cursor, facts)
        move(cursor, generation, to)
        return to

    def _swap(self, connection: Connection[TupleRow], generation: Generation) -> Generation | None:
        """Show it, and say which one was shown before. Tried again while readers hold the views."""
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            try:
                with connection.transaction():
                    return self._swap_once(connection.cursor(), generation)
            except psycopg.errors.LockNotAvailable:
                if attempt == SWAP_ATTEMPTS:
                    raise
                time.sleep(0.05 * attempt)
        raise AssertionError("the last attempt raises")

    def _swap_once(self, cursor: Cursor[TupleRow], generation: Generation) -> Generation | None:
        """With nobody writing: what is shown never runs back, and what is written inline is never behind."""
        projection = generation.projection
        if projection.inline:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
        cursor.execute("SET LOCAL lock_timeout = '300ms'")
        live = live_generation(cursor, projection, hold=True)
        self._bring(cursor, generation, live.position if live and not projection.inline else head(cursor))
        cursor.execute("UPDATE ledger.read_models SET live = false WHERE name = %s AND live", (projection.name,))
        cursor.execute(
            "UPDATE ledger.read_models SET live = true WHERE name = %s AND generation = %s",
            (projection.name, generation.number),
        )
        generation.show(cursor)
        cursor.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(CHANNEL)))
        return Generation(projection, live.generation) if live else None

    def _discard(self, connection: Connection[TupleRow], generation: Generation | None) -> None:
        """Drop a generation that is not shown any more; one that a slow reader holds waits for the next time."""
        if generation is None:
            return
        try:
            with connection.transaction():
                cursor = connection.cursor()
                generation.drop(cursor)
                cursor.execute(
                    "DELETE FROM ledger.read_models WHERE name = %s AND generation = %s AND NOT live",
                    (generation.projection.name, generation.number),
                )
        except psycopg.errors.LockNotAvailable:
            log.warning("an old generation is still being read", extra={"schema": generation.schema})

    def _page(
        self, cursor: Cursor[TupleRow], projection: Projection, position: int, *, limit: int
    ) -> tuple[int, list[Fact]]:
        """The next facts that have a step here, and the position that they bring it to."""
        rows = cursor.execute(
            "SELECT notification_id, topic, CASE WHEN topic = ANY(%s) THEN state END FROM ledger.events"
            " WHERE notification_id > %s ORDER BY notification_id LIMIT %s",
            (projection.topics, position, limit),
            prepare=True,
            binary=True,
        ).fetchall()
        facts = [self._mapper.decode(topic, bytes(state)) for _, topic, state in rows if state is not None]
        return rows[-1][0] if rows else position, facts

    def _connected(self) -> Connection[TupleRow]:
        arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
        return psycopg.connect(self._dsn, **arguments)

    @contextmanager
    def _exclusive(self, projection: Projection, *, wait: bool) -> Iterator[Connection[TupleRow]]:
        """A connection of which there is one for a projection, over all processes. Raises RebuildUnderWay."""
        with self._connected() as connection:
            connection.execute("SET statement_timeout = 0")
            if wait:
                connection.execute("SET lock_timeout = 0")
                connection.execute("SELECT pg_advisory_lock(hashtext('rebuild'), hashtext(%s))", (projection.name,))
            elif not _try_lock(connection, "rebuild", projection.name):
                raise RebuildUnderWay(f"{projection.name} is being rebuilt already.")
            yield connection


def _is_ready(cursor: Cursor[TupleRow], projection: Projection) -> bool:
    """There is a live generation of this program's version. Raises ReadModelMoved: it is a newer one's."""
    live = live_generation(cursor, projection)
    refuse_newer(live, projection)
    return live is not None and live.version == projection.version


def _try_lock(connection: Connection[TupleRow], kind: str, name: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))", (kind, name)).fetchone()
    return bool(row and row[0])
