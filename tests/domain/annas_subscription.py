"""Anna's subscription: what Stripe says of it, and the facts that follow."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    FurtherItem,
    FurtherItemsChanged,
    GraceStarted,
    ItemRestored,
    ItemRevoked,
    PlanChanged,
    RevokedFor,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.subscription import Subscription
from domain.subscription.truth import BillingPolicy, ProviderSubscription
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days

SUB = derived_id("subscription", "stripe", "sub_anna")
POLICY = BillingPolicy(grace=days(7), lease_slack=days(2))
LEASE = NEXT_MONTH + days(2)
MONTH_AFTER = datetime(2027, 5, 1, 12, 0, tzinfo=MONDAY.tzinfo)

CINEMA = PlanTerms(
    plan_id=UUID("00000000-0000-4000-8000-00000000c1e3"),
    name="Cinema",
    price=Money(1499, "USD"),
    interval="month",
    features=("hd", "sd", "uhd"),
    stream_limit=4,
    max_height=2160,
)

paid = ProviderSubscription(
    provider="stripe",
    reference="sub_anna",
    customer_id="cus_anna",
    status="active",
    plan=COOKING,
    price_id="price_999",
    started_at=MONDAY,
    period_start=MONDAY,
    period_end=NEXT_MONTH,
)
"""The first month, paid."""

renewing = replace(paid, period_start=NEXT_MONTH, period_end=MONTH_AFTER)
"""The second month has begun."""

past_due = replace(renewing, status="past_due", failing_since=NEXT_MONTH)
"""And its payment failed at once."""

started = SubscriptionStarted(
    subscription_id=SUB,
    account_id=ANNA,
    provider="stripe",
    provider_reference="sub_anna",
    customer_id="cus_anna",
    plan=COOKING,
    price_id="price_999",
    status="active",
    started_at=MONDAY,
    period_start=MONDAY,
    period_end=NEXT_MONTH,
    trial_end=None,
    ends_at=None,
    lease_until=NEXT_MONTH + days(2),
)
renewed = SubscriptionRenewed(
    subscription_id=SUB,
    account_id=ANNA,
    period_start=NEXT_MONTH,
    period_end=MONTH_AFTER,
    before_period_end=NEXT_MONTH,
    trial_end=None,
    lease_until=MONTH_AFTER + days(2),
)
upgraded = PlanChanged(
    subscription_id=SUB,
    account_id=ANNA,
    before=COOKING,
    after=CINEMA,
    before_price_id="price_999",
    after_price_id="price_1499",
)
resumed = CollectionResumed(subscription_id=SUB, account_id=ANNA)


def went(before: str, after: str, changed_at: datetime = MONDAY) -> StatusChanged:
    return StatusChanged(subscription_id=SUB, account_id=ANNA, before=before, after=after, changed_at=changed_at)


def grace(since: datetime) -> GraceStarted:
    return GraceStarted(subscription_id=SUB, account_id=ANNA, since=since, until=since + days(7))


def asked_to_cancel(*, at_period_end: bool = True) -> CancellationRequested:
    return CancellationRequested(
        subscription_id=SUB, account_id=ANNA, at_period_end=at_period_end, idempotency_key="cancel-1"
    )


def ends(on: datetime, *, before: datetime | None = None, lease_until: datetime | None = None) -> CancellationScheduled:
    return CancellationScheduled(
        subscription_id=SUB, account_id=ANNA, before_ends_at=before, ends_at=on, lease_until=lease_until or on
    )


def goes_on(before: datetime, *, lease_until: datetime = LEASE) -> CancellationWithdrawn:
    return CancellationWithdrawn(subscription_id=SUB, account_id=ANNA, before_ends_at=before, lease_until=lease_until)


def collection_paused(*, grants_access: bool = True) -> CollectionPaused:
    return CollectionPaused(subscription_id=SUB, account_id=ANNA, grants_access=grants_access)


def revoked(why: RevokedFor = "refunded", since: datetime = MONDAY) -> AccessRevoked:
    return AccessRevoked(subscription_id=SUB, account_id=ANNA, why=why, payment_reference="in_march", since=since)


def restored(before: RevokedFor = "refunded", since: datetime = MONDAY) -> AccessRestored:
    return AccessRestored(subscription_id=SUB, account_id=ANNA, before=before, since=since)


def item_revoked(plan: PlanTerms, price_id: str, why: RevokedFor = "refunded", since: datetime = MONDAY) -> ItemRevoked:
    return ItemRevoked(
        subscription_id=SUB,
        account_id=ANNA,
        price_id=price_id,
        plan=plan,
        why=why,
        payment_reference="in_march",
        since=since,
    )


def item_restored(
    plan: PlanTerms, price_id: str, before: RevokedFor = "refunded", since: datetime = MONDAY
) -> ItemRestored:
    return ItemRestored(subscription_id=SUB, account_id=ANNA, price_id=price_id, plan=plan, before=before, since=since)


def sells_also(*items: FurtherItem, before: tuple[FurtherItem, ...] = ()) -> FurtherItemsChanged:
    return FurtherItemsChanged(subscription_id=SUB, account_id=ANNA, before=before, after=items)


def ended(on: datetime, *, before: str = "active", status: str = "canceled") -> SubscriptionEnded:
    return SubscriptionEnded(subscription_id=SUB, account_id=ANNA, before=before, status=status, ended_at=on)


Decision = Callable[[Subscription | None], list[SubscriptionEvent]]


def observed(truth: ProviderSubscription, *, now: datetime = MONDAY, policy: BillingPolicy = POLICY) -> Decision:
    """The decision: what differs between this truth and what is known."""
    return lambda known: Subscription.observe(
        known, truth, subscription_id=SUB, account_id=ANNA, policy=policy, now=now
    )
