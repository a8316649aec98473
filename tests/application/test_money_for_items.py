"""Money that went back closes what had been paid with it, item by item, and what is paid since opens it again."""

import pytest
from msgspec.structs import replace

from application.ports.billing import SeenItem
from domain.payment.truth import CoveredItem, DisputeStage, ProviderPayment
from domain.shared.money import Money
from domain.subscription.truth import BillingPolicy
from tests.application.what_is_sold import (
    BOTH_PLANS,
    BY_PRICE,
    ITS_YEAR,
    LAST_MONTH,
    MONTH_BEFORE,
    NEXT_YEAR,
    OF_BEFORE,
    THIS_MONTH,
    THIS_YEAR,
    apron,
    cooking,
    kept,
    paid,
    refunded,
    settled,
    sold,
    year,
)
from tests.people import MONDAY, NEXT_MONTH, days


@pytest.mark.parametrize("items", [(apron, cooking), (cooking, apron)], ids=["apron first", "plan first"])
@pytest.mark.parametrize(
    ("covers", "counts"),
    [
        pytest.param((THIS_MONTH,), True, id="the plan's month"),
        pytest.param((BY_PRICE,), True, id="the same by its price"),
        pytest.param((THIS_MONTH, THIS_YEAR), True, id="both"),
        pytest.param((LAST_MONTH,), True, id="last month, and nothing since"),
        pytest.param((LAST_MONTH, THIS_YEAR), True, id="last month with the year of the apron, and nothing since"),
        pytest.param((THIS_YEAR,), True, id="all that was ever paid"),
    ],
)
def test_money_is_for_the_period_of_the_plans_item(
    items: tuple[SeenItem, ...], covers: tuple[CoveredItem, ...], *, counts: bool
) -> None:
    back = sold(*items, payments=(paid(*covers),)).money_back

    assert [one.how for one in back or ()] == (["dispute_lost"] if counts else [])


def test_money_for_something_else_alone_does_not_concern_the_plan() -> None:
    other = paid(THIS_YEAR)

    assert sold(cooking, apron, payments=(paid(THIS_MONTH, stage="won"), other)).money_back == ()


def test_where_the_plan_took_the_place_of_another_the_money_for_that_counts() -> None:
    back = sold(cooking, payments=(paid(OF_BEFORE),)).money_back

    assert [one.how for one in back or ()] == ["dispute_lost"]


# Money by item, of several plans in one subscription.


@pytest.mark.parametrize(
    ("month", "year_paid", "expected"),
    [
        pytest.param((THIS_MONTH,), (ITS_YEAR,), (True, False), id="the month"),
        pytest.param((THIS_MONTH, ITS_YEAR), (), (True, True), id="what paid both"),
        pytest.param((ITS_YEAR,), (THIS_MONTH,), (False, True), id="the year"),
        pytest.param((LAST_MONTH, ITS_YEAR), (THIS_MONTH,), (False, True), id="the year with the month before"),
        pytest.param((LAST_MONTH,), (ITS_YEAR,), (True, False), id="the month before, and nothing for it since"),
        pytest.param((THIS_MONTH,), (), (True, True), id="all that was ever paid"),
    ],
)
def test_money_takes_the_items_that_it_paid_for(
    month: tuple[CoveredItem, ...], year_paid: tuple[CoveredItem, ...], expected: tuple[bool, bool]
) -> None:
    """The first payment is disputed and lost, the second is in order."""
    payments = (paid(*month), paid(*year_paid, stage="won")) if year_paid else (paid(*month),)
    truth = sold(cooking, year, payments=payments, plans=BOTH_PLANS)
    [beside] = truth.further

    assert (bool(truth.money_back), bool(beside.money_back)) == expected


def test_one_that_came_for_nothing_goes_with_what_paid_for_its_time() -> None:
    gift = replace(year, period_end=NEXT_MONTH)
    other = paid(CoveredItem(reference="si_3", price_id="price_3", until=NEXT_MONTH), stage="won")

    for payments, taken in (((paid(THIS_MONTH),), True), ((paid(LAST_MONTH),), True), ((other,), False)):
        [beside] = sold(cooking, gift, payments=payments, plans=BOTH_PLANS).further
        assert bool(beside.money_back) is taken


