"""Stripe's objects in our words: which fields decide, and what is left aside."""

import logging
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import takewhile
from typing import Final, Literal
from uuid import UUID

from msgspec.structs import replace

from adapters.stripe.held_up import HeldUp
from adapters.stripe.money_back import GoneBack
from adapters.stripe.objects import (
    Invoice,
    Item,
    Price,
    Recurring,
    Session,
    SessionLine,
    SessionLines,
    Subscription,
    id_of,
)
from adapters.stripe.paid import Charge
from adapters.stripe.payments import NOTHING_PAID, PaidAt, payments, seen_settled
from adapters.stripe.units import Unsayable, at, at_or_none, money
from application.errors import ProviderRefused
from application.ports.billing import (
    CheckoutPage,
    CustomerTruth,
    PaidAtOnce,
    SeenCheckout,
    SeenItem,
    SeenPrice,
    SeenPurchase,
    SeenSubscription,
    SoldOnce,
)
from domain.shared.money import Money

log = logging.getLogger(__name__)

FUNDED: Final = frozenset({"paid", "no_payment_required"})

CHECKOUT_STATUSES: Final[dict[str | None, Literal["completed", "expired"]]] = {
    "complete": "completed",
    "expired": "expired",
}


def customer_truth(
    subscriptions: Sequence[Subscription],
    invoices: Sequence[Invoice],
    sessions: Sequence[Session],
    gone_back: Sequence[GoneBack],
    charges: Iterable[Charge] = (),
    *,
    waiting: AbstractSet[str] = frozenset(),
) -> CustomerTruth:
    """Left aside: subscriptions that sell nothing, invoices that ask for nothing, checkouts that are not ours.

    `waiting` are the ids of the invoices whose payment waits for the customer. What no fact can hold is held up.
    """
    held_up = HeldUp()
    paid_at = {charge.payment_intent_id: charge.created for charge in charges if charge.is_paid_at_once}
    billed = payments(subscriptions, invoices, sessions, gone_back, paid_at, held_up)
    return CustomerTruth(
        subscriptions=tuple(held_up.besides(subscriptions, lambda one: seen_subscription(one, invoices))),
        payments=tuple(replace(one, action_required=one.reference in waiting) for one in billed),
        checkouts=tuple(held_up.besides(sessions, lambda session: seen_checkout(session, paid_at))),
        purchases=tuple(held_up.besides(sessions, lambda session: seen_purchase(session, paid_at))),
        settled=tuple(HeldUp().besides(invoices, seen_settled)),
        held_up=tuple(dict.fromkeys(held_up.reasons)),
    )


def seen_subscription(subscription: Subscription, invoices: Iterable[Invoice]) -> SeenSubscription | None:
    """None for one that sells nothing. Raises Unsayable."""
    if not subscription.items.data:
        log.warning("subscription %s has no items, so it sells none of our plans", subscription.id)
        return None
    # Of several with one price the one that ends first counts.
    items = {item.price.id: item for item in sorted(subscription.items.data, key=_end_of, reverse=True)}
    ordered = [items[price_id] for price_id in dict.fromkeys(item.price.id for item in subscription.items.data)]
    return SeenSubscription(
        reference=subscription.id,
        status=subscription.status,
        items=tuple(map(_seen_item, ordered)),
        started_at=at(min(subscription.start_date, subscription.trial_start or subscription.start_date)),
        trial_end=at_or_none(subscription.trial_end),
        ends_at=at_or_none(subscription.cancel_at),
        # In flexible billing `cancel_at` alone is set, in classic billing the boolean: both must be read.
        ends_with_period=subscription.cancel_at_period_end and subscription.cancel_at is None,
        ended_at=at_or_none(subscription.ended_at),
        collection_paused=subscription.pause_collection is not None,
        failing_since=at_or_none(_failing_since(subscription, invoices)),
    )


def _end_of(item: Item) -> int:
    return item.current_period_end


def _seen_item(item: Item) -> SeenItem:
    return SeenItem(
        reference=item.id,
        price_id=item.price.id,
        price=_price(item),
        period_start=at(item.current_period_start),
        period_end=at(item.current_period_end),
        is_free=item.price.unit_amount == 0,
    )


def seen_price(price: Price) -> SeenPrice:
    """Raises ProviderRefused for one that no plan can be: withdrawn, tiered, or paid every other week."""
    if not price.active or price.unit_amount is None:
        raise ProviderRefused(f"Stripe's price {price.id} is not active, tiered or fractional.")
    try:
        amount = money(price.unit_amount, price.currency)
    except Unsayable as why:
        raise ProviderRefused(f"Stripe's price {price.id} can be no plan's: {why}.") from why
    match price.recurring:
        case None:
            return SeenPrice(amount, "once")
        case Recurring(interval="month" | "year" as interval, interval_count=1):
            return SeenPrice(amount, interval)
        case _:
            raise ProviderRefused(f"Stripe's price {price.id} renews neither every month nor every year.")


def _price(item: Item) -> Money | None:
    """None where it is in tiers, metered, a fraction of a minor unit, or more than can be recorded."""
    if item.price.unit_amount is None:
        return None
    quantity = 1 if item.quantity is None else item.quantity
    with suppress(Unsayable):
        return money(item.price.unit_amount * quantity, item.price.currency)
    return None


def _failing_since(subscription: Subscription, invoices: Iterable[Invoice]) -> int | None:
    """The first attempt at the oldest invoice that is owed since something was paid; one written off only by itself.

    Where nothing is owed any more, as when it was made void, it is the first at what was owed last.
    An invoice that asks for nothing, since it credits more than it charges, is paid and no payment.
    The latest invoice came in the same answer as the status, so that no payment lies between the two.
    """
    known = {invoice.id: invoice for invoice in invoices if invoice.subscription_id == subscription.id}
    if isinstance(subscription.latest_invoice, Invoice):
        known[subscription.latest_invoice.id] = subscription.latest_invoice
    newest_first = sorted(known.values(), key=lambda invoice: invoice.created, reverse=True)
    since_paid = list(takewhile(lambda invoice: invoice.status != "paid" or not invoice.amount_paid, newest_first))
    failing = [one for one in since_paid if one.is_failing] or [one for one in newest_first if one.is_failing]
    void = [one for one in newest_first if one.attempted and one.status == "void"]
    owed = [one for one in failing if one.status == "open"] or failing[:1] or void[:1]
    return min((one.first_attempt_at for one in owed), default=None)


def seen_checkout(session: Session, paid_at: PaidAt = NOTHING_PAID) -> SeenCheckout | None:
    """None for a checkout that somebody else opened for the same customer, as a payment link does."""
    try:
        checkout_id = UUID(_given_by_us(session) or "")
    except ValueError:
        return None
    status = CHECKOUT_STATUSES.get(session.status)
    paid = _paid(session, paid_at) if status == "completed" else None
    return SeenCheckout(session.id, checkout_id, status or "open", paid=paid, page=_page(session))


def _given_by_us(session: Session) -> str | None:
    """Ours are opened with it; what a payment link is told in its address, it has as `client_reference_id`."""
    return (session.metadata or {}).get("checkout_id")


def seen_purchase(session: Session, paid_at: PaidAt = NOTHING_PAID) -> SeenPurchase | None:
    """None for a checkout of ours, and for one that is not paid, or sells nothing once at a price in minor units."""
    paid = _paid(session, paid_at) if CHECKOUT_STATUSES.get(session.status) == "completed" else None
    if paid is None or _given_by_us(session) is not None:
        return None
    sold = tuple(one for line in (session.line_items or SessionLines()).data if (one := _sold_once(line)) is not None)
    return SeenPurchase(session.id, paid, sold) if sold else None


def _sold_once(line: SessionLine) -> SoldOnce | None:
    if line.price is None or line.price.unit_amount is None or not line.quantity:
        return None
    price = money(line.price.unit_amount * line.quantity, line.price.currency)
    return SoldOnce(line.price.id, price, line.quantity)


def _paid(session: Session, paid_at: PaidAt) -> PaidAtOnce | None:
    """None until the money is there, which with some methods takes days; what costs nothing has no payment."""
    if session.mode != "payment" or session.payment_status not in FUNDED:
        return None
    reference = id_of(session.payment_intent) or session.id
    return PaidAtOnce(reference, at_or_none(paid_at.get(reference)))


def _page(session: Session) -> CheckoutPage | None:
    """Stripe takes the address away once it is over."""
    if session.url is None or session.expires_at is None:
        return None
    return CheckoutPage(session.id, session.url, at(session.expires_at))


def payer(sessions: Iterable[Session]) -> UUID | None:
    """Whom the newest completed checkout names; whoever pays by a link may name anybody, and pays for that account."""
    for session in sessions:
        with suppress(ValueError):
            if session.status == "complete" and session.client_reference_id:
                return UUID(session.client_reference_id)
    return None
