"""The two clocks: real time, and the business time that the sandbox moves."""

from datetime import UTC, datetime
from threading import Lock
from typing import Any, LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from adapters.postgres.errors import database_errors
from adapters.postgres.pool import CONNECTION_ARGUMENTS

NOW = "SELECT clock_timestamp() + make_interval(secs => offset_seconds) FROM ops.business_clock"

MOVE = """
    UPDATE ops.business_clock
    SET offset_seconds = coalesce(extract(epoch FROM %(moment)s::timestamptz - clock_timestamp()), 0)
"""

SANDBOX_TIMEOUTS = "-c statement_timeout=5s -c lock_timeout=2s -c TimeZone=UTC"


class RealClock:
    """This machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class PostgresMovableClock:
    """Business time, for the sandbox alone: all processes read one row, so a move is seen at once by all of them.

    `now` is not awaited, so it holds up the event loop for a query of some 0.1 ms, on a connection of its own.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = Lock()
        self._connection: Connection[TupleRow] | None = None

    def now(self) -> datetime:
        """Raises DatabaseUnavailable."""
        row = self._execute(NOW)
        assert row is not None, "the migration makes the row, and nothing deletes it"
        moment: datetime = row[0]
        return moment

    async def move_to(self, moment: datetime | None) -> None:
        """Raises DatabaseUnavailable."""
        self._execute(MOVE, moment=moment)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _execute(self, query: LiteralString, **values: Any) -> TupleRow | None:
        """Once more on a new connection where the old one was lost: both queries may be done twice."""
        with self._lock, database_errors():
            try:
                return self._execute_once(query, values)
            except psycopg.OperationalError:
                self._drop()
                return self._execute_once(query, values)

    def _execute_once(self, query: LiteralString, values: dict[str, Any]) -> TupleRow | None:
        cursor = self._connected().execute(query, values, prepare=True, binary=True)
        return cursor.fetchone() if cursor.description else None

    def _connected(self) -> Connection[TupleRow]:
        if self._connection is None:
            arguments: dict[str, Any] = {**CONNECTION_ARGUMENTS, "options": SANDBOX_TIMEOUTS, "connect_timeout": 2}
            self._connection = psycopg.connect(self._dsn, **arguments)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
