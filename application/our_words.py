"""What the provider says of a customer, in our words: which plans it is, and where the money for them is."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from application.ports.billing import CustomerTruth, SeenItem, SeenSubscription
from application.ports.inbox import Customer
from domain.payment.truth import CoveredItem, ProviderPayment
from domain.shared.plan_terms import PlanTerms
from domain.subscription.subscription import Subscription
from domain.subscription.truth import PAID, TERMINAL, MoneyBack, ProviderSubscription, SoldItem

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
            SoldItem(
                price_id=item.price_id,
                plan=plan,
                period_end=item.period_end,
                money_back=_money_back(seen.reference, item, payments, heard_at),
            )
            for item, plan in known_items[1:]
        ),
        money_back=_money_back(seen.reference, first, payments, heard_at),
    )


def _started_at(seen: SeenSubscription, now: datetime) -> datetime:
    """What the provider says is on has begun: where it begins some seconds from now, our clock is behind theirs."""
    is_on = seen.status in PAID and seen.started_at - now <= CLOCKS_APART
    return min(seen.started_at, now) if is_on else seen.started_at


def _money_back(
    reference: str, item: SeenItem, payments: Sequence[ProviderPayment] | None, heard_at: datetime
) -> tuple[MoneyBack, ...] | None:
    """Where the money for a subscription's item is, unless it was simply paid.

    The weightiest first. What a payment says that it is for counts for that item alone.
    """
    if payments is None:
        return None
    paid = [one for one in payments if one.subscription_reference == reference and one.status == "paid"]
    return gone_back(_last_paid(item, paid), heard_at)


def gone_back(payments: Sequence[ProviderPayment], heard_at: datetime) -> tuple[MoneyBack, ...]:
    """What became of the money for one thing, unless it is simply the operator's; the weightiest first."""
    disputes = [(payment, dispute) for payment in payments for dispute in payment.disputes]
    lost = [
        MoneyBack(how="dispute_lost", payment_reference=payment.reference, since=dispute.opened_at)
        for payment, dispute in disputes
        if dispute.stage == "lost"
    ]
    open_ = [
        MoneyBack(how="dispute_open", payment_reference=payment.reference, since=dispute.opened_at)
        for payment, dispute in disputes
        if dispute.stage == "open"
    ]
    nothing_left = bool(payments) and not any(payment.kept for payment in payments)
    refunded = (
        [MoneyBack(how="refunded", payment_reference=payments[0].reference, since=heard_at)] if nothing_left else []
    )
    return (*lost[:1], *refunded, *open_[:1])


def _what_is_for(item: SeenItem, payments: Sequence[ProviderPayment]) -> Callable[[CoveredItem], bool]:
    """What of all that was paid for is this item: that with its reference, else that with its price.

    Where there is neither it took the place of another, or came beside it for nothing: then everything is.
    """
    covered = [one for payment in payments for one in payment.covers]
    if any(one.reference == item.reference for one in covered):
        return lambda one: one.reference == item.reference
    if any(one.price_id == item.price_id for one in covered):
        return lambda one: one.price_id == item.price_id
    return lambda _: True


def _last_paid(item: SeenItem, paid: Sequence[ProviderPayment]) -> list[ProviderPayment]:
    """What was paid for the item's current period; where nothing was, for the last one that something was paid for.

    So what went back stays gone while the next period is owed, void, or settled by an invoice that asked for nothing;
    of an item that is free by its price nothing is ever paid again.
    """
    is_for = _what_is_for(item, paid)
    lasting = [(payment, until) for payment in paid if (until := _paid_until(payment, item, is_for)) is not None]
    newest = max((until for _, until in lasting), default=item.period_end)
    since = item.period_end if _is_free(item) else min(item.period_end, newest)
    return [payment for payment, until in lasting if until >= since]


def _is_free(item: SeenItem) -> bool:
    return item.price is not None and item.price.amount == 0


def _paid_until(payment: ProviderPayment, item: SeenItem, is_for: Callable[[CoveredItem], bool]) -> datetime | None:
    """None where it is for other items; where it does not tell, it is the latest invoice, of the current period."""
    if payment.covers:
        return max((one.until for one in payment.covers if is_for(one)), default=None)
    return payment.covers_until or item.period_end
