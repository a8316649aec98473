"""What the provider says of a subscription, in our words: money by item, an end with the period, clocks apart."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.our_words import Plans, in_our_words
from application.ports.billing import SeenItem, SeenSubscription
from application.ports.inbox import Customer
from domain.payment.truth import CoveredItem, DisputeStage, ProviderDispute, ProviderPayment
from domain.shared.money import Money
from domain.subscription.truth import ProviderSubscription
from tests.people import COOKING, MONDAY, NEXT_MONTH, days

NEXT_YEAR = MONDAY + days(365)
PLANS = {"price_cooking": COOKING}
YEARLY = replace(COOKING, plan_id=UUID(int=7), name="Yearly", interval="year")
CUSTOMER = Customer("memory", "cus_anna")

apron = SeenItem(
    reference="si_apron",
    price_id="price_apron",
    price=Money(5000, "USD"),
    period_start=MONDAY,
    period_end=NEXT_YEAR,
)
cooking = SeenItem(
    reference="si_cooking",
    price_id="price_cooking",
    price=Money(999, "USD"),
    period_start=MONDAY,
    period_end=NEXT_MONTH,
)


def sold(
    *items: SeenItem,
    payments: tuple[ProviderPayment, ...] | None = (),
    plans: Plans = PLANS,
    status: str = "active",
    starts_in: timedelta = timedelta(),
    ends_with_period: bool = False,
) -> ProviderSubscription:
    seen = SeenSubscription(
        reference="sub_anna",
        status=status,
        items=items,
        started_at=MONDAY + starts_in,
        trial_end=None,
        ends_at=None,
        ended_at=None,
        collection_paused=False,
        failing_since=None,
        ends_with_period=ends_with_period,
    )
    truth = in_our_words(seen, plans, payments, None, CUSTOMER, heard_at=MONDAY, now=MONDAY)
    assert truth is not None
    return truth


def paid(*covers: CoveredItem, stage: DisputeStage = "lost") -> ProviderPayment:
    """A payment that is disputed."""
    dispute = ProviderDispute(
        reference="dp_1", amount=Money(999, "USD"), stage=stage, reason="fraudulent", opened_at=MONDAY
    )
    return ProviderPayment(
        provider="memory",
        reference="in_1",
        subscription_reference="sub_anna",
        amount=Money(999, "USD"),
        status="paid",
        attempts=1,
        paid_at=MONDAY,
        next_attempt_at=None,
        receipt_url=None,
        covers_until=max((one.until for one in covers), default=None),
        covers=covers,
        disputes=(dispute,),
    )


THIS_MONTH = CoveredItem(reference="si_cooking", price_id="price_cooking", until=NEXT_MONTH)
BY_PRICE = CoveredItem(reference=None, price_id="price_cooking", until=NEXT_MONTH)
LAST_MONTH = CoveredItem(reference="si_cooking", price_id="price_cooking", until=MONDAY)
THIS_YEAR = CoveredItem(reference="si_apron", price_id="price_apron", until=NEXT_YEAR)
OF_BEFORE = CoveredItem(reference="si_before", price_id="price_before", until=NEXT_MONTH)


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

BOTH_PLANS = {**PLANS, "price_year": YEARLY}
year = replace(apron, reference="si_year", price_id="price_year")
ITS_YEAR = CoveredItem(reference="si_year", price_id="price_year", until=NEXT_YEAR)


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


MONTH_BEFORE = CoveredItem(reference="si_cooking", price_id="price_cooking", until=MONDAY - days(30))


def test_what_was_paid_since_opens_it_again_and_what_is_owed_void_or_failed_does_not() -> None:
    lost = paid(LAST_MONTH)
    owed = replace(paid(THIS_MONTH, stage="won"), status="failed")

    assert sold(cooking, payments=(lost, owed)).money_back
    assert sold(cooking, payments=(lost, replace(owed, status="pending"))).money_back
    assert sold(cooking, payments=(lost, replace(owed, status="paid"))).money_back == ()


def test_of_what_is_owed_for_long_the_last_payment_tells() -> None:
    assert sold(cooking, payments=(paid(MONTH_BEFORE), paid(LAST_MONTH, stage="won"))).money_back == ()
    assert sold(cooking, payments=(paid(MONTH_BEFORE, stage="won"), paid(LAST_MONTH))).money_back


def test_what_is_free_by_its_price_needs_no_payment_for_the_next_period() -> None:
    free = replace(cooking, price=Money(0, "USD"))

    assert sold(free, payments=(paid(THIS_MONTH),)).money_back
    assert sold(free, payments=(paid(LAST_MONTH),)).money_back == ()


def test_where_nothing_is_known_of_money_that_goes_for_each_item() -> None:
    truth = sold(cooking, year, payments=None, plans=BOTH_PLANS)

    assert (truth.money_back, [one.money_back for one in truth.further]) == (None, [None])


def test_what_ends_with_its_period_ends_with_that_of_the_plans_item() -> None:
    assert sold(apron, cooking, ends_with_period=True).ends_at == NEXT_MONTH
    assert sold(apron, cooking).ends_at is None


@pytest.mark.parametrize(
    ("status", "starts_in", "started"),
    [
        pytest.param("active", timedelta(seconds=20), timedelta(), id="our clock is behind"),
        pytest.param("trialing", timedelta(minutes=5), timedelta(), id="in a trial, by as much as a signature may be"),
        pytest.param("active", timedelta(hours=-1), timedelta(hours=-1), id="an hour ago"),
        pytest.param("active", timedelta(minutes=6), timedelta(minutes=6), id="truly later"),
        pytest.param("incomplete", timedelta(seconds=20), timedelta(seconds=20), id="not on"),
    ],
)
def test_what_is_on_has_begun(status: str, starts_in: timedelta, started: timedelta) -> None:
    assert sold(cooking, status=status, starts_in=starts_in).started_at == MONDAY + started
