"""Which generation is live: swapped without a lock that a reader could hold, dropped when nobody reads it."""

import logging
import time
from datetime import timedelta

import msgspec
import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from adapters.eventstore import generations
from adapters.eventstore.following import Follower
from adapters.eventstore.generations import PositionMoved
from adapters.eventstore.recorder import LEDGER_LOCK
from adapters.eventstore.tables import Generation
from application.projections.projection import Projection

log = logging.getLogger(__name__)

SWAP_ATTEMPTS = 100
"""25 s: a process that was stopped may hold the ledger for 15."""
LEFT_TO_THE_SWAP = 500
"""Facts: so few are brought in while others wait."""
WAIT_BRIEFLY = "SET LOCAL lock_timeout = '250ms'"
DROP_ATTEMPTS = 20
DROP_PAUSE_SECONDS = 0.05

USERS = """
    SELECT array_agg(DISTINCT pid ORDER BY pid) FROM pg_locks
    WHERE relation IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(%s)) AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class SwapImpossible(Exception):
    """The ledger or the read model was held by others all the time."""


class InUse(msgspec.Struct, frozen=True):
    """A generation that could not be dropped, and the database sessions (pids) that hold its tables by now."""

    generation: int
    sessions: tuple[int, ...]


class Dropped(msgspec.Struct, frozen=True):
    """The kept generations of a read model that are gone, and those that stay because they are in use."""

    name: str
    dropped: tuple[int, ...]
    in_use: tuple[InUse, ...]


def swap(connection: Connection[TupleRow], follower: Follower, generation: Generation) -> int:
    """Make a generation the live one, with nothing missing; its position. Waits for no reader, and holds up none.

    Appends wait for the last few facts where the read model is written inline. Raises SwapImpossible, ReadModelMoved.
    """
    for attempt in range(SWAP_ATTEMPTS):
        cursor = connection.cursor()
        try:
            at, head = generations.applied(cursor, generation), generations.head(cursor)
            if head - at > LEFT_TO_THE_SWAP:
                follower.catch_up(connection, generation, at, head)
            with connection.transaction():
                return _swap_now(cursor, follower, generation)
        except (psycopg.errors.LockNotAvailable, PositionMoved) as other:
            # A kept generation is fed by the live engine meanwhile.
            log.info(
                "a swap waits for its turn", extra={"schema": generation.schema, "why": str(other), "try": attempt}
            )
    raise SwapImpossible(f"{generation.schema} cannot be swapped in: others hold the ledger or the read model.")


def _swap_now(cursor: Cursor[TupleRow], follower: Follower, generation: Generation) -> int:
    projection = generation.projection
    cursor.execute(WAIT_BRIEFLY)
    if projection.inline:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
    generations.hold(cursor, projection)
    at, head = generations.applied(cursor, generation), generations.head(cursor)
    if at < head:
        follower.bring_all(cursor, generation, at, head)
    generations.make_live(cursor, generation, head)
    return head


def drop_kept(
    connection: Connection[TupleRow], projection: Projection, *, older_than: timedelta = timedelta(0), spare: int = 0
) -> Dropped:
    """Drop the kept generations but the youngest few. What is being read right now stays."""
    rows = connection.execute(
        "SELECT generation FROM ledger.read_models WHERE name = %s AND state = 'kept'"
        " AND kept_since <= now() - %s ORDER BY kept_since DESC OFFSET %s",
        (projection.name, older_than, spare),
    ).fetchall()
    kept = [Generation(projection, number) for (number,) in rows]
    gone = tuple(each.number for each in kept if drop(connection, each))
    in_use = tuple(_in_use(connection, each) for each in kept if each.number not in gone)
    return Dropped(projection.name, gone, in_use)


def _in_use(connection: Connection[TupleRow], generation: Generation) -> InUse:
    row = connection.execute(USERS, (generation.schema,)).fetchone()
    return InUse(generation.number, tuple(row[0] or ()) if row else ())


def drop(connection: Connection[TupleRow], generation: Generation) -> bool:
    """Drop one that is not live. What somebody reads all the time stays, and is kept in step, until the next time."""
    for _ in range(DROP_ATTEMPTS):
        try:
            with connection.transaction():
                _drop_now(connection.cursor(), generation)
        except psycopg.errors.LockNotAvailable:
            time.sleep(DROP_PAUSE_SECONDS)
        else:
            return True
    log.info("an old generation is still being read", extra={"schema": generation.schema})
    return False


def _drop_now(cursor: Cursor[TupleRow], generation: Generation) -> None:
    """Nobody waits for it: it is done at once, or not at all."""
    if generation.projection.inline:
        cursor.execute(WAIT_BRIEFLY)
        # No append may be writing it, nor be about to.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
    generation.lock_at_once(cursor)
    generations.forget(cursor, generation)
