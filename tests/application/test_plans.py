"""Plans: made, priced at the provider, shown once they are for sale."""

from dataclasses import replace as replaced
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing import MemoryBilling
from application.errors import NotFound, ProviderRefused, ProviderUnavailable
from application.plans import NewPlan, PlanChange, PricedPlan, PriceTaken
from application.policies.pricing import when_price_requested_settle_it
from domain.plan.plan import (
    PlanCreated,
    PlanNotForSale,
    PrepaidNeedsDuration,
    PriceDoesNotMatch,
    PriceRequested,
)
from domain.shared.money import Money
from tests.application.house import BY_ADMIN, COOKING, House

pytestmark = pytest.mark.anyio

NAMED_PRICE = replace(COOKING, price_id="price_of_old")


async def sells_named(house: House, **differently: Any) -> PricedPlan:
    """A plan at a price that the provider had before."""
    house.billing.has_price("price_of_old", COOKING.price, COOKING.interval)
    return await house.plans.create(replace(NAMED_PRICE, **differently), BY_ADMIN)


async def names_on_offer(house: House) -> list[str]:
    return [offer.name for offer in await house.plans.page(before=None, limit=20)]


async def test_a_plan_is_made_and_priced_and_for_sale(house: House) -> None:
    created = await house.plans.create(COOKING, BY_ADMIN)

    assert await house.tags() == ["plan.created", "plan.price_requested", "plan.price_bound"]
    assert created.position == 3
    assert created.plan.price_for_sale("memory")
    assert await names_on_offer(house) == ["Cooking"]


async def test_the_wish_for_a_price_is_recorded_before_the_provider_is_asked(house: House) -> None:
    house.billing.down = True

    with pytest.raises(ProviderUnavailable):
        await house.plans.create(COOKING, BY_ADMIN)

    requested = (await house.facts())[-1]
    assert isinstance(requested, PriceRequested)
    assert (requested.provider, requested.price) == ("memory", Money(999, "USD"))
    assert requested.idempotency_key == f"price-{requested.plan_id}"


async def test_with_the_provider_down_it_is_there_and_not_for_sale(house: House) -> None:
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.plans.create(COOKING, BY_ADMIN)
    house.billing.down = False
    plan_id = await only_plan(house)

    assert await names_on_offer(house) == []
    assert not (await house.plans.offer(plan_id)).active
    with pytest.raises(PlanNotForSale):
        await house.opens_checkout(await house.registers(), plan_id)


async def test_bound_again_it_is_for_sale(house: House) -> None:
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.plans.create(COOKING, BY_ADMIN)
    house.billing.down = False

    await house.plans.settle_price(await only_plan(house), BY_ADMIN)

    assert await names_on_offer(house) == ["Cooking"]


async def test_what_is_for_sale_gets_no_second_price(house: House) -> None:
    plan_id = await house.sells()

    await house.plans.settle_price(plan_id, BY_ADMIN)
    await house.plans.change(plan_id, PlanChange(price=COOKING.price), BY_ADMIN)

    assert await house.tags() == ["plan.created", "plan.price_requested", "plan.price_bound"]


async def test_a_price_at_which_the_provider_sells_no_more_is_made_anew_when_it_is_said_again(house: House) -> None:
    plan_id = await house.sells()
    old = (await house.plans.offer(plan_id)).price_ids[0]
    house.billing.withdraw_price(old)
    head = await house.ledger.head()

    changed = await house.plans.change(plan_id, PlanChange(price=COOKING.price), BY_ADMIN)
    await house.plans.change(plan_id, PlanChange(price=COOKING.price), BY_ADMIN)

    assert await house.tags(after=head) == ["plan.price_requested", "plan.price_retired", "plan.price_bound"]
    assert changed.plan.price_for_sale("memory") != old
    assert (await house.opens_checkout(await house.registers(), plan_id)).url


async def test_whether_a_price_is_sold_is_not_known_while_the_provider_is_down(house: House) -> None:
    plan_id = await house.sells()
    house.billing.down = True
    head = await house.ledger.head()

    with pytest.raises(ProviderUnavailable):
        await house.plans.change(plan_id, PlanChange(price=COOKING.price, name="Fine cooking"), BY_ADMIN)

    assert await house.tags(after=head) == []


async def test_a_price_that_the_provider_has_already_is_bound_as_it_is(house: House) -> None:
    created = await sells_named(house)

    assert await house.tags() == ["plan.created", "plan.price_bound"]
    assert created.position == 2
    assert created.plan.price_for_sale("memory") == "price_of_old"
    assert await house.customers.plan_of_price("memory", "price_of_old") == created.plan.terms.plan_id


