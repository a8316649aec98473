"""What goes wrong with a database, in the application's words, in one place."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool

from application.errors import DatabaseUnavailable


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns a lost connection, a full pool or a wait that took too long into DatabaseUnavailable."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests) as lost:
        raise DatabaseUnavailable("The database does not answer now.") from lost
