"""An erasure finds what is under way: whoever opens a session or makes a code at its very moment leaves no row."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.codes import PostgresCodes
from adapters.postgres.erasures import PostgresOperationalRows
from adapters.postgres.listening import Signal
from adapters.postgres.live_generations import LiveGenerations
from adapters.postgres.pool import Pool, new_pool
from adapters.postgres.sign_ins import PostgresSignIns
from application.ports.codes import NewCode
from application.ports.erasures import Traces
from application.ports.ledger import Insert
from application.wording import Wording
from tests.adapters.eventstore.house import ledger_house
from tests.contracts.members import registered
from tests.contracts.post import BOTH, sealed_letters
from tests.people import ANNA

pytestmark = pytest.mark.anyio

# What is put in or locked is taken back when both are seen to wait.
SAME_TOKEN = """
    WITH another AS (
        INSERT INTO ops.sessions (session_id, account_id, started_at, expires_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), now(), now()) RETURNING session_id
    )
    INSERT INTO ops.refresh_tokens (digest, session_id, issued_at, expires_at)
    SELECT 'first', session_id, now(), now() FROM another
"""
NUMBER = "+14155550100"
SEALED = sealed_letters()
CODES_LOCKED = "LOCK TABLE ops.codes IN SHARE MODE"
TRACES = Traces(account_id=ANNA, customers=(), recipients=())


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with ledger_house(database) as house, new_pool(database, size=4) as opened:
        await registered(house.ledger, ANNA)
        index = SEALED.blind_index.of("phone", NUMBER)
        await house.ledger.append(rows=[Insert("claims", {"kind": "phone", "blind_index": index, "owner": ANNA})])
        yield opened


async def opens(pool: Pool) -> object:
    now = datetime.now(UTC)
    return await PostgresSignIns(pool, LiveGenerations(pool, Signal())).open_session(
        session_id=uuid4(),
        account_id=ANNA,
        epoch=0,
        refresh_digest=b"first",
        now=now,
        expires_at=now + timedelta(days=30),
    )


async def asks(pool: Pool, account_id: UUID = ANNA) -> object:
    write = Wording("https://streamly.example").sign_in_code(NUMBER)
    code = NewCode(kind="sign_in", subject=b"Anna's number", account_id=account_id, write=write)
    return await PostgresCodes(pool, SEALED, open_channels=BOTH).issue(code, now=datetime.now(UTC))


async def erases(pool: Pool) -> None:
    rows = PostgresOperationalRows(pool)
    await rows.forget_sign_ins(TRACES)
    await rows.forget_letters(TRACES)


async def waits(dsn: str, *, count: int) -> None:
    waiting = b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(4), await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        while await (await connection.execute(waiting)).fetchone() != (count,):
            await asyncio.sleep(0.01)


async def at_the_moment_of(dsn: str, pool: Pool, under_way: Awaitable[object], held_up: LiteralString) -> None:
    """It has begun, and cannot end before the erasure has begun too."""
    with psycopg.connect(dsn) as holder:
        holder.execute(held_up)
        beginning = asyncio.ensure_future(under_way)
        await waits(dsn, count=1)
        erasing = asyncio.create_task(erases(pool))
        await waits(dsn, count=2)
        holder.rollback()
    await asyncio.gather(beginning, erasing)


def kept(dsn: str) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        tables = (b"sessions", b"refresh_tokens", b"codes", b"letters")
        return [table for table in tables if connection.execute(b"SELECT FROM ops." + table).rowcount]


async def test_a_sign_in_that_is_under_way_leaves_no_session(database: str, pool: Pool) -> None:
    await at_the_moment_of(database, pool, opens(pool), SAME_TOKEN)

    assert kept(database) == []


async def test_a_code_that_is_under_way_leaves_neither_itself_nor_its_letter(database: str, pool: Pool) -> None:
    await at_the_moment_of(database, pool, asks(pool), CODES_LOCKED)

    assert kept(database) == []


async def test_what_comes_after_it_makes_nothing(database: str, pool: Pool) -> None:
    await opens(pool)
    await asks(pool)
    assert len(kept(database)) == 4

    await erases(pool)
    await opens(pool)
    await asks(pool)

    assert kept(database) == []
