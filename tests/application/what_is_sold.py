"""What Anna has at the provider, item by item, and what was paid for it: pieces for stories about what is sold."""

from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from msgspec.structs import replace

from application.our_words import Plans, in_our_words
from application.ports.billing import SeenItem, SeenSubscription
from application.ports.inbox import Customer
from domain.payment.truth import CoveredItem, DisputeStage, ProviderDispute, ProviderPayment, ProviderRefund
from domain.shared.money import Money
from domain.subscription.truth import BillingPolicy, ProviderSubscription
from tests.people import COOKING, MONDAY, NEXT_MONTH, days

USUAL = BillingPolicy()
PRICE = Money(999, "USD")
NUMBERS = count(1)
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
    policy: BillingPolicy = USUAL,
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
    truth = in_our_words(seen, plans, payments, None, CUSTOMER, policy=policy, heard_at=MONDAY, now=MONDAY)
    assert truth is not None
    return truth


def kept(*covers: CoveredItem, at: datetime | None = MONDAY) -> ProviderPayment:
    """A payment, made at a moment."""
    return ProviderPayment(
        provider="memory",
        reference=f"in_{next(NUMBERS)}",
        subscription_reference="sub_anna",
        amount=PRICE,
        status="paid",
        attempts=1,
        paid_at=at,
        next_attempt_at=None,
        receipt_url=None,
        covers_until=max((one.until for one in covers), default=None),
        covers=covers,
    )


def paid(
    *covers: CoveredItem, stage: DisputeStage = "lost", at: datetime | None = MONDAY, opened_at: datetime = MONDAY
) -> ProviderPayment:
    """A payment that is disputed."""
    dispute = ProviderDispute(reference="dp_1", amount=PRICE, stage=stage, reason="fraudulent", opened_at=opened_at)
    return replace(kept(*covers, at=at), disputes=(dispute,))


def refunded(*covers: CoveredItem, at: datetime | None = MONDAY) -> ProviderPayment:
    """All of it."""
    return replace(kept(*covers, at=at), refunds=(ProviderRefund(reference="re_1", amount=PRICE),))


def settled(*covers: CoveredItem, at: datetime | None = MONDAY) -> ProviderPayment:
    """Without money, as by credit."""
    return replace(kept(*covers, at=at), amount=Money(0, "USD"))


THIS_MONTH = CoveredItem(reference="si_cooking", price_id="price_cooking", until=NEXT_MONTH)
BY_PRICE = CoveredItem(reference=None, price_id="price_cooking", until=NEXT_MONTH)
LAST_MONTH = CoveredItem(reference="si_cooking", price_id="price_cooking", until=MONDAY)
THIS_YEAR = CoveredItem(reference="si_apron", price_id="price_apron", until=NEXT_YEAR)
OF_BEFORE = CoveredItem(reference="si_before", price_id="price_before", until=NEXT_MONTH)
MONTH_BEFORE = CoveredItem(reference="si_cooking", price_id="price_cooking", until=MONDAY - days(30))

BOTH_PLANS = {**PLANS, "price_year": YEARLY}
year = replace(apron, reference="si_year", price_id="price_year")
ITS_YEAR = CoveredItem(reference="si_year", price_id="price_year", until=NEXT_YEAR)
