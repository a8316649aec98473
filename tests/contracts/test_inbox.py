"""What the inbox keeps to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest
from msgspec.structs import replace

from application.ports.deliveries import Delivery
from application.ports.inbox import Customer, Waiting
from application.ports.ledger import Insert, UpdateIf
from tests.contracts.operations import Operations, operations_in
from tests.people import MONDAY

pytestmark = pytest.mark.anyio

ANNA = Customer("stripe", "cus_anna")
BORIS = Customer("stripe", "cus_boris")

AN_HOUR = (3600.0,)


@pytest.fixture(params=["memory", "postgres"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "database") as operations:
        yield operations


def delivery(event_id: str, customer: Customer | None = ANNA, *, body: bytes = b'{"object": "event"}') -> Delivery:
    return Delivery(
        provider="stripe",
        event_id=event_id,
        type="customer.subscription.updated",
        customer_id=customer.customer_id if customer else None,
        livemode=True,
        api_version="2026-01-28",
        created_at=MONDAY,
        body=body,
    )


async def keep(house: Operations, *event_ids: str, customer: Customer | None = ANNA) -> None:
    for event_id in event_ids:
        assert await house.inbox.keep(delivery(event_id, customer), now=MONDAY)


def done(deliveries: Sequence[Waiting]) -> UpdateIf:
    """As a use case writes it when it has asked the provider."""
    return UpdateIf("inbox", {"id": [one.id for one in deliveries]}, {"status": "done", "settled_at": MONDAY})


async def waiting(house: Operations, customer: Customer) -> list[tuple[str, int]]:
    return [(one.event_id, one.attempts) for one in await house.inbox.waiting(customer)]


async def test_a_delivery_is_kept_once_however_often_it_comes(house: Operations) -> None:
    assert await house.inbox.keep(delivery("evt_1"), now=MONDAY)
    assert not await house.inbox.keep(delivery("evt_1"), now=MONDAY)
    assert await house.inbox.keep(replace(delivery("evt_1"), provider="razorpay"), now=MONDAY)

    assert await waiting(house, ANNA) == [("evt_1", 0)]
    assert await house.inbox.unsettled() == 2


async def test_of_the_same_delivery_in_fifty_requests_at_one_moment_one_is_new(house: Operations) -> None:
    new = await asyncio.gather(*(house.inbox.keep(delivery(f"evt_{number % 5}"), now=MONDAY) for number in range(50)))

    assert new.count(True) == 5
    assert await house.inbox.unsettled() == 5


async def test_the_very_bytes_that_came_are_there_to_be_looked_at(house: Operations) -> None:
    body = bytes(range(256)) * 40
    await house.inbox.keep(delivery("evt_1", body=body), now=MONDAY)
    (kept,) = await house.inbox.waiting(ANNA)

    assert await house.inbox.body(kept.id) == body
    assert await house.inbox.body(kept.id + 1) is None


async def test_customers_wait_in_the_order_in_which_they_began_to(house: Operations) -> None:
    await keep(house, "evt_1", customer=BORIS)
    await keep(house, "evt_2", customer=ANNA)
    await keep(house, "evt_3", customer=BORIS)

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [BORIS, ANNA]
    assert await house.inbox.customers_waiting(providers=["stripe"], limit=1) == [BORIS]
    assert await waiting(house, BORIS) == [("evt_1", 0), ("evt_3", 0)]


async def test_each_provider_is_asked_about_its_own(house: Operations) -> None:
    video = Customer("mux", str(uuid4()))
    await keep(house, "evt_1")
    await house.inbox.keep(replace(delivery("evt_1", video), provider="mux"), now=MONDAY)

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=5) == [ANNA]
    assert await house.inbox.customers_waiting(providers=["mux", "cloudflare"], limit=5) == [video]
    assert await house.inbox.customers_waiting(providers=["mux", "stripe"], limit=5) == [ANNA, video]


async def test_what_nobody_can_be_asked_about_is_done(house: Operations) -> None:
    await keep(house, "evt_1", customer=None)
    await house.inbox.keep(delivery("evt_2"), now=MONDAY, to_settle=False)

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == []
    assert await waiting(house, ANNA) == []
    assert await house.inbox.unsettled() == 0
    assert not await house.inbox.keep(delivery("evt_2"), now=MONDAY)


async def test_an_append_settles_what_was_waiting_and_not_what_came_after(house: Operations) -> None:
    await keep(house, "evt_1", "evt_2")
    settled = await house.inbox.waiting(ANNA)
    await keep(house, "evt_3")

    await house.ledger.append(rows=[done(settled)])

    assert await waiting(house, ANNA) == [("evt_3", 0)]
    assert await house.inbox.unsettled() == 1


async def test_a_failed_try_is_counted_and_made_again_later(house: Operations) -> None:
    await keep(house, "evt_1")

    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=AN_HOUR)

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == []
    assert await waiting(house, ANNA) == [("evt_1", 1)]
    assert await house.inbox.unsettled() == 1


async def test_what_waits_for_its_next_try_does_not_fail_the_sooner_because_more_comes(house: Operations) -> None:
    await keep(house, "evt_1")
    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=AN_HOUR)
    await keep(house, "evt_2")

    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=AN_HOUR)

    assert await waiting(house, ANNA) == [("evt_1", 1), ("evt_2", 1)]
    assert await house.inbox.unsettled() == 2


async def test_after_the_last_delay_it_has_failed_for_good(house: Operations) -> None:
    await keep(house, "evt_1")
    for _ in range(3):
        assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [ANNA]
        await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=(0.0, 0.0))

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == []
    assert await house.inbox.unsettled() == 0


async def test_what_has_failed_is_settled_by_the_next_truth_about_the_customer(house: Operations) -> None:
    await keep(house, "evt_1")
    await house.inbox.retry_later(ANNA, error="no answer", delays_seconds=())
    await keep(house, "evt_2")

    await house.ledger.append(rows=[done(await house.inbox.waiting(ANNA))])

    assert await waiting(house, ANNA) == []


async def test_an_unknown_customer_is_parked_and_nobody_waits_for_it(house: Operations) -> None:
    await keep(house, "evt_1", "evt_2")
    await keep(house, "evt_3", customer=BORIS)

    await house.inbox.park(ANNA, why="customer_unknown")

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [BORIS]
    assert await house.inbox.unsettled() == 1
    assert await waiting(house, ANNA) == [("evt_1", 0), ("evt_2", 0)]


async def test_the_append_that_binds_a_customer_makes_due_what_was_parked(house: Operations) -> None:
    await keep(house, "evt_1", customer=ANNA)
    await keep(house, "evt_2", customer=BORIS)
    await house.inbox.park(ANNA, why="customer_unknown")
    await house.inbox.park(BORIS, why="customer_unknown")

    claim = {"kind": "stripe_customer", "blind_index": b"anna", "owner": uuid4()}
    parked = {"provider": "stripe", "customer_id": "cus_anna", "status": "parked"}
    unpark = UpdateIf("inbox", parked, {"status": "received"}, required=False)
    await house.ledger.append(rows=[Insert("claims", claim), unpark])

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [ANNA]
    assert await house.inbox.unsettled() == 1


async def test_something_new_about_a_parked_customer_is_looked_at(house: Operations) -> None:
    await keep(house, "evt_1")
    await house.inbox.park(ANNA, why="customer_unknown")

    await keep(house, "evt_2")

    assert await house.inbox.customers_waiting(providers=["stripe"], limit=10) == [ANNA]
    assert await waiting(house, ANNA) == [("evt_1", 0), ("evt_2", 0)]
