"""What the inbox's operators see and do, and deliveries that do not say whose they are: PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from application.ports.inbox import Customer, Entry, Status
from tests.contracts.operations import Operations, operations_in
from tests.contracts.test_inbox import AN_HOUR, ANNA, BORIS, delivery, done, keep
from tests.people import MONDAY

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "postgres"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "database") as operations:
        yield operations


async def listed(house: Operations, status: Status | None = None) -> list[str]:
    return [entry.event_id for entry in await house.desk.page(status=status, before=None, limit=10)]


async def entry_of(house: Operations, event_id: str) -> Entry:
    (entry,) = [one for one in await house.desk.page(status=None, before=None, limit=10) if one.event_id == event_id]
    return entry


async def keep_unnamed(house: Operations, event_id: str) -> None:
    unnamed = replace(delivery(event_id, None), to_find=True)
    assert await house.inbox.keep(unnamed, now=MONDAY)


async def test_every_delivery_is_listed_the_newest_first_and_page_by_page(house: Operations) -> None:
    await keep(house, "evt_1", "evt_2", "evt_3")

    first = await house.desk.page(status=None, before=None, limit=2)
    then = await house.desk.page(status=None, before=first[-1].id, limit=2)

    assert [entry.event_id for entry in first] == ["evt_3", "evt_2"]
    assert [entry.event_id for entry in then] == ["evt_1"]


async def test_each_has_one_status_and_is_found_by_it(house: Operations) -> None:
    await keep(house, "evt_done", customer=None)
    await keep(house, "evt_parked", customer=BORIS)
    await house.inbox.park(BORIS, why="customer_unknown")
    await keep(house, "evt_failed")
    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=())
    await keep(house, "evt_processing")
    assert await house.customers.lease(ANNA, seconds=60) is not None
    await keep_unnamed(house, "evt_received")

    for status in ("received", "processing", "done", "parked", "failed"):
        assert await listed(house, status) == [f"evt_{status}"], status
        assert (await entry_of(house, f"evt_{status}")).status == status
    assert await house.desk.counts() == {"received": 2, "parked": 1, "failed": 1}


async def test_an_entry_tells_all_that_is_known_and_not_the_body(house: Operations) -> None:
    await keep(house, "evt_1")
    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=AN_HOUR)

    entry = await entry_of(house, "evt_1")

    assert entry == Entry(
        id=entry.id,
        provider="stripe",
        event_id="evt_1",
        type="customer.subscription.updated",
        customer_id="cus_anna",
        status="received",
        attempts=1,
        error="no answer",
        livemode=True,
        api_version="2026-01-28",
        created_at=MONDAY,
        received_at=MONDAY,
        settled_at=None,
        due_at=entry.due_at,
    )
    assert entry.due_at is not None


async def test_what_failed_is_due_again_with_all_its_tries(house: Operations) -> None:
    await keep(house, "evt_1")
    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=())

    again = await house.desk.retry((await entry_of(house, "evt_1")).id)

    assert again is not None
    assert (again.status, again.attempts, again.error) == ("received", 0, None)
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [ANNA]


async def test_what_is_done_may_be_asked_about_again(house: Operations) -> None:
    await keep(house, "evt_1")
    await house.ledger.append(rows=[done(await house.inbox.waiting(ANNA))])

    again = await house.desk.retry((await entry_of(house, "evt_1")).id)

    assert again is not None
    assert again.settled_at is None
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [ANNA]


async def test_what_never_came_cannot_be_asked_about(house: Operations) -> None:
    assert await house.desk.retry(1) is None


async def test_who_is_put_off_is_due_later_and_no_try_is_counted(house: Operations) -> None:
    await keep(house, "evt_1")
    await keep_unnamed(house, "evt_2")

    await house.inbox.put_off(ANNA, seconds=60)
    (taken,) = await house.unnamed.take_due(limit=10, seconds=0)
    await house.unnamed.give_back(taken.id, seconds=60)

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == []
    assert await house.unnamed.take_due(limit=10, seconds=60) == []
    assert [entry.attempts for entry in await house.desk.page(status=None, before=None, limit=10)] == [0, 0]


async def test_what_was_settled_lately_can_be_read_again(house: Operations) -> None:
    await keep(house, "evt_1")
    await keep(house, "evt_2")
    assert await house.inbox.settled(ANNA, since=MONDAY - timedelta(days=999)) == []
    waiting = await house.inbox.waiting(ANNA)
    await house.ledger.append(rows=[done(waiting)])

    made = waiting[0].created_at
    assert [one.event_id for one in await house.inbox.settled(ANNA, since=made)] == ["evt_2", "evt_1"]
    assert await house.inbox.settled(ANNA, since=made + timedelta(seconds=1)) == []
    assert await house.inbox.settled(Customer("stripe", "cus_boris"), since=made) == []


async def test_who_was_tried_before_waits_apart(house: Operations) -> None:
    await keep(house, "evt_1")
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10, tried=False) == [ANNA]
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10, tried=True) == []

    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=[0.0])

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10, tried=False) == []
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10, tried=True) == [ANNA]


async def test_a_delivery_without_a_name_waits_for_one_and_for_one_worker(house: Operations) -> None:
    await keep_unnamed(house, "evt_1")
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == []
    assert await house.inbox.unsettled() == 1

    (taken,) = await house.unnamed.take_due(limit=10, seconds=60)
    assert (taken.event_id, await house.unnamed.take_due(limit=10, seconds=60)) == ("evt_1", [])
    await house.unnamed.give_back(taken.id)
    assert await house.unnamed.take_due(limit=10, seconds=60) == [taken]

    await house.unnamed.name(taken.id, "cus_anna")
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [ANNA]


async def test_one_that_is_about_nobody_is_done_and_one_whose_nobody_knows_is_kept(house: Operations) -> None:
    await keep_unnamed(house, "evt_1")
    await keep_unnamed(house, "evt_2")
    first, second = await house.unnamed.take_due(limit=10, seconds=60)

    await house.unnamed.settle(first.id, now=MONDAY)
    await house.unnamed.park(second.id, why="no customer")

    assert await listed(house, "done") == ["evt_1"]
    parked = await entry_of(house, "evt_2")
    assert (parked.status, parked.error) == ("parked", "no customer")
    assert parked.due_at is not None
    assert await house.unnamed.take_due(limit=10, seconds=60) == []
    assert await house.desk.retry(second.id) is not None
    assert await house.unnamed.take_due(limit=10, seconds=60) == [second]


async def test_looking_for_a_name_fails_for_good_after_the_last_delay(house: Operations) -> None:
    await keep_unnamed(house, "evt_1")
    for attempts in (1, 2):
        (taken,) = await house.unnamed.take_due(limit=10, seconds=60)
        await house.unnamed.retry_later(taken.id, error="no answer", delays_seconds=(0.0,))
        assert (await entry_of(house, "evt_1")).attempts == attempts

    assert await listed(house, "failed") == ["evt_1"]
    assert await house.unnamed.take_due(limit=10, seconds=60) == []


async def test_a_parked_one_is_due_as_soon_as_an_object_that_it_names_is_known(house: Operations) -> None:
    await keep_unnamed(house, "evt_1")
    await keep_unnamed(house, "evt_2")
    for taken in await house.unnamed.take_due(limit=10, seconds=60):
        naming = ["pi_1", "ch_1"] if taken.event_id == "evt_1" else ["pi_2"]
        await house.unnamed.park(taken.id, why="nobody knows", naming=naming)
    assert await house.unnamed.take_due(limit=10, seconds=60) == []

    await house.inbox.look_again("stripe", ["pi_9", "ch_1"])
    await house.inbox.look_again("another", ["pi_2"])

    [again] = await house.unnamed.take_due(limit=10, seconds=60)
    assert again.event_id == "evt_1"
    await house.unnamed.name(again.id, ANNA.customer_id)
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=5) == [ANNA]
    assert (await entry_of(house, "evt_2")).due_at is not None
