"""Connections that died while they were idle: once the server answers, no read and no health probe fails by them."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.postgres.health import PostgresHealth
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool, new_pool
from application.errors import DatabaseUnavailable
from tests.adapters.postgres.test_unavailable import executed

pytestmark = pytest.mark.anyio

SIZE = 8
AWAY_SECONDS = 8.0
BACK_SECONDS = 2.0

Failure = tuple[float, DatabaseUnavailable]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with new_pool(database, size=SIZE) as opened:
        yield opened


async def warmed(pool: Pool) -> list[int]:
    """The pids behind all connections of the pool, which are idle again."""
    all_of_them = asyncio.Barrier(SIZE)

    async def held() -> int:
        async with pool.connection() as connection:
            await all_of_them.wait()
            return connection.info.backend_pid

    async with asyncio.timeout(10):
        return await asyncio.gather(*(held() for _ in range(SIZE)))


def cut_off(dsn: str, pids: list[int], *, wait_ms: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid, %s) FROM unnest(%s::int[]) AS pid", (wait_ms, pids))


async def test_none_is_given_to_a_reader_or_to_a_health_probe(database: str, pool: Pool) -> None:
    health = PostgresHealth(pool, clock=lambda: next(seconds))
    seconds = count(0.0, 2.0)
    for one_after_another in (True, False):
        cut_off(database, await warmed(pool), wait_ms=5_000)
        if one_after_another:
            await health.check()
            for _ in range(SIZE):
                await executed(pool, "SELECT 1")
                await health.check()
        else:
            await asyncio.gather(health.check(), *(executed(pool, "SELECT 1") for _ in range(2 * SIZE)))


async def test_one_that_still_lives_is_given_again_and_one_that_was_cut_off_alone_costs_no_failure(
    database: str, pool: Pool
) -> None:
    before = await warmed(pool)
    assert sorted(await warmed(pool)) == sorted(before)

    cut_off(database, before[:1], wait_ms=5_000)
    for _ in range(2 * SIZE):
        await executed(pool, "SELECT 1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path, durable=False)
    migrate(server.start())
    yield server
    server.stop()


async def test_a_server_that_was_killed_and_comes_back_late_is_found_at_once(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with new_pool(server.ensure(), size=SIZE) as pool:
        await warmed(pool)
        health = PostgresHealth(pool, clock=lambda: next(seconds))
        seconds = count(0.0, 2.0)
        kill_9(tmp_path)
        over = asyncio.Event()
        asking = [asyncio.create_task(failures_of(lambda: executed(pool, "SELECT 1"), over)) for _ in range(SIZE)]
        asking.append(asyncio.create_task(failures_of(health.check, over)))

        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(server.ensure)
        back_at = time.monotonic()
        await asyncio.sleep(BACK_SECONDS)
        over.set()
        failures = [failure for each in await asyncio.gather(*asking) for failure in each]

    assert failures, "it was away"
    assert [failure for asked_at, failure in failures if asked_at > back_at] == []


async def test_who_waits_for_a_server_that_is_away_is_served_once_it_is_back(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    dsn = server.ensure()
    kill_9(tmp_path)
    async with new_pool(dsn, size=SIZE) as pool:
        waiting = asyncio.create_task(executed(pool, "SELECT 1"))
        await asyncio.sleep(2)
        await asyncio.to_thread(server.ensure)
        await waiting


def kill_9(folder: Path) -> None:
    os.kill(int((folder / "cluster" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


async def failures_of(ask: Callable[[], Awaitable[None]], over: asyncio.Event) -> list[Failure]:
    """With the moment at which it was asked."""
    failures: list[Failure] = []
    while not over.is_set():
        asked_at = time.monotonic()
        try:
            await ask()
        except DatabaseUnavailable as failure:
            failures.append((asked_at, failure))
        await asyncio.sleep(0.01)
    return failures
