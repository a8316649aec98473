"""What the provider says of a customer, in our words: which plans it is, and where the money for them is."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from application.ports.billing import SeenItem, SeenSubscription
from application.ports.inbox import Customer
from domain.payment.truth import ProviderPayment
from domain.shared.plan_terms import PlanTerms
from domain.subscription.subscription import Subscription
from domain.subscription.truth import MoneyBack, ProviderSubscription, SoldItem

Plans = Mapping[str, PlanTerms]
"""By the ids of their prices at the provider."""


def belongs_to_no_plan(provider: str, price_id: str) -> str:
    """Why deliveries are parked whose subscription sells nothing of ours; those wait for a plan to get the price."""
    return f"{provider} sells {price_id}, which belongs to no plan"


def sold(seen: SeenSubscription, plans: Plans) -> list[tuple[SeenItem, PlanTerms]]:
    """The items that belong to plans, at what this subscriber pays: a plan may be sold at another price today."""
    return [(item, replace(plans[item.price_id], price=item.price)) for item in seen.items if item.price_id in plans]


def in_our_words(
    seen: SeenSubscription,
    plans: Plans,
    back: tuple[MoneyBack, ...] | None,
    known: Subscription | None,
    customer: Customer,
) -> ProviderSubscription | None:
    """None where we do not know what is sold; where we did know, it stays what it was, and the rest is told."""
    known_items = sold(seen, plans)
    # The one that is known stays the first, in whatever order they come.
    known_items.sort(key=lambda pair: known is None or pair[0].price_id != known.price_id)
    if known_items:
        first, plan = known_items[0]
    elif known is not None:
        first, plan = replace(seen.first, price_id=known.price_id), known.plan
    else:
        return None
    return ProviderSubscription(
        provider=customer.provider,
        reference=seen.reference,
        customer_id=customer.customer_id,
        status=seen.status,
        plan=plan,
        price_id=first.price_id,
        started_at=seen.started_at,
        period_start=first.period_start,
        period_end=first.period_end,
        trial_end=seen.trial_end,
        ends_at=seen.ends_at,
        ended_at=seen.ended_at,
        collection_paused=seen.collection_paused,
        failing_since=seen.failing_since,
        further=tuple(
            SoldItem(price_id=item.price_id, plan=plan, period_end=item.period_end) for item, plan in known_items[1:]
        ),
        money_back=back,
    )


def money_back(
    seen: SeenSubscription, payments: Sequence[ProviderPayment], heard_at: datetime
) -> tuple[MoneyBack, ...]:
    """Where the money for the current period is, unless it was simply paid; the weightiest first."""
    return gone_back([payment for payment in payments if _pays_for_now(payment, seen)], heard_at)


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


def _pays_for_now(payment: ProviderPayment, seen: SeenSubscription) -> bool:
    """One whose period is not known is taken for the current one: it is the latest invoice."""
    if payment.subscription_reference != seen.reference or payment.status != "paid":
        return False
    return payment.covers_until is None or payment.covers_until >= seen.first.period_end