def test_one_that_is_sold_again_is_paid_for_by_its_own_payment_and_not_by_that_for_its_price() -> None:
    before = paid(CoveredItem(reference="si_gone", price_id="price_cooking", until=NEXT_MONTH))

    assert sold(cooking, payments=(before,)).money_back
    assert sold(cooking, payments=(before, paid(THIS_MONTH, stage="won"))).money_back == ()


def test_one_that_is_sold_again_for_nothing_is_paid_for_by_what_paid_its_price() -> None:
    before = CoveredItem(reference="si_gone", price_id="price_cooking", until=NEXT_MONTH)

    assert sold(cooking, payments=(paid(before, stage="won"), paid(OF_BEFORE))).money_back == ()
    assert sold(cooking, payments=(paid(before), paid(OF_BEFORE, stage="won"))).money_back


def test_what_was_paid_since_opens_it_again_and_what_is_owed_void_or_failed_does_not() -> None:
    lost = paid(LAST_MONTH)
    owed = replace(paid(THIS_MONTH, stage="won"), status="failed")

    assert sold(cooking, payments=(lost, owed)).money_back
    assert sold(cooking, payments=(lost, replace(owed, status="pending"))).money_back
    assert sold(cooking, payments=(lost, replace(owed, status="paid"))).money_back == ()


def test_of_what_is_owed_for_long_the_last_payment_tells() -> None:
    assert sold(cooking, payments=(paid(MONTH_BEFORE), paid(LAST_MONTH, stage="won"))).money_back == ()
    assert sold(cooking, payments=(paid(MONTH_BEFORE, stage="won"), paid(LAST_MONTH))).money_back


def test_where_nothing_is_known_of_money_that_goes_for_each_item() -> None:
    truth = sold(cooking, year, payments=None, plans=BOTH_PLANS)

    assert (truth.money_back, [one.money_back for one in truth.further]) == (None, [None])


# What is free, what is given, and what is on an invoice beside the items.

FREE = replace(cooking, price=Money(0, "USD"), is_free=True)
MUG: tuple[CoveredItem, ...] = ()
"""What an invoice is for that is for no item."""


@pytest.mark.parametrize("of", [THIS_MONTH, LAST_MONTH], ids=["this month", "last month"])
def test_what_is_free_by_its_price_is_closed_by_no_money(of: CoveredItem) -> None:
    for gone in (paid(of), refunded(of)):
        assert sold(FREE, payments=(gone,)).money_back == ()
        assert sold(replace(FREE, is_free=False), payments=(gone,)).money_back

    [beside] = sold(year, FREE, payments=(refunded(ITS_YEAR),), plans=BOTH_PLANS).further
    assert beside.money_back == ()


@pytest.mark.parametrize("gone", [paid(THIS_MONTH), refunded(THIS_MONTH), paid(LAST_MONTH), refunded(LAST_MONTH)])
def test_on_trial_nothing_that_went_back_closes_what_was_given(gone: ProviderPayment) -> None:
    truth = sold(cooking, year, payments=(gone,), plans=BOTH_PLANS, status="trialing")

    assert (truth.money_back, [one.money_back for one in truth.further]) == ((), [()])
    assert sold(cooking, payments=(gone,), status="active").money_back


def test_what_is_for_no_item_decides_nothing() -> None:
    assert sold(cooking, payments=(paid(*MUG), kept(THIS_MONTH))).money_back == ()
    assert sold(cooking, payments=(refunded(*MUG),)).money_back == ()
    assert sold(cooking, payments=(kept(*MUG), refunded(THIS_MONTH))).money_back
    assert sold(cooking, payments=(kept(*MUG, at=MONDAY + days(1)), paid(THIS_MONTH))).money_back


def test_what_does_not_tell_what_it_is_for_is_for_the_current_period() -> None:
    untold = replace(refunded(), covers=None, covers_until=None)

    assert sold(cooking, payments=(untold,)).money_back
    assert sold(cooking, payments=(untold, kept(THIS_MONTH))).money_back == ()
    assert sold(cooking, payments=(replace(untold, covers_until=MONDAY), kept(THIS_MONTH))).money_back == ()
    assert sold(cooking, payments=(replace(untold, covers_until=MONDAY), refunded(THIS_MONTH))).money_back


