"""The live engine: follows the ledger and keeps the read models in step, one holder to each over all processes."""

import logging
import threading
import time
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from adapters.eventstore.read_models import PAGE_SIZE, ReadModels
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.errors import ReadModelMoved
from application.projections.projection import Projection

log = logging.getLogger(__name__)

LEDGER_CHANNEL = "events"
POLL_SECONDS = 1.0
RECONNECT_SECONDS = 0.5


class LiveEngine:
    """Runs in a thread of its own: woken by the ledger's NOTIFY, with polling behind it."""

    def __init__(self, dsn: str, read_models: ReadModels) -> None:
        self._dsn = dsn
        self._read_models = read_models
        self._following = [each for each in read_models.projections.values() if not each.inline]
        self._stop = threading.Event()
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
                time.sleep(RECONNECT_SECONDS)

    def _follow(self, connection: Connection[TupleRow]) -> None:
        connection.execute(f"LISTEN {LEDGER_CHANNEL}")
        held: set[str] = set()
        while not self._stop.is_set():
            for projection in self._following:
                if projection.name in held or self._hold(connection, projection, held):
                    self._catch_up(connection, projection)
            next(connection.notifies(timeout=POLL_SECONDS, stop_after=1), None)

    def _hold(self, connection: Connection[TupleRow], projection: Projection, held: set[str]) -> bool:
        """One holder: the others wait until its connection is gone."""
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtext('live'), hashtext(%s))", (projection.name,)
        ).fetchone()
        if row and row[0]:
            held.add(projection.name)
        return projection.name in held

    def _catch_up(self, connection: Connection[TupleRow], projection: Projection) -> None:
        """Batch after batch until it is level; a fact that it cannot take marks it degraded, and the rest goes on."""
        try:
            # A page that is not full was the last one: to look again would cost a commit, and the next fact notifies.
            while not self._stop.is_set() and self._read_models.advance(connection, projection) >= PAGE_SIZE:
                pass
        except psycopg.OperationalError:
            raise
        except ReadModelMoved as moved:
            log.warning("a read model is left to a newer release", extra={"error": str(moved)})
            self._leave(connection, projection)
        except Exception as trouble:
            log.exception("a read model cannot go on", extra={"read_model": projection.name})
            self._read_models.note_trouble(connection, projection, repr(trouble))

    def _leave(self, connection: Connection[TupleRow], projection: Projection) -> None:
        """For as long as this process lives: a newer one holds it from now on."""
        self._following = [each for each in self._following if each is not projection]
        connection.execute("SELECT pg_advisory_unlock(hashtext('live'), hashtext(%s))", (projection.name,))
