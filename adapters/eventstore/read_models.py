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
from adapters.eventstore.generations import Status, head, live_generation, move, position_of, statuses
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
        """Make what has no live generation, and rebuild what has one of another version; their names."""
        made = []
        for projection in self.projections.values():
            with self._exclusive(projection, wait=True) as connection:
                live = live_generation(connection.cursor(), projection)
                if live is None or live.version != projection.version:
                    self._rebuild(connection, projection, lambda _, __: None, compare=False)
                    made.append(projection.name)
        return made

    def statuses(self) -> list[Status]:
        """Every live read model, by name."""
        arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
        with psycopg.connect(self._dsn, **arguments) as connection:
            return statuses(connection.cursor())

    def rebuild(self, name: str, *, on_progress: Progress = lambda _, __: None, keep: bool = True) -> Rebuilt:
        """Build a new generation from the whole ledger beside the live one, compare them at one position, and swap.

        With `keep=False` nothing is swapped: that is how a read model is verified.
        """
        projection = self.projections[name]
        with self._exclusive(projection, wait=False) as connection:
            return self._rebuild(connection, projection, on_progress, compare=True, keep=keep)

    def advance(self, connection: Connection[TupleRow], projection: Projection, *, limit: int = PAGE_SIZE) -> int:
        """One batch of the live engine, its position in the same transaction; how many facts it came forward."""
        with connection.transaction():
            cursor = connection.cursor()
            live = live_generation(cursor, projection)
            if live is None or live.trouble is not None:
                return 0
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
        keep: bool = True,
    ) -> Rebuilt:
        started = time.monotonic()
        generation = self._new_generation(connection, projection)
        try:
            self._catch_up(connection, generation, on_progress)
            found, position, old = self._finish(connection, generation, compare=compare, keep=keep)
        except BaseException:
            self._discard(connection, generation)
            raise
        self._discard(connection, old if keep else generation)
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

    def _catch_up(self, connection: Connection[TupleRow], generation: Generation, on_progress: Progress) -> None:
        """To the head as it was at the beginning; what comes meanwhile is few enough for the end, under the lock."""
        cursor = connection.cursor()
        target, position = head(cursor), 0
        while position < target:
            with connection.transaction():
                to, facts = self._page(cursor, generation.projection, position, limit=PAGE_SIZE)
                generation.apply(cursor, facts)
                move(cursor, generation, to)
            position = to
            on_progress(position, target)

    def _finish(
        self, connection: Connection[TupleRow], generation: Generation, *, compare: bool, keep: bool
    ) -> tuple[tuple[Difference, ...], int, Generation | None]:
        """With nobody writing: the last facts, the comparison, the swap. Tried again while readers hold the views."""
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            try:
                with connection.transaction():
                    return self._finish_once(connection.cursor(), generation, compare=compare, keep=keep)
            except psycopg.errors.LockNotAvailable:
                if attempt == SWAP_ATTEMPTS:
                    raise
                time.sleep(0.05 * attempt)
        raise AssertionError("the last attempt raises")

    def _finish_once(
        self, cursor: Cursor[TupleRow], generation: Generation, *, compare: bool, keep: bool
    ) -> tuple[tuple[Difference, ...], int, Generation | None]:
        projection = generation.projection
        if projection.inline:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
        cursor.execute("SET LOCAL lock_timeout = '300ms'")
        live = live_generation(cursor, projection)
        target = live.position if live and not projection.inline else head(cursor)
        position = self._exactly_to(cursor, generation, target)
        old = Generation(projection, live.generation) if live else None
        found = differences(cursor, old, generation) if compare and old else ()
        if keep:
            self._swap(cursor, generation)
        return found, position, old

    def _exactly_to(self, cursor: Cursor[TupleRow], generation: Generation, target: int) -> int:
        """Both sides must stand at one position to be compared."""
        projection = generation.projection
        position = position_of(cursor, generation)
        while position < target:
            to, facts = self._page(cursor, projection, position, limit=min(PAGE_SIZE, target - position))
            generation.apply(cursor, facts)
            move(cursor, generation, to)
            position = to
        return position

    def _swap(self, cursor: Cursor[TupleRow], generation: Generation) -> None:
        name = generation.projection.name
        cursor.execute("UPDATE ledger.read_models SET live = false WHERE name = %s AND live", (name,))
        cursor.execute(
            "UPDATE ledger.read_models SET live = true WHERE name = %s AND generation = %s", (name, generation.number)
        )
        generation.show(cursor)
        cursor.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(CHANNEL)))

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
        ).fetchall()
        facts = [self._mapper.decode(topic, bytes(state)) for _, topic, state in rows if state is not None]
        return rows[-1][0] if rows else position, facts

    @contextmanager
    def _exclusive(self, projection: Projection, *, wait: bool) -> Iterator[Connection[TupleRow]]:
        """A connection of which there is one for a projection, over all processes. Raises RebuildUnderWay."""
        arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
        with psycopg.connect(self._dsn, **arguments) as connection:
            connection.execute("SET statement_timeout = 0")
            if wait:
                connection.execute("SET lock_timeout = 0")
                connection.execute("SELECT pg_advisory_lock(hashtext('rebuild'), hashtext(%s))", (projection.name,))
            elif not _try_lock(connection, "rebuild", projection.name):
                raise RebuildUnderWay(f"{projection.name} is being rebuilt already.")
            yield connection


def _try_lock(connection: Connection[TupleRow], kind: str, name: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))", (kind, name)).fetchone()
    return bool(row and row[0])
