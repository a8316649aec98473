"""What the lists of open intents and of checkouts' turns keep to: run against PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from application.ports.intents import OpenIntent, UnsettledIntent
from application.ports.ledger import InsertOnce, RowMoved, RowTaken
from tests.contracts.operations import Operations, operations_in
from tests.people import ANNA, BORIS

pytestmark = pytest.mark.anyio

STREAM, ONE, TWO, THREE = UUID(int=7), UUID(int=1), UUID(int=2), UUID(int=3)
LONG_AGO = timedelta(days=4000)


@pytest.fixture(params=["memory", "postgres"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "database") as operations:
        yield operations


async def intended(house: Operations, key: str, *, due_in: timedelta = -LONG_AGO) -> None:
    due_at = house.clock.now() + due_in
    await house.ledger.append(rows=[InsertOnce("intents", {"key": key, "stream": STREAM, "due_at": due_at})])


async def test_what_is_due_is_taken_once(house: Operations) -> None:
    await intended(house, "later", due_in=-LONG_AGO)
    await intended(house, "sooner", due_in=-LONG_AGO * 2)
    await intended(house, "in years", due_in=LONG_AGO)

    taken = await house.intents.take_due(limit=10, seconds=60)

    assert set(taken) == {OpenIntent("sooner", STREAM, 0), OpenIntent("later", STREAM, 0)}
    assert await house.intents.take_due(limit=10, seconds=60) == []
    assert await house.intents.unsettled() == 3


async def test_one_is_found_for_as_long_as_it_waits_and_left_once_it_was_tried(house: Operations) -> None:
    await intended(house, "resume-1")
    fresh = await house.intents.find("resume-1")
    assert (fresh and fresh.stream, fresh and fresh.is_left) == (STREAM, False)

    await house.intents.retry_later("resume-1", error="down", delays_seconds=[60])
    tried = await house.intents.find("resume-1")
    assert tried is not None
    assert tried.is_left

    await house.intents.settled("resume-1")
    assert await house.intents.find("resume-1") is None


async def test_as_many_as_are_wanted(house: Operations) -> None:
    await intended(house, "later", due_in=-LONG_AGO)
    await intended(house, "sooner", due_in=-LONG_AGO * 2)

    assert [one.key for one in await house.intents.take_due(limit=1, seconds=60)] == ["sooner"]


async def test_whoever_dies_with_one_leaves_it_to_the_next(house: Operations) -> None:
    await intended(house, "cancel-1")
    await house.intents.take_due(limit=10, seconds=0)

    assert [one.key for one in await house.intents.take_due(limit=10, seconds=60)] == ["cancel-1"]


async def test_settled_it_is_gone_and_the_same_key_does_not_come_twice(house: Operations) -> None:
    await intended(house, "cancel-1")
    await intended(house, "cancel-1")
    assert await house.intents.unsettled() == 1

    await house.intents.settled("cancel-1")
    await house.intents.settled("cancel-1")

    assert await house.intents.unsettled() == 0


async def test_one_that_cannot_be_settled_comes_again_until_its_tries_are_used_up(house: Operations) -> None:
    await intended(house, "cancel-1")
    for attempt in range(2):
        [taken] = await house.intents.take_due(limit=10, seconds=60)
        assert taken.attempts == attempt
        await house.intents.retry_later("cancel-1", error="no\x00 answer", delays_seconds=[0.0, 0.0])
    [taken] = await house.intents.take_due(limit=10, seconds=60)

    await house.intents.retry_later("cancel-1", error="no answer", delays_seconds=[0.0, 0.0])

    assert await house.intents.take_due(limit=10, seconds=0) == []
    assert await house.intents.unsettled() == 1


async def test_its_operators_see_what_has_failed_and_why(house: Operations) -> None:
    await intended(house, "cancel-1", due_in=-LONG_AGO)
    await intended(house, "refund-1", due_in=-LONG_AGO * 2)
    await intended(house, "change-1", due_in=LONG_AGO)
    await house.intents.retry_later("cancel-1", error="no answer", delays_seconds=[])

    longest, *_, last = every = await house.intents.page(failed=False, limit=10)
    [failed] = await house.intents.page(failed=True, limit=10)

    assert ({one.key for one in every}, longest.key, last.key) == (
        {"refund-1", "cancel-1", "change-1"},
        "refund-1",
        "change-1",
    )
    assert (last.failed, last.error) == (False, None)
    assert last.due_at is not None
    assert failed == UnsettledIntent("cancel-1", STREAM, 1, failed=True, due_at=None, error="no answer")
    assert [one.key for one in await house.intents.page(failed=False, limit=1)] == ["refund-1"]
    assert (await house.intents.failed(), await house.intents.unsettled()) == (1, 3)


async def test_one_that_has_failed_is_tried_again_when_somebody_says_so(house: Operations) -> None:
    await intended(house, "cancel-1")
    await house.intents.retry_later("cancel-1", error="no answer", delays_seconds=[])
    assert await house.intents.take_due(limit=10, seconds=60) == []

    again = await house.intents.retry("cancel-1")

    assert again is not None
    assert (again.failed, again.attempts, again.error) == (False, 0, None)
    assert await house.intents.take_due(limit=10, seconds=60) == [OpenIntent("cancel-1", STREAM, 0)]
    assert await house.intents.failed() == 0
    assert await house.intents.retry("cancel-of-nobody") is None


async def test_a_try_is_put_off_for_so_long(house: Operations) -> None:
    await intended(house, "cancel-1")
    await house.intents.take_due(limit=10, seconds=60)

    await house.intents.retry_later("cancel-1", error="no answer", delays_seconds=[3600.0])

    assert await house.intents.take_due(limit=10, seconds=60) == []


async def test_the_turn_is_one_checkouts_at_a_time(house: Operations) -> None:
    assert await house.turns.current(ANNA) is None

    await house.ledger.append(rows=[house.turns.take(ANNA, ONE, after=None)])
    with pytest.raises(RowTaken):
        await house.ledger.append(rows=[house.turns.take(ANNA, TWO, after=None)])
    await house.ledger.append(rows=[house.turns.take(ANNA, TWO, after=ONE)])
    with pytest.raises(RowMoved):
        await house.ledger.append(rows=[house.turns.take(ANNA, THREE, after=ONE)])

    assert await house.turns.current(ANNA) == TWO
    assert await house.turns.current(BORIS) is None
