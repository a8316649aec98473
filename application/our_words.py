"""What the provider says of a customer, in our words: which plans it is, and where the money for them is."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from application.money_for_items import money_back
from application.ports.billing import CustomerTruth, SeenItem, SeenSubscription
from application.ports.inbox import Customer
from domain.payment.truth import ProviderPayment
from domain.shared.plan_terms import PlanTerms
from domain.subscription.subscription import Subscription
from domain.subscription.truth import PAID, TERMINAL, BillingPolicy, ProviderSubscription, SoldItem

CLOCKS_APART = timedelta(minutes=5)
"""What the tolerance of signatures lets pass."""

Plans = Mapping[str, PlanTerms]
"""By the ids of their prices at the provider."""


def belongs_to_no_plan(provider: str, price_id: str) -> str:
    """Why deliveries are parked whose subscription sells nothing of ours; those wait for a plan to get the price."""
    return f"{provider} sells {price_id}, which belongs to no plan"


def sold(seen: SeenSubscription, plans: Plans) -> list[tuple[SeenItem, PlanTerms]]:
    """The items that belong to plans, at what this subscriber pays: a plan may be sold at another price today."""
    return [
        (item, replace(plans[item.price_id], price=item.price))
        for item in seen.items
        if item.price_id in plans and item.price is not None
    ]


def held_up(seen: SeenSubscription, plans: Plans) -> str | None:
    """Why nothing can be recorded of a subscription: it sells a plan for what is no amount. Its end always can."""
    unsaid = [item.price_id for item in seen.items if item.price_id in plans and item.price is None]
    if not unsaid or seen.status in TERMINAL:
        return None
    return f"{seen.reference} sells a plan at {unsaid[0]}, which is no amount that can be recorded: it may be in tiers"


def why_held_up(customer: Customer, truth: CustomerTruth, plans: Plans) -> str | None:
    """What waits for a plan to get a price says nothing else: by these words it is found then."""
    reasons = [*filter(None, (held_up(seen, plans) for seen in truth.subscriptions)), *truth.held_up]
    going_on = [seen for seen in truth.subscriptions if seen.status not in TERMINAL and not held_up(seen, plans)]
    for seen in going_on:
        if not sold(seen, plans):
            return belongs_to_no_plan(customer.provider, seen.first.price_id)
    return " ".join(reasons) or None


def in_our_words(
    seen: SeenSubscription,
    plans: Plans,
    payments: Sequence[ProviderPayment] | None,
    known: Subscription | None,
    customer: Customer,
    *,
    policy: BillingPolicy,
    heard_at: datetime,
    now: datetime,
) -> ProviderSubscription | None:
    """None where we never knew what is sold; where we did, and it is no plan's any more, it gives nothing.

    `payments` None: nothing is known of where the money is, and what was known of it stays.
    """
    known_items = sold(seen, plans)
    # The one that is known stays the first, in whatever order they come.
    known_items.sort(key=lambda pair: known is None or pair[0].price_id != known.price_id)
    if known_items:
        first, plan = known_items[0]
    elif known is not None:
        first, plan = seen.first, known.plan
    else:
        return None
    back_for = partial(money_back, seen, payments, policy.revokes, heard_at)
    return ProviderSubscription(
        provider=customer.provider,
        reference=seen.reference,
        customer_id=customer.customer_id,
        status=seen.status,
        plan=plan,
        price_id=first.price_id,
        sells_no_plan=all(item.price_id not in plans for item in seen.items),
        started_at=_started_at(seen, now),
        period_start=first.period_start,
        period_end=first.period_end,
        trial_end=seen.trial_end,
        ends_at=seen.ends_at or (first.period_end if seen.ends_with_period else None),
        ended_at=seen.ended_at,
        collection_paused=seen.collection_paused,
        failing_since=seen.failing_since,
        further=tuple(
            SoldItem(price_id=item.price_id, plan=plan, period_end=item.period_end, money_back=back_for(item))
            for item, plan in known_items[1:]
        ),
        money_back=back_for(first),
    )


def _started_at(seen: SeenSubscription, now: datetime) -> datetime:
    """What the provider says is on has begun: where it begins some seconds from now, our clock is behind theirs."""
    is_on = seen.status in PAID and seen.started_at - now <= CLOCKS_APART
    return min(seen.started_at, now) if is_on else seen.started_at
