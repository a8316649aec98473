"""Something of a customer's that cannot be recorded is held up by itself, visibly; all else goes on."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.memory.billing_books import selling
from application.convergence import HeldUp
from application.ports.billing import CustomerTruth, SeenItem, SeenSubscription
from application.ports.inbox import Customer
from domain.shared.identity import derived_id
from domain.shared.money import Money
from tests.application.anna_at_the_provider import bought, bound, subscribed
from tests.application.house import House
from tests.application.interruptions import asking
from tests.people import MONDAY, NEXT_MONTH

pytestmark = pytest.mark.anyio

WHY = "Stripe's in_dear cannot be recorded."


class Holding:
    """A provider that tells of something that no fact can hold."""

    def __init__(self, house: House) -> None:
        self._billing = house.billing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._billing, name)

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        return replace(await self._billing.truth_of(customer_id, within_seconds=within_seconds), held_up=(WHY,))


def with_item(seen: SeenSubscription, price_id: str, price: Money | None) -> SeenSubscription:
    """Sold beside the rest, or at a price that is no amount."""
    item = SeenItem(price_id=price_id, price=price, period_start=MONDAY, period_end=NEXT_MONTH)
    return replace(seen, items=(item, *seen.items))


async def statuses(house: House, customer: Customer) -> Sequence[tuple[str, str | None]]:
    return [(row["status"], row["error"]) for row in house.tables.rows("inbox", customer_id=customer.customer_id)]


async def test_all_else_is_recorded_and_the_delivery_says_what_is_not(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, await bought(house))
    await house.hears("invoice.paid", customer)
    house.convergence = asking(house.convergence, Holding(house))

    await house.convergence.settle_waiting()

    assert (await house.tags())[-1] == "subscription.started"
    assert await statuses(house, customer) == [("parked", WHY)]


async def test_once_it_can_be_recorded_the_delivery_is_done(house: House) -> None:
    customer = await bound(house)
    await house.hears("invoice.paid", customer)
    as_it_was = house.convergence
    house.convergence = asking(as_it_was, Holding(house))
    await house.convergence.settle_waiting()

    await as_it_was.settle(customer)

    assert await statuses(house, customer) == [("done", None)]


async def test_a_price_in_tiers_beside_a_plan_is_left_aside(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, with_item(await bought(house), "price_metered", None))
    await house.hears("customer.subscription.created", customer)

    await house.convergence.settle_waiting()

    assert (await house.tags())[-1] == "subscription.started"
    assert await statuses(house, customer) == [("done", None)]


async def test_of_a_plan_at_a_price_in_tiers_that_subscription_alone_is_held_up(house: House) -> None:
    customer = await bound(house)
    seen = await bought(house)
    tiered = selling(replace(seen, reference="sub_tiered"), price=None)
    house.billing.tell(customer.customer_id, replace(seen, reference="sub_ours"))
    house.billing.tell(customer.customer_id, tiered)
    await house.hears("customer.subscription.created", customer)
    head = await house.ledger.head()

    await house.convergence.settle_waiting()

    started = await house.facts(after=head)
    assert [fact.tag() for fact in started] == ["subscription.started"]
    assert getattr(started[0], "subscription_id", None) == derived_id("subscription", "memory", "sub_ours")
    [(status, why)] = await statuses(house, customer)
    assert status == "parked"
    assert "sub_tiered" in (why or "")


async def test_it_ends_all_the_same(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    tiered = selling(seen, price=None)
    house.billing.tell(customer.customer_id, replace(tiered, status="unpaid"))
    with pytest.raises(HeldUp, match=seen.reference):
        await house.convergence.settle(customer)

    house.billing.tell(customer.customer_id, replace(tiered, status="canceled", ended_at=MONDAY))
    await house.convergence.settle(customer)

    assert await house.tags(after=head) == ["subscription.ended"]
