"""What goes wrong with a database, in the application's words, in one place."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

from adapters.postgres.pool import Pool
from application.errors import DatabaseUnavailable

ANSWER_SECONDS_MAX = 20
"""The server ends a statement after 15 s; this is for a server that does not even do that."""

UNAVAILABLE = (
    # A lost connection, a wait that took too long, a full disk; the pool's own errors are of this kind too.
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # The primary became a replica under us.
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)


CONNECTION_ENDED = ("08", "57P0")
"""SQLSTATEs after which the server has hung up: connection exceptions, and its being shut down."""


def connection_was_lost(trouble: psycopg.Error) -> bool:
    """It was lost in the middle, perhaps of a COMMIT, so that nobody knows whether that was done.

    No connection had in time is another thing, and so is whatever the server itself says of a statement: a wait for a
    lock or a statement that took too long, a full disk. Then nothing was done.
    """
    if isinstance(trouble, PoolTimeout) or not isinstance(trouble, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return trouble.sqlstate is None or trouble.sqlstate.startswith(CONNECTION_ENDED)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns a lost connection, a full pool or a wait that took too long into DatabaseUnavailable."""
    try:
        yield
    except UNAVAILABLE as trouble:
        raise DatabaseUnavailable("The database does not answer now.") from trouble


@asynccontextmanager
async def connected(pool: Pool, *, seconds_max: float = ANSWER_SECONDS_MAX) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """A connection of the pool, in autocommit mode, for 20 s at most. Raises DatabaseUnavailable, also in the block."""
    with database_errors():
        try:
            async with asyncio.timeout(seconds_max), pool.connection() as connection:
                yield connection
        except TimeoutError as late:
            raise DatabaseUnavailable(f"The database took more than {seconds_max} s.") from late
