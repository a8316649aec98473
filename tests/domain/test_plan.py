"""A plan: made, priced at a provider, sold at its newest price."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.plan.plan import Plan, PlanCreated, PlanNotForSale, PrepaidNeedsDuration, PriceBound, PriceRequested
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from tests.people import COOKING
from tests.scenario import folded, given, nothing_yet

PREPAID = replace(COOKING, plan_id=UUID(int=30), name="Thirty days", interval="once")

created = PlanCreated(terms=COOKING, description="Every pot", trial_days=7, duration_days=None)
asked_for = PriceRequested(
    plan_id=COOKING.plan_id, provider="stripe", price=Money(999, "USD"), idempotency_key="price-cooking"
)
bound = PriceBound(plan_id=COOKING.plan_id, provider="stripe", price_id="price_999", price=Money(999, "USD"))
bound_again = replace(bound, price_id="price_999_new")


def test_a_plan_that_renews_is_made() -> None:
    nothing_yet().when(lambda _: Plan.create(COOKING, description="Every pot", trial_days=7, duration_days=None)).then(
        created
    )


def test_a_plan_bought_once_says_for_how_long() -> None:
    nothing_yet().when(lambda _: Plan.create(PREPAID, description="", trial_days=0, duration_days=30)).then(
        PlanCreated(terms=PREPAID, description="", trial_days=0, duration_days=30)
    )


@pytest.mark.parametrize(("interval", "duration_days"), [("once", None), ("month", 30), ("year", 365)])
def test_a_duration_belongs_to_what_is_bought_once_and_to_nothing_else(
    interval: Interval, duration_days: int | None
) -> None:
    nothing_yet().when(
        lambda _: Plan.create(
            replace(COOKING, interval=interval), description="", trial_days=0, duration_days=duration_days
        )
    ).then_refused(PrepaidNeedsDuration)


def test_a_price_is_asked_for_before_the_provider_is() -> None:
    given(Plan, created).when(lambda plan: plan.request_price(provider="stripe", idempotency_key="price-cooking")).then(
        asked_for
    )


def test_without_a_price_it_is_not_for_sale() -> None:
    for plan in (folded(Plan, created), folded(Plan, created, asked_for)):
        with pytest.raises(PlanNotForSale):
            plan.price_for_sale("stripe")


def test_the_price_is_bound_and_sold() -> None:
    given(Plan, created, asked_for).when(lambda plan: plan.bind_price(provider="stripe", price_id="price_999")).then(
        bound
    )
    assert folded(Plan, created, asked_for, bound).price_for_sale("stripe") == "price_999"


def test_the_same_price_is_bound_once() -> None:
    given(Plan, created, bound).when(
        lambda plan: plan.bind_price(provider="stripe", price_id="price_999")
    ).then_nothing()


def test_buyers_pay_the_newest_price_and_the_older_one_stays_known() -> None:
    plan = folded(Plan, created, bound, bound_again)

    assert plan.price_for_sale("stripe") == "price_999_new"
    assert plan.prices == {"stripe": ("price_999", "price_999_new")}


def test_a_price_at_one_provider_sells_nothing_at_another() -> None:
    with pytest.raises(PlanNotForSale):
        folded(Plan, created, bound).price_for_sale("razorpay")