def test_a_period_that_was_settled_without_money_is_kept() -> None:
    assert sold(cooking, payments=(settled(THIS_MONTH), refunded(LAST_MONTH))).money_back == ()
    assert sold(cooking, payments=(settled(THIS_MONTH), paid(LAST_MONTH))).money_back == ()
    assert sold(cooking, payments=(settled(LAST_MONTH), refunded(THIS_MONTH))).money_back


# Disputes, and what is paid after them.

YEAR_BEFORE = CoveredItem(reference="si_cooking", price_id="price_year", until=NEXT_YEAR)
"""What the item was until it was exchanged for the month."""
LATER = MONDAY + days(1)
OPEN_SUSPENDS = BillingPolicy(dispute_open_suspends=True)


def hows(*payments: ProviderPayment, policy: BillingPolicy = OPEN_SUSPENDS) -> list[str]:
    return [back.how for back in sold(cooking, payments=payments, policy=policy).money_back or ()]


@pytest.mark.parametrize("stage", ["lost", "open"])
@pytest.mark.parametrize("before", [YEAR_BEFORE, THIS_MONTH], ids=["the year before", "this month"])
def test_money_that_is_paid_after_a_dispute_was_opened_opens_again(before: CoveredItem, stage: DisputeStage) -> None:
    disputed = paid(before, stage=stage)

    assert hows(disputed) == [f"dispute_{stage}"]
    assert hows(disputed, kept(THIS_MONTH, at=LATER)) == []
    for not_after in (MONDAY, MONDAY - days(1), None):
        assert hows(disputed, kept(THIS_MONTH, at=not_after)) == [f"dispute_{stage}"]


def test_what_was_paid_after_a_dispute_counts_on_when_the_next_month_is_owed_or_settled_without_money() -> None:
    disputed, month = paid(YEAR_BEFORE), kept(LAST_MONTH, at=LATER)

    assert hows(disputed, month) == []
    assert hows(disputed, month, settled(THIS_MONTH, at=LATER + days(1))) == []
    assert hows(disputed, settled(THIS_MONTH, at=LATER)) == ["dispute_lost"]


def test_what_went_back_of_what_was_paid_after_a_dispute_closes_again() -> None:
    disputed = paid(YEAR_BEFORE)

    assert hows(disputed, refunded(THIS_MONTH, at=LATER)) == ["dispute_lost"]
    assert hows(disputed, kept(LAST_MONTH, at=LATER), refunded(THIS_MONTH, at=LATER + days(1))) == ["refunded"]
    again = paid(THIS_MONTH, at=LATER, opened_at=LATER + days(1))
    assert hows(disputed, again) == ["dispute_lost"]
    assert hows(disputed, again, kept(THIS_MONTH, at=LATER + days(2))) == []


def test_of_disputes_that_take_nothing_by_the_policy_no_payment_is_outweighed() -> None:
    disputed, back = paid(THIS_MONTH, stage="open"), refunded(THIS_MONTH, at=LATER)

    assert hows(disputed, back, policy=BillingPolicy()) == []
    assert hows(replace(disputed, covers=(LAST_MONTH,)), back, policy=BillingPolicy()) == ["refunded"]
    assert hows(paid(THIS_MONTH), back, policy=BillingPolicy(dispute_lost_revokes=False)) == []
    assert hows(back, policy=BillingPolicy(full_refund_revokes=False)) == []


def test_a_dispute_that_takes_nothing_by_the_policy_hides_no_payment_before_it() -> None:
    disputed = paid(THIS_MONTH, stage="open", at=LATER, opened_at=LATER + days(1))

    assert hows(paid(THIS_MONTH), disputed, policy=BillingPolicy()) == []


def test_a_payment_that_seems_to_be_younger_than_its_own_dispute_does_not_undo_it() -> None:
    assert hows(paid(THIS_MONTH, at=LATER)) == ["dispute_lost"]
