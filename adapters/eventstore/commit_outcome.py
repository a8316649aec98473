"""What an error says about the transaction that it ended: nothing was recorded, or nobody knows."""

import eventsourcing.persistence as library
from psycopg import Error
from psycopg_pool import PoolTimeout

from adapters.postgres.errors import UNAVAILABLE
from application.errors import Unavailable

CONNECTION_ENDED = ("08", "57P0")
"""SQLSTATEs after which the server has hung up: connection exceptions, and its being shut down."""


def is_unknown(trouble: Exception) -> bool:
    """The connection was lost, perhaps after the COMMIT had been sent.

    No connection had in time is another thing, and so is whatever the server itself reports of a statement: a wait for
    a lock or an answer that took too long, a full disk. Then nothing was recorded.
    """
    if not isinstance(trouble, library.OperationalError | library.InterfaceError):
        return False
    cause = trouble.__cause__
    if isinstance(cause, PoolTimeout):
        return False
    return not isinstance(cause, Error) or cause.sqlstate is None or cause.sqlstate.startswith(CONNECTION_ENDED)


def is_unavailable(trouble: Exception) -> bool:
    """It is the database, or what else is needed, that does not answer now: no mistake of ours, and of no caller."""
    if isinstance(trouble, Unavailable | library.OperationalError | library.InterfaceError):
        return True
    return isinstance(trouble.__cause__, UNAVAILABLE)
