"""Limits of streams where many start at one moment: no more live than a plan allows, whichever process they ask."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.play_sessions import PostgresPlaySessions
from adapters.postgres.pool import new_pool
from application.ports.play_sessions import PlaySession, StreamLimit, StreamsTaken
from tests.people import MONDAY

pytestmark = pytest.mark.anyio

ROUNDS = 20
STARTS = 50
NOW = MONDAY + timedelta(seconds=60)


@pytest.fixture(scope="module")
async def houses(module_database: str) -> AsyncIterator[Sequence[PostgresPlaySessions]]:
    """Two pools, as two processes have, and six askers to each, so that no batch brings all in order."""
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(new_pool(module_database, size=6)) for _ in range(2)]
        yield [PostgresPlaySessions(pool) for pool in pools for _ in range(6)]


def play(account_id: UUID, *, device_id: str | None = None, second: int = 0) -> PlaySession:
    return PlaySession(
        session_id=uuid4(),
        account_id=account_id,
        video_id=uuid4(),
        device_id=device_id,
        started_at=MONDAY + timedelta(seconds=second),
        ends_at=MONDAY + timedelta(hours=4),
    )


async def all_at_once(
    houses: Sequence[PostgresPlaySessions], plays: Sequence[PlaySession], limit: StreamLimit
) -> list[PlaySession]:
    """Those that were started; whoever was refused was told of as many as the limit says."""

    async def start(number: int, one: PlaySession) -> bool:
        house = houses[number % len(houses)]
        try:
            await house.start_counted(one, limit)
        except StreamsTaken as taken:
            told.append(len(taken.streams))
            return False
        return True

    told: list[int] = []
    started = await asyncio.gather(*(start(number, one) for number, one in enumerate(plays)))
    assert set(told) <= {limit.streams}
    return [one for one, was_started in zip(plays, started, strict=True) if was_started]


async def test_who_starts_on_a_device_waits_for_whoever_is_starting_there(
    module_database: str, houses: Sequence[PostgresPlaySessions]
) -> None:
    anna = uuid4()
    first, second = play(anna, device_id="tv"), play(anna, device_id="tv", second=1)

    async with await psycopg.AsyncConnection.connect(module_database) as starting:
        await starting.execute(
            "SELECT ops.start_plays_on_devices(ARRAY[%s], ARRAY[%s], ARRAY[%s], ARRAY[%s], '{null}', ARRAY[%s],"
            " ARRAY[%s])",
            (first.session_id, anna, first.video_id, "tv", first.started_at, first.ends_at),
        )
        other = asyncio.create_task(houses[0].start(second))
        await until_waiting(module_database, 1)

    await other
    assert await live(houses, [first, second]) == [second]


async def begun(house: PostgresPlaySessions, plays: Sequence[PlaySession], limit: StreamLimit | None) -> None:
    await asyncio.gather(*(house.start_counted(one, limit) if limit else house.start(one) for one in plays))


async def live(houses: Sequence[PostgresPlaySessions], plays: Sequence[PlaySession]) -> list[PlaySession]:
    found = await asyncio.gather(*(houses[0].live(one.session_id, now=NOW) for one in plays))
    return [one for one, playing in zip(plays, found, strict=True) if playing]


async def test_of_fifty_that_start_at_once_as_many_play_as_the_plan_allows(
    houses: Sequence[PostgresPlaySessions],
) -> None:
    for _ in range(ROUNDS):
        anna = uuid4()
        plays = [play(anna) for _ in range(STARTS)]

        started = await all_at_once(houses, plays, StreamLimit(3))

        assert len(started) == 3
        assert await live(houses, plays) == started


async def test_where_the_oldest_give_way_all_start_and_as_many_play_on(houses: Sequence[PostgresPlaySessions]) -> None:
    for _ in range(ROUNDS):
        anna = uuid4()
        plays = [play(anna) for _ in range(STARTS)]

        assert await all_at_once(houses, plays, StreamLimit(3, evicts_oldest=True)) == plays
        assert len(await live(houses, plays)) == 3


async def test_a_device_that_starts_often_at_once_plays_once(houses: Sequence[PostgresPlaySessions]) -> None:
    anna = uuid4()
    plays = [play(anna, device_id="tv") for _ in range(STARTS)]

    assert await all_at_once(houses, plays, StreamLimit(1)) == plays
    assert len(await live(houses, plays)) == 1


async def test_a_device_that_starts_often_at_once_plays_once_also_without_a_limit(
    houses: Sequence[PostgresPlaySessions],
) -> None:
    for _ in range(ROUNDS):
        anna = uuid4()
        plays = [play(anna, device_id="tv") for _ in range(STARTS)]

        await asyncio.gather(*(houses[number % len(houses)].start(one) for number, one in enumerate(plays)))

        assert len(await live(houses, plays)) == 1


@pytest.mark.parametrize("limit", [StreamLimit(1, evicts_oldest=True), None])
async def test_who_starts_and_who_beats_never_wait_for_each_other_in_a_circle(
    module_database: str, houses: Sequence[PostgresPlaySessions], limit: StreamLimit | None
) -> None:
    """Beats are held up in the middle, with the lower ids in their hands; starts come from the highest one down."""
    starting, beating = houses[0], houses[1]
    before = sorted([play(uuid4(), device_id="tv") for _ in range(9)], key=lambda one: one.session_id)
    await begun(starting, before, limit)
    plays = [play(one.account_id, device_id="tv", second=1) for one in reversed(before) if one.account_id]

    async with await psycopg.AsyncConnection.connect(module_database) as holding:
        await holding.execute("SELECT FROM ops.play_sessions WHERE session_id = %s FOR UPDATE", (before[4].session_id,))
        beats = asyncio.gather(
            *(beating.beat(one.session_id, one.account_id, position_seconds=1.0, now=NOW) for one in before)
        )
        await until_waiting(module_database, 1)
        starts = asyncio.create_task(begun(starting, plays, limit))
        await until_waiting(module_database, 2)

    assert await beats == [True] * 9
    await starts
    assert await live([starting], plays) == plays


async def until_waiting(dsn: str, backends: int) -> None:
    """Until so many wait for a lock in this database."""
    query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(10), await psycopg.AsyncConnection.connect(dsn, autocommit=True) as looking:
        while (await looking.execute(query)).rowcount < backends:
            await asyncio.sleep(0.01)
