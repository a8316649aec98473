"""A listener hears what others notify, also after its connection was lost."""

import asyncio
import time
from collections.abc import Awaitable

import psycopg
import pytest

from adapters.postgres.listening import INBOX, READ_MODELS, Listener, Signal

pytestmark = pytest.mark.anyio

SOON_SECONDS = 5.0


def notify(dsn: str, channel: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, '')", (channel,))


def listeners(dsn: str) -> list[int]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        return [pid for (pid,) in rows]


async def soon(awaited: Awaitable[object]) -> None:
    await asyncio.wait_for(awaited, SOON_SECONDS)


async def listening(signal: Signal) -> None:
    """Every signal fires once when it begins to listen."""
    await soon(signal.next.wait())


async def test_a_notification_wakes_all_who_wait_for_its_channel_and_nobody_else(database: str) -> None:
    async with Listener(database, INBOX, READ_MODELS) as listener:
        inbox, read_models = listener.signal(INBOX), listener.signal(READ_MODELS)
        await listening(read_models)
        others = asyncio.create_task(read_models.next.wait())
        waiting = [asyncio.create_task(inbox.next.wait()) for _ in range(3)]
        await asyncio.sleep(0)

        notify(database, INBOX)

        await soon(asyncio.gather(*waiting))
        assert not others.done()
        others.cancel()


async def test_what_happens_between_the_look_and_the_wait_is_not_missed(database: str) -> None:
    async with Listener(database, INBOX) as listener:
        signal = listener.signal(INBOX)
        await listening(signal)
        taken = signal.next

        notify(database, INBOX)
        await soon(signal.next.wait())

        assert taken.is_set()


async def test_a_lost_connection_is_had_again_and_then_everybody_looks(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Listener(database, INBOX, READ_MODELS) as listener:
        signal = listener.signal(INBOX)
        await listening(listener.signal(READ_MODELS))
        missed = signal.next

        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", listeners(database))

        await soon(missed.wait())
        heard = signal.next
        notify(database, INBOX)
        await soon(heard.wait())
    assert "the listening connection was lost" in caplog.text


async def test_without_a_database_it_waits_for_one_and_lets_the_program_run(caplog: pytest.LogCaptureFixture) -> None:
    async with Listener("host=127.0.0.1 port=9", INBOX):
        deadline = time.monotonic() + SOON_SECONDS
        while "was lost" not in caplog.text and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
    assert "was lost" in caplog.text


async def test_when_it_is_closed_its_connection_is_gone(database: str) -> None:
    async with Listener(database, INBOX) as listener:
        await listening(listener.signal(INBOX))
        assert len(listeners(database)) == 1
    deadline = time.monotonic() + SOON_SECONDS
    while listeners(database) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert listeners(database) == []
