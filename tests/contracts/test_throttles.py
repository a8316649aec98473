"""What throttles keep to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.throttles import MemoryThrottles
from adapters.postgres.pool import new_pool
from adapters.postgres.retention import PostgresRetention
from adapters.postgres.throttles import PostgresThrottles
from application.ports.throttles import Claim, Rate, RateLimited, Standing, Throttles

pytestmark = pytest.mark.anyio

LIMITS = {
    "peer": [Rate(5, 3600)],
    "account": [Rate(3, 3600)],
    "codes": [Rate(3, 900), Rate(4, 86_400)],
    "many": [Rate(20, 3600)],
    "quick": [Rate(2, 1)],
    "once": [Rate(1, 3600)],
}


@pytest.fixture(params=["memory", "postgres"])
async def throttles(request: pytest.FixtureRequest) -> AsyncIterator[Throttles]:
    if request.param == "memory":
        yield MemoryThrottles(LIMITS)
        return
    async with new_pool(request.getfixturevalue("module_database"), size=8) as pool:
        yield PostgresThrottles(pool, MemoryBlindIndex(), LIMITS)


@pytest.fixture
def key() -> str:
    """Somebody whom nobody has heard of."""
    return str(uuid4())


async def refused(throttles: Throttles, *claims: Claim) -> RateLimited:
    with pytest.raises(RateLimited) as limited:
        await throttles.take(*claims)
    return limited.value


async def test_so_many_at_once_and_then_one_after_the_other(throttles: Throttles, key: str) -> None:
    standings = [await throttles.take(Claim("account", key)) for _ in range(3)]

    assert [standing.remaining for standing in standings] == [2, 1, 0]
    assert {standing.limit for standing in standings} == {3}
    assert [standing.reset_seconds for standing in standings] == pytest.approx([1200, 2400, 3600], abs=5)

    limited = await refused(throttles, Claim("account", key))
    assert limited.retry_after_seconds == pytest.approx(1200, abs=5)
    assert (limited.standing.limit, limited.standing.remaining) == (3, 0)
    assert limited.standing.reset_seconds == pytest.approx(3600, abs=5)


async def test_a_limit_of_one(throttles: Throttles, key: str) -> None:
    await throttles.take(Claim("once", key))

    assert (await refused(throttles, Claim("once", key))).retry_after_seconds == pytest.approx(3600, abs=5)


async def test_others_have_limits_of_their_own(throttles: Throttles, key: str) -> None:
    for _ in range(3):
        await throttles.take(Claim("account", key))

    assert (await throttles.take(Claim("account", f"{key}'s brother"))).remaining == 2
    assert (await throttles.take(Claim("peer", key))).remaining == 4


async def test_tries_come_back_with_time(throttles: Throttles, key: str) -> None:
    await throttles.take(Claim("quick", key))
    await throttles.take(Claim("quick", key))
    await refused(throttles, Claim("quick", key))
    await asyncio.sleep(0.6)

    await throttles.take(Claim("quick", key))
    await refused(throttles, Claim("quick", key))


async def test_after_a_long_time_there_are_no_more_than_at_first(throttles: Throttles, key: str) -> None:
    await throttles.take(Claim("quick", key))
    await asyncio.sleep(2)

    assert (await throttles.take(Claim("quick", key))).remaining == 1


async def test_the_tightest_limit_is_told_of(throttles: Throttles, key: str) -> None:
    standing = await throttles.take(Claim("peer", key), Claim("account", key))

    assert standing == Standing(3, 2, standing.reset_seconds)


async def test_of_several_rates_of_a_limit_each_holds(throttles: Throttles, key: str) -> None:
    for _ in range(3):
        await throttles.take(Claim("codes", key))

    limited = await refused(throttles, Claim("codes", key))

    assert limited.retry_after_seconds == pytest.approx(300, abs=5)


async def test_who_is_refused_for_their_own_tries_uses_up_nobody_elses(throttles: Throttles, key: str) -> None:
    for number in range(5):
        await throttles.take(Claim("peer", "an attacker's"), Claim("account", f"{key}/{number}"))
    for _ in range(3):
        await refused(throttles, Claim("peer", "an attacker's"), Claim("account", key))

    assert (await throttles.take(Claim("peer", key), Claim("account", key))).remaining == 2


async def test_a_refusal_is_no_try(throttles: Throttles, key: str) -> None:
    for _ in range(3):
        await throttles.take(Claim("account", key))
    first = await refused(throttles, Claim("account", key))

    later = [await refused(throttles, Claim("account", key)) for _ in range(5)]

    assert max(one.retry_after_seconds for one in later) <= first.retry_after_seconds


async def test_of_fifty_at_once_as_many_pass_as_the_limit_says(throttles: Throttles, key: str) -> None:
    outcomes = await asyncio.gather(*(throttles.take(Claim("many", key)) for _ in range(50)), return_exceptions=True)

    assert sum(isinstance(outcome, Standing) for outcome in outcomes) == 20
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 30


async def test_many_accounts_from_many_addresses_at_once_stand_in_nobodys_way(throttles: Throttles, key: str) -> None:
    await asyncio.gather(
        *(
            throttles.take(Claim("peer", f"{key} {number % 5}"), Claim("many", f"{key} {number % 4}"))
            for number in range(20)
        )
    )


async def test_a_limit_that_there_is_not_is_a_mistake(throttles: Throttles, key: str) -> None:
    with pytest.raises(ValueError, match="no limit named"):
        await throttles.take(Claim("nothing", key))


async def test_who_is_remembered_is_familiar_until_then(throttles: Throttles, key: str) -> None:
    assert not await throttles.is_familiar(key)

    await throttles.befriend(key, days=30)
    await throttles.befriend(key, days=30)
    await throttles.befriend(f"{key}, once", days=0)

    assert await throttles.is_familiar(key)
    assert not await throttles.is_familiar(f"{key}, once")


async def test_what_is_over_is_deleted_and_the_keys_are_nowhere(database: str) -> None:
    async with new_pool(database) as pool:
        throttles = PostgresThrottles(pool, MemoryBlindIndex(), LIMITS)
        await throttles.take(Claim("quick", "anna@example.com"), Claim("peer", "203.0.113.7"))
        await throttles.befriend("anna@example.com", days=0)
        await throttles.befriend("anna@example.com from 203.0.113.7", days=1)
        await asyncio.sleep(0.6)

        deleted = await PostgresRetention(pool).forget()

    assert (deleted["throttles"], deleted["familiar"]) == (1, 1)
    with psycopg.connect(database) as connection:
        kept = connection.execute("SELECT digest FROM ops.throttles UNION ALL SELECT digest FROM ops.familiar")
        assert [len(digest) for (digest,) in kept] == [32, 32]
