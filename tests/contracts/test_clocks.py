"""What the clock that the sandbox moves keeps to: run against PostgreSQL and in memory."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.clock import MemoryClock
from adapters.postgres.clock import PostgresMovableClock, RealClock
from application.business_clock import MovableClock
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

A_MOMENT = timedelta(seconds=5)


@pytest.fixture(params=["memory", "postgres"])
def clock(request: pytest.FixtureRequest) -> Iterator[MovableClock]:
    if request.param == "memory":
        yield MemoryClock(datetime.now(UTC))
        return
    with closing(PostgresMovableClock(request.getfixturevalue("database"))) as clock:
        yield clock


async def test_business_time_is_real_time_until_it_is_moved(clock: MovableClock) -> None:
    assert abs(clock.now() - RealClock().now()) < A_MOMENT
    assert clock.now().utcoffset() == timedelta(0)


async def test_it_goes_to_a_moment_and_back(clock: MovableClock) -> None:
    for moment in (MONDAY, MONDAY + days(365), MONDAY + timedelta(microseconds=1), MONDAY - days(4_000)):
        await clock.move_to(moment)
        assert moment <= clock.now() < moment + A_MOMENT

    await clock.move_to(None)
    assert abs(clock.now() - RealClock().now()) < A_MOMENT


async def test_it_never_runs_back_by_itself(clock: MovableClock) -> None:
    await clock.move_to(MONDAY)

    moments = [clock.now() for _ in range(100)]

    assert moments == sorted(moments)
