"""The plans: what may be bought today, and at which price."""

from msgspec.structs import replace

from application.projections.plans import Offer, plans
from domain.plan.plan import (
    PlanCreated,
    PlanDetails,
    PlanReturned,
    PlanRevised,
    PlanWithdrawn,
    PriceBound,
    PriceRequested,
)
from domain.shared.fact import Fact
from domain.shared.money import Money
from tests.application.projections.stories import rows_of
from tests.domain.annas_subscription import CINEMA
from tests.people import COOKING

created = PlanCreated(terms=CINEMA, description="Every film", trial_days=7, duration_days=None)
asked_for = PriceRequested(
    plan_id=CINEMA.plan_id, provider="stripe", price=Money(1499, "USD"), idempotency_key="price-1"
)
bound = PriceBound(plan_id=CINEMA.plan_id, provider="stripe", price_id="price_1499", price=Money(1499, "USD"))


def cinema_after(*facts: Fact) -> Offer:
    return rows_of(plans, Offer, *facts)[CINEMA.plan_id]


def test_a_new_plan_is_there_and_not_for_sale() -> None:
    offer = cinema_after(created, asked_for)

    assert (offer.name, offer.description, offer.amount, offer.currency) == ("Cinema", "Every film", 1499, "USD")
    assert (offer.interval, offer.trial_days, offer.duration_days) == ("month", 7, None)
    assert (offer.features, offer.stream_limit, offer.max_height) == (("hd", "sd", "uhd"), 4, 2160)
    assert (offer.active, offer.price_ids, offer.created_position) == (False, (), 1)


def test_with_a_price_it_is_for_sale() -> None:
    offer = cinema_after(created, asked_for, bound)

    assert (offer.active, offer.price_ids) == (True, ("price_1499",))


def test_prices_are_kept_oldest_first() -> None:
    newer = replace(bound, price_id="price_1599")

    assert cinema_after(created, bound, newer).price_ids == ("price_1499", "price_1599")


def test_each_plan_is_one_row() -> None:
    other = replace(created, terms=COOKING)

    rows = rows_of(plans, Offer, created, other, bound)

    assert {row.name: row.active for row in rows.values()} == {"Cinema": True, "Cooking": False}


def test_a_price_of_no_plan_makes_none() -> None:
    assert rows_of(plans, Offer, bound) == {}


def test_what_is_said_anew_is_shown() -> None:
    before = PlanDetails(
        name="Cinema",
        description="Every film",
        features=("hd", "sd", "uhd"),
        stream_limit=4,
        max_height=2160,
        trial_days=7,
    )
    after = replace(before, name="Pictures", description="Some", features=("sd",), max_height=None, trial_days=0)

    offer = cinema_after(created, bound, PlanRevised(plan_id=CINEMA.plan_id, before=before, after=after))

    assert (offer.name, offer.description, offer.features, offer.trial_days) == ("Pictures", "Some", ("sd",), 0)
    assert (offer.stream_limit, offer.max_height, offer.amount, offer.active) == (4, None, 1499, True)


def test_a_new_price_is_the_one_that_is_shown_and_sold() -> None:
    newer = replace(bound, price_id="price_1799", price=Money(1799, "EUR"))

    offer = cinema_after(created, bound, newer, bound)
    assert (offer.amount, offer.currency, offer.price_ids) == (1499, "USD", ("price_1799", "price_1499"))
    offer = cinema_after(created, bound, newer)
    assert (offer.amount, offer.currency, offer.price_ids) == (1799, "EUR", ("price_1499", "price_1799"))


def test_what_is_withdrawn_is_not_for_sale_until_it_is_again() -> None:
    withdrawn, returned = PlanWithdrawn(plan_id=CINEMA.plan_id), PlanReturned(plan_id=CINEMA.plan_id)

    assert not cinema_after(created, bound, withdrawn).active
    assert not cinema_after(created, withdrawn, bound).active
    assert cinema_after(created, bound, withdrawn, returned).active
    assert not cinema_after(created, withdrawn, returned).active
