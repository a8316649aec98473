"""Plans are changed: what they give, what they cost, whether they are sold; and what that is to those who have them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace as replaced
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.memory.billing import MemoryBilling
from application.errors import ProviderRefused, ProviderUnavailable
from application.plans import PlanChange, PriceTaken
from application.policies.pricing import when_price_requested_settle_it
from domain.plan.plan import PlanNotForSale, PlanRevised, PriceBound, PriceDoesNotMatch, PriceRequested, PriceRetired
from domain.shared.money import Money
from domain.subscription.facts import PlanChanged
from tests.application.house import BY_ADMIN, COOKING, House
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

DEARER, DEAREST = Money(1299, "USD"), Money(1499, "USD")


async def test_what_is_said_anew_is_recorded_with_what_was_said_before_and_shown(house: House) -> None:
    plan_id = await house.sells()
    head = await house.ledger.head()
    change = PlanChange(name="All of cooking", features=("uhd",), stream_limit=3, max_height=None, trial_days=7)

    changed = await house.plans.change(plan_id, change, BY_ADMIN)

    [revised] = await house.facts(after=head)
    assert isinstance(revised, PlanRevised)
    assert (revised.before.name, revised.before.features, revised.before.max_height) == ("Cooking", ("hd", "sd"), 720)
    assert (revised.after.name, revised.after.features, revised.after.max_height) == ("All of cooking", ("uhd",), None)
    assert (revised.actor, changed.position) == (BY_ADMIN.actor, revised.position)
    offer = await house.plans.offer(plan_id)
    assert (offer.name, offer.features, offer.stream_limit, offer.trial_days) == ("All of cooking", ("uhd",), 3, 7)
    assert changed.plan.details == revised.after


async def test_what_is_left_out_stays_and_what_is_said_again_is_no_news(house: House) -> None:
    plan_id = await house.sells()
    head = await house.ledger.head()

    for change in (PlanChange(), PlanChange(name="Cooking", max_height=720, active=True, price=COOKING.price)):
        assert (await house.plans.change(plan_id, change, BY_ADMIN)).plan.terms.name == "Cooking"

    assert await house.tags(after=head) == []


# Its price.


async def test_a_new_price_is_made_and_sold_and_the_older_one_honoured(house: House) -> None:
    plan_id = await house.sells()
    old = (await house.plans.offer(plan_id)).price_ids[0]
    head = await house.ledger.head()

    changed = await house.plans.change(plan_id, PlanChange(price=DEARER), BY_ADMIN)

    requested, retired, bound = await house.facts(after=head)
    assert isinstance(requested, PriceRequested)
    assert isinstance(retired, PriceRetired)
    assert isinstance(bound, PriceBound)
    assert (retired.price_id, retired.price, bound.price) == (old, COOKING.price, DEARER)
    assert changed.plan.prices == {"memory": (old, bound.price_id)}
    assert (await house.billing.price(bound.price_id)).price == DEARER
    for price_id in (old, bound.price_id):
        assert await house.customers.plan_of_price("memory", price_id) == plan_id


async def test_who_pays_the_older_price_goes_on_paying_it(house: House) -> None:
    anna, plan_id = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan_id)
    await house.plans.change(plan_id, PlanChange(price=DEARER), BY_ADMIN)
    head = await house.ledger.head()

    await house.hears("customer.subscription.updated", customer)
    await house.convergence.settle_waiting()

    assert await house.tags(after=head) == []
    assert (await house.subscriptions.mine(anna)).access.granted


async def test_a_price_that_the_provider_has_is_sold_if_it_is_what_is_said_of_it(house: House) -> None:
    plan_id = await house.sells()
    house.billing.has_price("price_of_old", DEARER, "month")
    house.billing.has_price("price_of_a_year", DEARER, "year")
    head = await house.ledger.head()

    with pytest.raises(PriceDoesNotMatch):
        await house.plans.change(plan_id, PlanChange(price_id="price_of_a_year"), BY_ADMIN)
    with pytest.raises(PriceDoesNotMatch):
        await house.plans.change(plan_id, PlanChange(price_id="price_of_old", price=DEAREST, name="Dear"), BY_ADMIN)
    with pytest.raises(ProviderRefused):
        await house.plans.change(plan_id, PlanChange(price_id="price_of_nobody"), BY_ADMIN)
    assert await house.tags(after=head) == []

    changed = await house.plans.change(plan_id, PlanChange(price_id="price_of_old", price=DEARER), BY_ADMIN)

    assert await house.tags(after=head) == ["plan.price_retired", "plan.price_bound"]
    assert (changed.plan.price_for_sale("memory"), changed.plan.terms.price) == ("price_of_old", DEARER)


async def test_further_prices_may_be_bound_and_the_first_one_sold_again(house: House) -> None:
    plan_id = await house.sells()
    first = (await house.plans.offer(plan_id)).price_ids[0]
    house.billing.has_price("price_of_old", DEARER, "month")

    await house.plans.change(plan_id, PlanChange(price_id="price_of_old"), BY_ADMIN)
    changed = await house.plans.change(plan_id, PlanChange(price_id=first), BY_ADMIN)

    assert changed.plan.prices == {"memory": ("price_of_old", first)}
    assert (await house.plans.offer(plan_id)).amount == COOKING.price.amount


async def test_a_price_of_another_plan_cannot_be_bound(house: House) -> None:
    plan_id, other = await house.sells(), await house.sells(replace(COOKING, name="Cinema"))
    taken = (await house.plans.offer(other)).price_ids[0]
    head = await house.ledger.head()

    with pytest.raises(PriceTaken):
        await house.plans.change(plan_id, PlanChange(price_id=taken, name="Both"), BY_ADMIN)

    assert await house.tags(after=head) == []


async def test_with_the_provider_down_the_rest_is_changed_and_the_price_had_afterwards(house: House) -> None:
    plan_id = await house.sells()
    house.billing.down = True
    head = await house.ledger.head()

    with pytest.raises(ProviderUnavailable):
        await house.plans.change(plan_id, PlanChange(price=DEARER, name="Fine cooking"), BY_ADMIN)
    assert await house.tags(after=head) == ["plan.changed", "plan.price_requested"]
    assert (await house.plans.offer(plan_id)).amount == COOKING.price.amount
    await house.plans.change(plan_id, PlanChange(name="Finer cooking"), BY_ADMIN)

    house.billing.down = False
    requested = [fact for fact in await house.facts() if isinstance(fact, PriceRequested)]
    for fact in requested:
        await when_price_requested_settle_it(house.plans).act(fact)

    offer = await house.plans.offer(plan_id)
    assert (offer.amount, offer.name, len(offer.price_ids)) == (DEARER.amount, "Finer cooking", 2)


async def test_a_new_price_is_under_the_product_of_the_one_before(house: House) -> None:
    house.billing.has_price("price_made_by_hand", COOKING.price, COOKING.interval)
    plan_id = await house.sells(replace(COOKING, price_id="price_made_by_hand"))

    await house.plans.change(plan_id, PlanChange(price=DEARER), BY_ADMIN)

    by_hand, dearer = (await house.plans.offer(plan_id)).price_ids
    assert by_hand == "price_made_by_hand"
    assert house.billing.product_of(dearer) == house.billing.product_of(by_hand)


# Two at once.


class SlowBilling(MemoryBilling):
    """Lets something happen while it makes a price."""

    async def create_price(self, **wanted: Any) -> str:
        price_id = await super().create_price(**wanted)
        await self.meanwhile(wanted["price"])
        return price_id

    meanwhile: Callable[[Money], Any]


async def test_of_two_changes_at_once_both_count(house: House) -> None:
    plan_id = await house.sells()

    await asyncio.gather(
        *(
            house.plans.change(plan_id, change, BY_ADMIN)
            for change in (
                PlanChange(name="Fine cooking"),
                PlanChange(features=("uhd",)),
                PlanChange(price=DEARER),
                PlanChange(stream_limit=5),
            )
        )
    )

    offer = await house.plans.offer(plan_id)
    assert (offer.name, offer.features, offer.amount, offer.stream_limit) == ("Fine cooking", ("uhd",), 1299, 5)


async def test_of_two_prices_at_once_the_one_asked_for_last_is_sold_whichever_is_made_first(house: House) -> None:
    billing = SlowBilling(house.business_time)
    house.plans = replaced(house.plans, billing=billing)
    second: list[Any] = []

    async def meanwhile(price: Money) -> None:
        if price == DEARER and not second:
            second.append(None)
            second[0] = await house.plans.change(plan_id, PlanChange(price=DEAREST), BY_ADMIN)

    billing.meanwhile = meanwhile
    plan_id = (await house.plans.create(COOKING, BY_ADMIN)).plan.terms.plan_id

    first = await house.plans.change(plan_id, PlanChange(price=DEARER), BY_ADMIN)

    assert first.plan.terms.price == second[0].plan.terms.price == DEAREST
    assert len(first.plan.prices["memory"]) == 2
    assert (await house.plans.offer(plan_id)).amount == DEAREST.amount


# What it gives, and who has it.


async def test_what_a_plan_gives_reaches_its_subscribers_when_the_provider_is_asked_next_and_is_a_fact(
    house: House,
) -> None:
    anna, plan_id = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan_id)
    await house.plans.change(plan_id, PlanChange(features=("hd", "sd", "uhd"), max_height=2160), BY_ADMIN)
    assert (await house.subscriptions.mine(anna)).access.features == ("hd", "sd")

    await house.sweeping.request("admin")
    while await house.sweeping.sweep_next():
        pass

    assert (await house.subscriptions.mine(anna)).access.features == ("hd", "sd", "uhd")
    [changed] = [fact for fact in await house.facts() if isinstance(fact, PlanChanged)]
    assert (changed.before.features, changed.after.features) == (("hd", "sd"), ("hd", "sd", "uhd"))
    assert (changed.before_price_id, changed.before.price) == (changed.after_price_id, changed.after.price)
    head = await house.ledger.head()
    await house.convergence.settle(customer)
    assert await house.tags(after=head) == []


async def test_what_a_plan_gives_no_more_is_taken_the_same_way(house: House) -> None:
    anna, plan_id = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan_id)
    await house.plans.change(plan_id, PlanChange(features=("sd",)), BY_ADMIN)

    await house.convergence.settle(customer)

    assert (await house.subscriptions.mine(anna)).access.features == ("sd",)


async def test_who_buys_it_now_gets_what_it_gives_now(house: House) -> None:
    anna, plan_id = await house.registers(), await house.sells()
    await house.plans.change(plan_id, PlanChange(features=("uhd",), trial_days=5), BY_ADMIN)

    await house.subscribes(anna, plan_id)

    access = (await house.subscriptions.mine(anna)).access
    assert (access.reason, access.features) == ("trial", ("uhd",))


async def test_withdrawn_it_is_neither_shown_nor_sold_and_goes_on_for_who_has_it(house: House) -> None:
    anna, boris, plan_id = await house.registers(), await house.registers("boris@example.com"), await house.sells()
    customer = await house.subscribes(anna, plan_id)

    await house.plans.change(plan_id, PlanChange(active=False), BY_ADMIN)

    assert await house.plans.page(before=None, limit=5) == []
    with pytest.raises(PlanNotForSale):
        await house.opens_checkout(boris, plan_id)
    seen = await house.subscription_seen(customer)
    next_end = seen.first.period_end + days(30)
    house.billing.tell(customer.customer_id, replace(seen, items=(replace(seen.first, period_end=next_end),)))
    await house.convergence.settle(customer)
    mine = await house.subscriptions.mine(anna)
    assert mine.access.until == next_end + days(2)
    assert (mine.plan and mine.plan.name, mine.plan and mine.plan.active) == ("Cooking", False)

    await house.plans.change(plan_id, PlanChange(active=True), BY_ADMIN)
    assert (await house.opens_checkout(boris, plan_id)).expires_at == MONDAY + days(1)


async def test_who_subscribed_before_the_price_rose_is_shown_what_she_pays(house: House) -> None:
    anna, plan_id = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan_id)
    change = PlanChange(price=DEARER, name="Fine cooking", description="Every pan.", features=("uhd",))
    await house.plans.change(plan_id, change, BY_ADMIN)

    sold = (await house.subscriptions.mine(anna)).plan
    assert sold is not None
    assert (sold.amount, sold.name, sold.features) == (COOKING.price.amount, COOKING.name, ("hd", "sd"))
    assert sold.description == "Every pan."

    await house.convergence.settle(customer)
    sold = (await house.subscriptions.mine(anna)).plan
    assert sold is not None
    assert (sold.amount, sold.name, sold.features) == (COOKING.price.amount, "Fine cooking", ("uhd",))