@pytest.mark.parametrize("other", [{"price": Money(0, "USD")}, {"price": Money(999, "EUR")}, {"interval": "year"}])
async def test_a_price_that_is_not_what_the_plan_says_is_not_bound(house: House, other: dict[str, Any]) -> None:
    with pytest.raises(PriceDoesNotMatch):
        await sells_named(house, **other)
    with pytest.raises(ProviderRefused):
        await house.plans.create(replace(COOKING, price_id="price_of_nobody"), BY_ADMIN)

    assert await house.tags() == []


async def test_a_price_that_could_not_be_had_is_had_afterwards_and_once(house: House) -> None:
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.plans.create(COOKING, BY_ADMIN)
    requested = next(fact for fact in await house.facts() if isinstance(fact, PriceRequested))
    policy = when_price_requested_settle_it(house.plans)
    house.billing.down = False

    await policy.act(requested)
    await policy.act(requested)

    assert await house.tags() == ["plan.created", "plan.price_requested", "plan.price_bound"]
    assert await names_on_offer(house) == ["Cooking"]


async def test_a_price_sells_one_plan_alone(house: House) -> None:
    first = (await sells_named(house)).plan.terms.plan_id

    with pytest.raises(PriceTaken):
        await sells_named(house, name="Cinema")

    assert await house.tags() == ["plan.created", "plan.price_bound"]
    assert await house.customers.plan_of_price("memory", "price_of_old") == first


async def test_a_price_that_the_provider_will_not_make_is_told_and_not_asked_for_for_ever(house: House) -> None:
    billing = RefusingBilling(house.business_time)
    house.plans = replaced(house.plans, billing=billing)

    with pytest.raises(ProviderRefused):
        await house.plans.create(COOKING, BY_ADMIN)

    assert await house.tags() == ["plan.created", "plan.price_requested", "plan.price_refused"]
    requested = next(fact for fact in await house.facts() if isinstance(fact, PriceRequested))
    await when_price_requested_settle_it(house.plans).act(requested)
    assert billing.asked_for_prices == 1


async def test_and_when_it_is_refused_afterwards_every_other_price_goes_on(house: House) -> None:
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.plans.create(COOKING, BY_ADMIN)
    house.plans = replaced(house.plans, billing=RefusingBilling(house.business_time))
    requested = next(fact for fact in await house.facts() if isinstance(fact, PriceRequested))

    await when_price_requested_settle_it(house.plans).act(requested)

    assert await house.tags() == ["plan.created", "plan.price_requested", "plan.price_refused"]


class RefusingBilling(MemoryBilling):
    """Makes no price."""

    asked_for_prices = 0

    async def create_price(self, **wanted: Any) -> str:
        self.asked_for_prices += 1
        raise ProviderRefused(f"Invalid currency: {wanted['price'].currency}")


async def test_a_plan_keeps_all_that_was_said_of_it(house: House) -> None:
    said = replace(COOKING, description="Every pot", trial_days=7, stream_limit=2, max_height=1080)

    plan = (await house.plans.create(said, BY_ADMIN)).plan

    assert (plan.description, plan.trial_days, plan.duration_days) == ("Every pot", 7, None)
    assert (plan.terms.name, plan.terms.price, plan.terms.interval) == ("Cooking", Money(999, "USD"), "month")
    assert (plan.terms.features, plan.terms.stream_limit, plan.terms.max_height) == (("hd", "sd"), 2, 1080)


async def test_a_plan_that_makes_no_sense_is_not_recorded(house: House) -> None:
    with pytest.raises(PrepaidNeedsDuration):
        await house.plans.create(replace(COOKING, interval="once"), BY_ADMIN)
    assert await house.facts() == []


async def test_plans_are_shown_newest_first_page_by_page(house: House) -> None:
    for name in ("Cooking", "Cinema", "Concerts"):
        await house.sells(NewPlan(name=name, price=Money(999, "USD"), interval="month"))

    first = await house.plans.page(before=None, limit=2)
    second = await house.plans.page(before=first[-1].created_position, limit=2)

    assert [offer.name for offer in first] == ["Concerts", "Cinema"]
    assert [offer.name for offer in second] == ["Cooking"]


async def test_a_plan_that_is_not_there_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        await house.plans.offer(UUID(int=404))
    with pytest.raises(NotFound):
        await house.plans.change(UUID(int=404), PlanChange(name="Nothing"), BY_ADMIN)


async def only_plan(house: House) -> UUID:
    (created,) = [fact for fact in await house.facts() if isinstance(fact, PlanCreated)]
    return created.terms.plan_id
