"""A plan: made, priced at a provider, sold at its newest price, changed, withdrawn."""

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.plan.plan import (
    Plan,
    PlanCreated,
    PlanDetails,
    PlanNotForSale,
    PlanReturned,
    PlanRevised,
    PlanWithdrawn,
    PrepaidHasNoTrial,
    PrepaidNeedsDuration,
    PriceBound,
    PriceRefused,
    PriceRequested,
    PriceRetired,
)
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from tests.people import COOKING
from tests.scenario import folded, given, nothing_yet

PREPAID = replace(COOKING, plan_id=UUID(int=30), name="Thirty days", interval="once")
DEARER = Money(1299, "USD")

created = PlanCreated(terms=COOKING, description="Every pot", trial_days=7, duration_days=None)
details = PlanDetails(
    name="Cooking", description="Every pot", features=("hd", "sd"), stream_limit=None, max_height=None, trial_days=7
)
asked_for = PriceRequested(
    plan_id=COOKING.plan_id, provider="stripe", price=Money(999, "USD"), idempotency_key="price-cooking"
)
bound = PriceBound(plan_id=COOKING.plan_id, provider="stripe", price_id="price_999", price=Money(999, "USD"))
dearer_asked_for = replace(asked_for, price=DEARER, idempotency_key="price-dearer")
dearer_bound = replace(bound, price_id="price_1299", price=DEARER)
retired = PriceRetired(plan_id=COOKING.plan_id, provider="stripe", price_id="price_999", price=Money(999, "USD"))
withdrawn = PlanWithdrawn(plan_id=COOKING.plan_id)
returned = PlanReturned(plan_id=COOKING.plan_id)


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


def test_what_is_bought_once_has_no_trial() -> None:
    nothing_yet().when(lambda _: Plan.create(PREPAID, description="", trial_days=7, duration_days=30)).then_refused(
        PrepaidHasNoTrial
    )
    prepaid = PlanCreated(terms=PREPAID, description="", trial_days=0, duration_days=30)
    given(Plan, prepaid).when(lambda plan: plan.revise(replace(plan.details, trial_days=7))).then_refused(
        PrepaidHasNoTrial
    )


@pytest.mark.parametrize("said", [{"name": "A month"}, {"trial_days": 0}])
def test_a_trial_that_a_prepaid_plan_has_from_before_stays_or_goes(said: dict[str, Any]) -> None:
    before = PlanCreated(terms=PREPAID, description="", trial_days=7, duration_days=30)
    plan = folded(Plan, before)
    after = replace(plan.details, **said)

    given(Plan, before).when(lambda plan: plan.revise(after)).then(
        PlanRevised(plan_id=PREPAID.plan_id, before=plan.details, after=after)
    )


# Its price.


def test_a_price_is_asked_for_before_the_provider_is() -> None:
    given(Plan, created).when(
        lambda plan: plan.request_price(provider="stripe", price=COOKING.price, idempotency_key="price-cooking")
    ).then(asked_for)


@pytest.mark.parametrize(
    ("past", "price"),
    [
        pytest.param((created, asked_for), COOKING.price, id="it is asked for already"),
        pytest.param((created, asked_for, bound), COOKING.price, id="it is sold at this price"),
        pytest.param((created, bound, dearer_asked_for), DEARER, id="the new one is asked for already"),
    ],
)
def test_a_price_is_not_asked_for_twice(past: tuple[PlanCreated], price: Money) -> None:
    given(Plan, *past).when(
        lambda plan: plan.request_price(provider="stripe", price=price, idempotency_key="price-again")
    ).then_nothing()


@pytest.mark.parametrize(
    ("gone", "then"), [("price_999", [replace(asked_for, idempotency_key="again")]), ("other", [])]
)
def test_the_price_that_is_gone_at_the_provider_is_asked_for_again_and_no_other(
    gone: str, then: list[PriceRequested]
) -> None:
    given(Plan, created, asked_for, bound).when(
        lambda plan: plan.request_price(provider="stripe", price=COOKING.price, idempotency_key="again", gone=gone)
    ).then(*then)


def test_without_a_price_it_is_not_for_sale() -> None:
    for plan in (folded(Plan, created), folded(Plan, created, asked_for)):
        with pytest.raises(PlanNotForSale):
            plan.price_for_sale("stripe")


def test_the_price_that_was_made_is_bound_and_sold() -> None:
    given(Plan, created, asked_for).when(lambda plan: plan.fulfil_price(asked_for, "price_999")).then(bound)
    assert folded(Plan, created, asked_for, bound).price_for_sale("stripe") == "price_999"


def test_a_price_is_bound_once() -> None:
    given(Plan, created, asked_for, bound).when(lambda plan: plan.fulfil_price(asked_for, "price_999")).then_nothing()
    given(Plan, created, bound).when(
        lambda plan: plan.bind_price(provider="stripe", price_id="price_999", price=COOKING.price)
    ).then_nothing()


def test_a_new_price_is_sold_and_the_older_one_honoured() -> None:
    given(Plan, created, bound, dearer_asked_for).when(
        lambda plan: plan.fulfil_price(dearer_asked_for, "price_1299")
    ).then(retired, dearer_bound)
    plan = folded(Plan, created, bound, dearer_asked_for, retired, dearer_bound)
    assert (plan.price_for_sale("stripe"), plan.terms.price) == ("price_1299", DEARER)
    assert plan.prices == {"stripe": ("price_999", "price_1299")}


def test_an_honoured_price_can_be_sold_again() -> None:
    given(Plan, created, bound, retired, dearer_bound).when(
        lambda plan: plan.bind_price(provider="stripe", price_id="price_999", price=COOKING.price)
    ).then(replace(retired, price_id="price_1299", price=DEARER), bound)
    assert folded(Plan, created, bound, retired, dearer_bound, bound).prices == {"stripe": ("price_1299", "price_999")}


def test_of_two_prices_asked_for_at_once_the_last_wish_counts() -> None:
    asked_for_twice = (
        created,
        bound,
        dearer_asked_for,
        replace(dearer_asked_for, price=Money(1499, "USD"), idempotency_key="price-1499"),
    )

    given(Plan, *asked_for_twice).when(lambda plan: plan.fulfil_price(dearer_asked_for, "price_1299")).then_nothing()
    given(Plan, *asked_for_twice).when(lambda plan: plan.refuse_price(dearer_asked_for, "no")).then_nothing()


def test_naming_the_price_that_is_sold_takes_back_the_wish_for_another() -> None:
    given(Plan, created, bound, dearer_asked_for).when(
        lambda plan: plan.bind_price(provider="stripe", price_id="price_999", price=COOKING.price)
    ).then(bound)
    given(Plan, created, bound, dearer_asked_for, bound).when(
        lambda plan: plan.fulfil_price(dearer_asked_for, "price_1299")
    ).then_nothing()


def test_a_price_that_the_provider_would_not_make_is_waited_for_no_more() -> None:
    refused = PriceRefused(
        plan_id=COOKING.plan_id, provider="stripe", price=DEARER, idempotency_key="price-dearer", reason="too dear"
    )

    given(Plan, created, bound, dearer_asked_for).when(
        lambda plan: plan.refuse_price(dearer_asked_for, "too dear")
    ).then(refused)
    plan = folded(Plan, created, bound, dearer_asked_for, refused)
    assert (plan.requested, plan.price_for_sale("stripe"), plan.terms.price) == ({}, "price_999", COOKING.price)


def test_a_price_at_one_provider_sells_nothing_at_another() -> None:
    with pytest.raises(PlanNotForSale):
        folded(Plan, created, bound).price_for_sale("razorpay")


# What is said of it, and whether it is sold.


def test_what_is_said_anew_is_told_with_what_was_said_before() -> None:
    after = replace(details, name="All of cooking", features=("hd", "sd", "uhd"), stream_limit=3, trial_days=0)

    given(Plan, created).when(lambda plan: plan.revise(after)).then(
        PlanRevised(plan_id=COOKING.plan_id, before=details, after=after)
    )
    plan = folded(Plan, created, PlanRevised(plan_id=COOKING.plan_id, before=details, after=after))
    assert plan.details == after
    assert (plan.terms.name, plan.terms.features, plan.terms.stream_limit) == (after.name, after.features, 3)
    assert (plan.terms.price, plan.terms.interval, plan.duration_days) == (COOKING.price, "month", None)


def test_what_is_said_again_is_no_news() -> None:
    given(Plan, created).when(lambda plan: plan.revise(details)).then_nothing()


def test_withdrawn_it_is_not_sold_and_keeps_its_prices() -> None:
    given(Plan, created, bound).when(lambda plan: plan.sell(active=False)).then(withdrawn)
    given(Plan, created, bound, withdrawn).when(lambda plan: plan.sell(active=False)).then_nothing()
    plan = folded(Plan, created, bound, withdrawn)
    assert plan.prices == {"stripe": ("price_999",)}
    with pytest.raises(PlanNotForSale):
        plan.price_for_sale("stripe")


def test_and_is_sold_again_when_somebody_says_so() -> None:
    given(Plan, created, bound, withdrawn).when(lambda plan: plan.sell(active=True)).then(returned)
    given(Plan, created, bound).when(lambda plan: plan.sell(active=True)).then_nothing()
    assert folded(Plan, created, bound, withdrawn, returned).price_for_sale("stripe") == "price_999"
