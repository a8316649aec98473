"""Whatever is wrong with the database, the application hears DatabaseUnavailable, and soon."""

import asyncio
import time
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.vault import MemoryVault
from adapters.postgres.clock import PostgresMovableClock
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.errors import connected
from adapters.postgres.health import PostgresHealth
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.listening import Signal
from adapters.postgres.live_generations import LiveGenerations
from adapters.postgres.play_sessions import PostgresPlaySessions
from adapters.postgres.pool import Pool, new_pool
from adapters.postgres.reads import PostgresAccessReads
from adapters.postgres.sign_ins import PostgresSignIns
from application.errors import DatabaseUnavailable
from application.ports.inbox import Customer

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


async def test_a_pool_that_is_closed_is_a_database_that_does_not_answer(database: str) -> None:
    pool = new_pool(database)
    await pool.open()
    await pool.close()

    anna, live = Customer("stripe", "cus_anna"), LiveGenerations(pool, Signal())
    for call in (
        PostgresSignIns(pool, live).session(uuid4(), now=NOW),
        PostgresSignIns(pool, live).credential(b"anna"),
        PostgresAccessReads(pool, live).scene(None, uuid4()),
        PostgresPlaySessions(pool).live(uuid4(), now=NOW),
        PostgresInbox(pool, MemoryVault()).unsettled(),
        PostgresCustomers(pool, MemoryBlindIndex()).account_of(anna),
        PostgresHealth(pool).check(),
    ):
        with pytest.raises(DatabaseUnavailable):
            await call


async def test_a_connection_cut_in_the_middle_is_told_as_such_and_the_pool_gets_over_it(database: str) -> None:
    async with new_pool(database, size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            await executed(pool, "SELECT pg_terminate_backend(pg_backend_pid())")
        await executed(pool, "SELECT 1")


async def test_a_wait_for_a_lock_ends(database: str) -> None:
    async with new_pool(database, size=2) as pool:
        with psycopg.connect(database) as holder:
            holder.execute("UPDATE ops.write_check SET written_at = now()")
            with pytest.raises(DatabaseUnavailable):
                await executed(pool, "SET lock_timeout = '50ms'", "UPDATE ops.write_check SET written_at = now()")


async def test_an_answer_that_takes_too_long_is_not_waited_for_and_leaves_the_pool_whole(database: str) -> None:
    async with new_pool(database, size=1) as pool:
        with pytest.raises(DatabaseUnavailable, match="took more than"):
            async with connected(pool, seconds_max=0.1) as connection:
                await connection.execute("SELECT pg_sleep(10)")
        await executed(pool, "SELECT 1")


async def test_a_mistake_of_ours_is_not_taken_for_the_database_being_away(database: str) -> None:
    async with new_pool(database, size=1) as pool:
        with pytest.raises(psycopg.errors.UndefinedTable):
            await executed(pool, "SELECT * FROM ops.no_such_table")


async def test_a_database_that_can_be_written_is_well_and_is_looked_at_once_a_second(database: str) -> None:
    seconds = 0.0
    async with new_pool(database, size=2) as pool:
        health = PostgresHealth(pool, clock=lambda: seconds)
        await asyncio.gather(*(health.check() for _ in range(20)))
        first = await written_at(database)
        seconds = 0.9
        await health.check()
        assert await written_at(database) == first

        seconds = 1.1
        await health.check()
        assert await written_at(database) > first


async def test_a_database_that_can_only_be_read_is_not_well_until_it_can_be_written(database: str) -> None:
    seconds = 0.0
    async with new_pool(database, size=1) as pool:
        await executed(pool, "SET default_transaction_read_only = on")
        health = PostgresHealth(pool, clock=lambda: seconds)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await health.check()

        await executed(pool, "SET default_transaction_read_only = off")
        seconds = 2.0
        await health.check()


async def test_health_answers_in_time_though_the_write_hangs(database: str) -> None:
    async with new_pool(database, size=2) as pool:
        health = PostgresHealth(pool, timeout_seconds=0.2)
        with psycopg.connect(database) as holder:
            holder.execute("UPDATE ops.write_check SET written_at = now()")
            started = time.monotonic()
            with pytest.raises(DatabaseUnavailable, match="took more than"):
                await health.check()
            assert time.monotonic() - started < 1.0


async def test_the_movable_clock_gets_over_a_lost_connection(database: str) -> None:
    with closing(PostgresMovableClock(database)) as clock:
        before = clock.now()
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert clock.now() > before


async def test_without_a_database_there_is_no_business_time() -> None:
    with closing(PostgresMovableClock("host=127.0.0.1 port=9")) as clock, pytest.raises(DatabaseUnavailable):
        clock.now()


async def test_a_move_of_the_clock_is_seen_at_once_by_every_process(database: str) -> None:
    with closing(PostgresMovableClock(database)) as mine, closing(PostgresMovableClock(database)) as theirs:
        before = theirs.now()
        await mine.move_to(NOW)
        assert before < NOW
        assert 0 <= (theirs.now() - NOW).total_seconds() < 5


async def executed(pool: Pool, *statements: str) -> None:
    """On one connection."""
    async with connected(pool) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def written_at(dsn: str) -> datetime:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT written_at FROM ops.write_check").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment
