"""Stripe's objects in our words: which fields decide, and what is left aside."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

from adapters.stripe.objects import Invoice, Item, Price, Recurring, Session, Subscription
from application.errors import ProviderRefused
from application.ports.billing import CustomerTruth, SeenCheckout, SeenPrice, SeenSubscription
from domain.payment.payment import ProviderPayment
from domain.shared.money import Money

log = logging.getLogger(__name__)

PROVIDER: Final = "stripe"
CHECKOUT_STATUSES: Final[dict[str | None, Literal["completed", "expired"]]] = {
    "complete": "completed",
    "expired": "expired",
}


def customer_truth(
    subscriptions: Iterable[Subscription], invoices: Sequence[Invoice], sessions: Iterable[Session]
) -> CustomerTruth:
    """Left aside: subscriptions that sell nothing, invoices that ask for nothing, checkouts that are not ours.

    Raises:
        ProviderRefused: a subscription's price cannot be said in whole minor units.
    """
    seen = (seen_subscription(subscription, invoices) for subscription in subscriptions)
    paid = (seen_payment(invoice) for invoice in invoices)
    checkouts = (seen_checkout(session) for session in sessions)
    return CustomerTruth(
        subscriptions=tuple(one for one in seen if one is not None),
        payments=tuple(one for one in paid if one is not None),
        checkouts=tuple(one for one in checkouts if one is not None),
    )


def seen_subscription(subscription: Subscription, invoices: Iterable[Invoice]) -> SeenSubscription | None:
    """The first item says which price was bought; of several items with that price the one that ends first counts."""
    if not subscription.items.data:
        log.warning("subscription %s has no items, so it sells none of our plans", subscription.id)
        return None
    bought = subscription.items.data[0].price
    same_price = [item for item in subscription.items.data if item.price.id == bought.id]
    deciding = min(same_price, key=lambda item: item.current_period_end)
    return SeenSubscription(
        reference=subscription.id,
        status=subscription.status,
        price_id=bought.id,
        price=_price(deciding),
        started_at=at(subscription.start_date),
        period_start=at(deciding.current_period_start),
        period_end=at(deciding.current_period_end),
        trial_end=at_or_none(subscription.trial_end),
        ends_at=at_or_none(_announced_end(subscription, deciding)),
        ended_at=at_or_none(subscription.ended_at),
        collection_paused=subscription.pause_collection is not None,
        failing_since=at_or_none(_failing_since(subscription, invoices)),
    )


def seen_price(price: Price) -> SeenPrice:
    """Raises ProviderRefused for one that no plan can be: withdrawn, tiered, or paid every other week."""
    if not price.active or price.unit_amount is None:
        raise ProviderRefused(f"Stripe's price {price.id} is not active, tiered or fractional.")
    money = Money(price.unit_amount, price.currency.upper())
    match price.recurring:
        case None:
            return SeenPrice(money, "once")
        case Recurring(interval="month" | "year" as interval, interval_count=1):
            return SeenPrice(money, interval)
        case _:
            raise ProviderRefused(f"Stripe's price {price.id} renews neither every month nor every year.")


def _price(item: Item) -> Money:
    if item.price.unit_amount is None:
        raise ProviderRefused(f"Stripe's price {item.price.id} is tiered or fractional, which no plan can be.")
    quantity = 1 if item.quantity is None else item.quantity
    return Money(item.price.unit_amount * quantity, item.price.currency.upper())


def _announced_end(subscription: Subscription, deciding: Item) -> int | None:
    """In flexible billing `cancel_at` alone is set, in classic billing the boolean: both must be read."""
    if subscription.cancel_at is not None:
        return subscription.cancel_at
    return deciding.current_period_end if subscription.cancel_at_period_end else None


def _failing_since(subscription: Subscription, invoices: Iterable[Invoice]) -> int | None:
    """The first attempt at the oldest invoice that is still owed.

    The latest invoice came in the same answer as the status, so that no payment lies between the two.
    """
    latest = [subscription.latest_invoice] if isinstance(subscription.latest_invoice, Invoice) else []
    own = [invoice for invoice in invoices if invoice.subscription_id == subscription.id]
    return min((invoice.first_attempt_at for invoice in [*latest, *own] if invoice.is_failing), default=None)


def seen_payment(invoice: Invoice) -> ProviderPayment | None:
    """None where no money is asked for, as by the first invoice of a trial."""
    amount = invoice.amount_paid if invoice.status == "paid" else invoice.amount_due
    if amount <= 0:
        return None
    return ProviderPayment(
        provider=PROVIDER,
        reference=invoice.id,
        subscription_reference=invoice.subscription_id,
        amount=Money(amount, invoice.currency.upper()),
        status=_payment_status(invoice),
        attempts=invoice.attempt_count,
        paid_at=at_or_none(invoice.status_transitions.paid_at),
        next_attempt_at=at_or_none(invoice.next_payment_attempt),
        receipt_url=invoice.hosted_invoice_url,
    )


def _payment_status(invoice: Invoice) -> Literal["pending", "paid", "failed"]:
    if invoice.status == "paid":
        return "paid"
    return "failed" if invoice.is_failing else "pending"


def seen_checkout(session: Session) -> SeenCheckout | None:
    """None for a checkout that somebody else opened for the same customer."""
    given = (session.metadata or {}).get("checkout_id") or session.client_reference_id
    try:
        checkout_id = UUID(given or "")
    except ValueError:
        return None
    return SeenCheckout(session.id, checkout_id, CHECKOUT_STATUSES.get(session.status, "open"))


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def at_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else at(seconds)
