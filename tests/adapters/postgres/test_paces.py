"""The pace of a provider: all processes together, half as fast when there were too many, people first."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from adapters.postgres.paces import LEAST_PER_SECOND, PATIENCE_SECONDS, PostgresPace
from adapters.postgres.pool import Pool, new_pool
from application.errors import ProviderBusy
from application.ports.pacing import unhurried

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pool(module_database: str) -> AsyncIterator[Pool]:
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute("DELETE FROM ops.paces")
    async with new_pool(module_database, size=8) as pool:
        yield pool


async def per_second(pool: Pool) -> float:
    """As it was when there were too many last."""
    async with pool.connection() as connection:
        row = await (await connection.execute("SELECT per_second FROM ops.paces")).fetchone()
    assert row is not None
    return float(row[0])


async def so_long_ago(pool: Pool, seconds: float) -> None:
    async with pool.connection() as connection:
        await connection.execute("UPDATE ops.paces SET slowed_at = slowed_at - make_interval(secs => %s)", (seconds,))


async def took(pace: PostgresPace, turns: int) -> float:
    began = time.monotonic()
    with unhurried():
        await asyncio.gather(*(pace.turn() for _ in range(turns)))
    return time.monotonic() - began


async def test_two_processes_keep_to_one_pace(pool: Pool) -> None:
    one, another = (PostgresPace(pool, "stripe", most_per_second=50) for _ in range(2))

    began = time.monotonic()
    await asyncio.gather(took(one, 20), took(another, 20))

    assert 39 / 50 <= time.monotonic() - began < 2


async def test_after_a_refusal_it_is_half_as_fast_and_slowly_faster_again(pool: Pool) -> None:
    pace = PostgresPace(pool, "stripe", most_per_second=100)
    await pace.turn()
    await so_long_ago(pool, 60)

    await pace.slow_down()
    assert await per_second(pool) == pytest.approx(50)
    assert await took(pace, 20) >= 19 / 60

    await so_long_ago(pool, 5)
    await pace.slow_down()
    assert await per_second(pool) == pytest.approx((50 + 5 * 4) / 2, abs=2)


async def test_refusals_of_the_same_second_are_one_trouble(pool: Pool) -> None:
    pace = PostgresPace(pool, "stripe", most_per_second=100)
    await pace.turn()
    await so_long_ago(pool, 60)

    await asyncio.gather(*(pace.slow_down() for _ in range(10)))

    assert await per_second(pool) == pytest.approx(50)


async def test_it_never_stands_still(pool: Pool) -> None:
    pace = PostgresPace(pool, "stripe", most_per_second=10)
    await pace.turn()
    for _ in range(10):
        await pace.slow_down()
        await so_long_ago(pool, 1.1)

    assert await per_second(pool) >= LEAST_PER_SECOND


async def test_what_people_wait_for_goes_first_and_counts(pool: Pool) -> None:
    pace = PostgresPace(pool, "stripe", most_per_second=10)
    with unhurried():
        waiting = [asyncio.create_task(pace.turn()) for _ in range(10)]
    await asyncio.sleep(0.05)

    began = time.monotonic()
    await pace.turn()

    assert time.monotonic() - began < 0.1
    await asyncio.gather(*waiting)
    assert await took(pace, 1) >= 0.1


async def test_a_turn_that_is_too_far_away_is_none(pool: Pool) -> None:
    pace = PostgresPace(pool, "stripe", most_per_second=10)
    for _ in range(round(10 * PATIENCE_SECONDS) + 10):
        await pace.turn()

    with unhurried(), pytest.raises(ProviderBusy):
        await pace.turn()


async def test_what_waits_makes_nobody_wait_at_another_provider(pool: Pool) -> None:
    pace = PostgresPace(pool, "stripe", most_per_second=1)
    await pace.turn()

    assert await took(PostgresPace(pool, "razorpay", most_per_second=1), 1) < 0.5
