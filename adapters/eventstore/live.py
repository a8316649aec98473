"""The live engine: follows the ledger and keeps the read models in step, one holder to each over all processes."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from adapters.eventstore.following import BATCH_MAX, ROW_REFUSED, TROUBLE_MAX, Follower
from adapters.eventstore.generations import Fed, PositionMoved
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.tables import Generation
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.errors import ReadModelMoved
from application.projections.projection import Projection

log = logging.getLogger(__name__)

LEDGER_CHANNEL = "events"
POLL_SECONDS = 1.0
RECONNECT_SECONDS = 0.5
TURN_SECONDS = 0.05
"""After so long a generation that has more before it leaves the turn to the next, however small its batches were."""


class LiveEngine:
    """Runs in a thread of its own: woken by the ledger's NOTIFY, with polling behind it."""

    def __init__(self, dsn: str, read_models: ReadModels) -> None:
        self._dsn = dsn
        self._following = [each for each in read_models.projections.values() if not each.inline]
        self._stop = threading.Event()
        self._follower = read_models.live_follower
        self._batches = Batches(self._follower, self._stop)
        self._thread = threading.Thread(target=self._run, name="read-models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Within a poll and a batch."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._dsn, **arguments) as connection:
                    self._follow(connection)
            except psycopg.Error as lost:
                log.warning("the read models' connection was lost", extra={"error": str(lost)})
                self._stop.wait(RECONNECT_SECONDS)
            except Exception:
                log.exception("the live engine begins anew")
                self._stop.wait(RECONNECT_SECONDS)

    def _follow(self, connection: Connection[TupleRow]) -> None:
        # What is lost of a read model when the server is killed is lost with its position, and folded again.
        connection.execute("SET synchronous_commit = off")
        connection.execute(f"LISTEN {LEDGER_CHANNEL}")
        held: set[str] = set()
        while not self._stop.is_set():
            behind = self._take_turns(connection, held)
            # All that has come meanwhile is taken at once: for what was done already there is no turn to be had.
            for _ in connection.notifies(timeout=0 if behind else POLL_SECONDS, stop_after=1):
                pass

    def _take_turns(self, connection: Connection[TupleRow], held: set[str]) -> bool:
        """One turn to each generation, the live ones before the kept; whether one of them has more before it."""
        turns = [
            (Generation(projection, each.number), each)
            for projection in self._following
            if projection.name in held or self._hold(connection, projection, held)
            for each in self._fed(connection, projection)
        ]
        turns.sort(key=lambda turn: turn[1].state == "kept")
        behind = [self._advance(connection, generation, each.position) for generation, each in turns]
        return any(behind)

    def _hold(self, connection: Connection[TupleRow], projection: Projection, held: set[str]) -> bool:
        """One holder: the others wait until its connection is gone."""
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtext('live'), hashtext(%s))", (projection.name,)
        ).fetchone()
        if row and row[0]:
            held.add(projection.name)
        return projection.name in held

    def _fed(self, connection: Connection[TupleRow], projection: Projection) -> Sequence[Fed]:
        try:
            return self._follower.fed(connection.cursor(), projection)
        except ReadModelMoved as moved:
            log.warning("a read model is left to a newer release", extra={"error": str(moved)})
            self._leave(connection, projection)
            return ()

    def _advance(self, connection: Connection[TupleRow], generation: Generation, at: int) -> bool:
        """Whether it has more before it. One that cannot go on is tried again later, and keeps no other from it."""
        try:
            return self._batches.turn(connection, generation, at)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as gone:
            log.info("a generation is not there any more", extra={"schema": generation.schema, "error": str(gone)})
        except psycopg.ProgrammingError:
            log.exception("a read model cannot go on", extra={"schema": generation.schema})
        except psycopg.OperationalError as hindered:
            if connection.closed:
                raise
            log.warning("a batch could not be written", extra={"schema": generation.schema, "error": str(hindered)})
        return False

    def _leave(self, connection: Connection[TupleRow], projection: Projection) -> None:
        """For as long as this process lives: a newer one holds it from now on."""
        self._following = [each for each in self._following if each is not projection]
        connection.execute("SELECT pg_advisory_unlock(hashtext('live'), hashtext(%s))", (projection.name,))


class Batches:
    """Batch after batch, as large as what is waiting; where one fails a smaller one is tried, down to the fact."""

    def __init__(self, follower: Follower, stop: threading.Event) -> None:
        self._follower = follower
        self._stop = stop
        self._limits: dict[str, int] = {}
        self._among_poison: set[str] = set()
        """The schemas of those whose batches have not become whole again since a fact was passed over."""

    def turn(self, connection: Connection[TupleRow], generation: Generation, at: int) -> bool:
        """A batch, and as many more as are begun in TURN_SECONDS; whether there may be more. Raises psycopg.Error."""
        until = time.monotonic() + TURN_SECONDS
        while not self._stop.is_set():
            limit = self._limits.get(generation.schema, BATCH_MAX)
            try:
                upto = self._advance(connection, generation, at, limit)
            except PositionMoved:
                return False
            if upto is None:
                return False
            if time.monotonic() > until:
                return True
            at = upto
        return False

    def _advance(self, connection: Connection[TupleRow], generation: Generation, at: int, limit: int) -> int | None:
        """The position to go on from; None where there is nothing more. Raises PositionMoved, psycopg.Error."""
        try:
            upto = self._follower.advance_one(connection, generation, at, limit=limit)
        except PositionMoved:
            raise
        except Exception as trouble:
            self._limits[generation.schema] = max(1, limit // 2)
            if isinstance(trouble, psycopg.Error) and not isinstance(trouble, ROW_REFUSED):
                raise
            if limit > 1:
                return at
            self._follower.skip(connection, generation, at, repr(trouble))
            self._tell(generation, at + 1, trouble)
            return at + 1
        if upto == at:
            return None
        self._grow(generation, limit * 2)
        return upto

    def _tell(self, generation: Generation, position: int, trouble: Exception) -> None:
        """A line to a fact, and a traceback to a run of them."""
        log.error(
            "a read model cannot take a fact",
            extra={"schema": generation.schema, "position": position, "error": repr(trouble)[:TROUBLE_MAX]},
            exc_info=None if generation.schema in self._among_poison else trouble,
        )
        self._among_poison.add(generation.schema)

    def _grow(self, generation: Generation, limit: int) -> None:
        self._limits[generation.schema] = min(limit, BATCH_MAX)
        if limit >= BATCH_MAX:
            self._among_poison.discard(generation.schema)
