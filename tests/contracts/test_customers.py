"""What is known of a provider's customers: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from application.ports.inbox import Customer
from application.ports.ledger import Insert, InsertOnce, RowMoved, UpdateIf
from tests.contracts.operations import Operations, operations_in
from tests.people import MONDAY

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "postgres"], scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "module_database") as operations:
        yield operations


@pytest.fixture
def customer() -> Customer:
    return Customer("stripe", f"cus_{uuid4().hex}")


async def claim(house: Operations, kind: str, value: str, owner: UUID) -> None:
    row = {"kind": kind, "blind_index": house.blind_index.of(kind, value), "owner": owner}
    await house.ledger.append(rows=[InsertOnce("claims", row)])


async def test_a_customer_belongs_to_the_account_that_claimed_it(house: Operations, customer: Customer) -> None:
    anna = uuid4()
    assert await house.customers.account_of(customer) is None

    await claim(house, "stripe_customer", customer.customer_id, anna)

    assert await house.customers.account_of(customer) == anna
    assert await house.customers.account_of(Customer("razorpay", customer.customer_id)) is None
    assert await house.customers.plan_of_price("stripe", customer.customer_id) is None


async def test_a_price_belongs_to_the_plan_that_claimed_it(house: Operations) -> None:
    cooking, price = uuid4(), f"price_{uuid4().hex}"

    await claim(house, "stripe_price", price, cooking)

    assert await house.customers.plan_of_price("stripe", price) == cooking
    assert await house.customers.plan_of_price("razorpay", price) is None


async def test_objects_are_known_once_an_append_has_named_them(house: Operations, customer: Customer) -> None:
    payment, other = f"pi_{uuid4().hex}", f"pi_{uuid4().hex}"
    row = {"provider": "stripe", "customer_id": customer.customer_id, "reference": payment}
    assert await house.customers.of_objects("stripe", [payment, other]) == {}

    await house.ledger.append(rows=[InsertOnce("customer_objects", row)])

    assert await house.customers.of_objects("stripe", [payment, other]) == {payment: customer.customer_id}
    assert await house.customers.of_objects("razorpay", [payment]) == {}
    assert await house.customers.of_objects("stripe", []) == {}


async def test_when_the_provider_was_asked_last_is_set_with_the_append(house: Operations, customer: Customer) -> None:
    key = {"provider": customer.provider, "customer_id": customer.customer_id}
    assert await house.customers.asked_at(customer) is None
    epoch = await house.customers.take_fence(customer)

    await house.ledger.append(
        rows=[UpdateIf("customer_fences", {**key, "epoch": epoch}, {"epoch": epoch, "asked_at": MONDAY})]
    )

    assert await house.customers.asked_at(customer) == MONDAY


async def test_each_fence_is_higher_than_the_one_before(house: Operations, customer: Customer) -> None:
    other = Customer("stripe", customer.customer_id + "x")

    first = await house.customers.take_fence(customer)
    assert await house.customers.take_fence(customer) > first
    assert await house.customers.take_fence(other) == first


async def test_no_two_workers_ever_hold_the_same_epoch(house: Operations, customer: Customer) -> None:
    epochs = await asyncio.gather(*(house.customers.take_fence(customer) for _ in range(20)))

    assert len(set(epochs)) == 20


async def test_who_holds_an_older_fence_can_append_no_more(house: Operations, customer: Customer) -> None:
    key = {"provider": customer.provider, "customer_id": customer.customer_id}
    slow = await house.customers.take_fence(customer)
    quick = await house.customers.take_fence(customer)

    with pytest.raises(RowMoved):
        await house.ledger.append(rows=[UpdateIf("customer_fences", {**key, "epoch": slow}, {"epoch": slow})])
    await house.ledger.append(rows=[UpdateIf("customer_fences", {**key, "epoch": quick}, {"epoch": quick})])


async def test_a_fence_goes_on_from_where_an_append_left_it(house: Operations, customer: Customer) -> None:
    key = {"provider": customer.provider, "customer_id": customer.customer_id}
    await house.ledger.append(rows=[Insert("customer_fences", {**key, "epoch": 41})])

    assert await house.customers.take_fence(customer) == 42


async def test_one_worker_at_a_time_has_the_lease(house: Operations, customer: Customer) -> None:
    asked = await asyncio.gather(*(house.customers.lease(customer, seconds=30) for _ in range(10)))
    (holder,) = [answer for answer in asked if answer is not None]

    await house.customers.release(customer, uuid4())
    assert await house.customers.lease(customer, seconds=30) is None
    await house.customers.release(customer, holder)
    assert await house.customers.lease(customer, seconds=30) is not None


async def test_a_killed_workers_lease_ends_by_itself(house: Operations, customer: Customer) -> None:
    first = await house.customers.lease(customer, seconds=0.0)
    second = await house.customers.lease(customer, seconds=30) if first else None
    assert second not in {None, first}

    assert first is not None
    await house.customers.release(customer, first)
    assert await house.customers.lease(customer, seconds=30) is None


async def test_a_lease_that_is_renewed_goes_on_and_nobody_else_can_renew_it(
    house: Operations, customer: Customer
) -> None:
    holder = await house.customers.lease(customer, seconds=0.0)
    assert holder is not None

    await house.customers.renew(customer, uuid4(), seconds=30)
    await house.customers.renew(customer, holder, seconds=30)
    assert await house.customers.lease(customer, seconds=30) is None

    await house.customers.renew(customer, holder, seconds=0.0)
    second = await house.customers.lease(customer, seconds=0.0)
    assert second is not None
    await house.customers.renew(customer, holder, seconds=30)
    assert await house.customers.lease(customer, seconds=30) is not None


async def test_a_lease_leaves_the_fence_alone(house: Operations, customer: Customer) -> None:
    epoch = await house.customers.take_fence(customer)
    await house.customers.lease(customer, seconds=30)
    assert await house.customers.take_fence(customer) == epoch + 1
