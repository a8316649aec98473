"""One pool of asynchronous connections per process, with a limit on every wait."""

import select

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

STATEMENT_TIMEOUT_SECONDS = 15
LOCK_TIMEOUT_SECONDS = 5
CONNECT_TIMEOUT_SECONDS = 5
RECONNECT_SECONDS = 0.5
"""The pause between attempts: the pool's own grow to 15 s, in which a server that is back would not be noticed."""

SESSION_OPTIONS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s"
    f" -c lock_timeout={LOCK_TIMEOUT_SECONDS}s"
    " -c idle_in_transaction_session_timeout=15s"
    # A host that vanishes leaves its locks: the server finds out within a minute, and not in two hours.
    " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    " -c TimeZone=UTC"
)

POOL_OPTIONS = SESSION_OPTIONS + " -c enable_seqscan=off -c jit=off"
"""Where statistics say that a table is empty the server would read it from end to end, and keep to that plan while the
table grows, until ANALYZE comes by itself: a play that takes 0.2 ms to begin took 20 ms after 30,000 others. Without
JIT, which a server before 18 begins where there is no other way than the one that is off.
"""
LOOKUP_OPTIONS = POOL_OPTIONS + " -c enable_hashjoin=off -c enable_mergejoin=off"
"""Where rows are only looked for by their keys, nor does it read an index from end to end to join it."""

CONNECTION_ARGUMENTS: dict[str, object] = {
    "autocommit": True,
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    # Without it a query whose answer is lost on the way waits for minutes (measured: until the network healed).
    "tcp_user_timeout": 10_000,
    "options": SESSION_OPTIONS,
}


def new_pool(dsn: str, *, size: int = 8, for_lookups: bool = False) -> Pool:
    """A closed pool: open it with `await pool.open()` inside the loop that uses it.

    One that is `for_lookups` finds what it is asked for by an index, whatever the statistics say.

    Asking for a connection waits at most 5 s, and at most 1,000 may wait; connections are in autocommit mode. One that
    the server has hung up on while it was idle is given to nobody, and all that were made before it go with it: a
    server that was restarted has cut off all of them.
    """

    async def look(connection: AsyncConnection[TupleRow]) -> None:
        if _hung_up(connection):
            await connection.close()
            await pool.drain()
            raise OperationalError("the server has hung up")

    pool: Pool = AsyncConnectionPool(
        dsn,
        connection_class=AsyncConnection[TupleRow],
        kwargs=CONNECTION_ARGUMENTS | {"options": LOOKUP_OPTIONS if for_lookups else POOL_OPTIONS},
        min_size=1,
        max_size=size,
        timeout=5,
        max_waiting=1000,
        max_idle=300,
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=_try_on,
        check=look,
        open=False,
        name="streamly",
    )
    return pool


def _hung_up(connection: AsyncConnection[TupleRow]) -> bool:
    """By a look at the socket (1 us, no round trip): whom the server tells something unasked, it tells farewell."""
    socket = select.poll()
    socket.register(connection.pgconn.socket, select.POLLIN)
    return bool(socket.poll(0))


async def _try_on(pool: Pool) -> None:
    """Those who wait were there before the pool gave up, and would otherwise wait for nothing."""
    if pool.get_stats()["requests_waiting"]:
        await pool.check()
