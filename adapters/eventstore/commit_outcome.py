"""What an error says about the transaction that it ended: nothing was recorded, or nobody knows."""

from eventsourcing.persistence import InterfaceError, OperationalError
from psycopg import Error

from adapters.postgres.errors import UNAVAILABLE, connection_was_lost
from application.errors import Unavailable


def is_unknown(trouble: Exception) -> bool:
    """The connection was lost, perhaps after the COMMIT had been sent."""
    if not isinstance(trouble, OperationalError | InterfaceError):
        return False
    # The library's errors are raised from the driver's.
    cause = trouble.__cause__
    return connection_was_lost(cause) if isinstance(cause, Error) else True


def is_unavailable(trouble: Exception) -> bool:
    """It is the database, or what else is needed, that does not answer now: no mistake of ours, and of no caller."""
    if isinstance(trouble, Unavailable | OperationalError | InterfaceError):
        return True
    return isinstance(trouble.__cause__, UNAVAILABLE)
