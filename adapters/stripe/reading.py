"""Stripe's objects in our words: which fields decide, and what is left aside."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

from msgspec.structs import replace

from adapters.stripe.money_back import GoneBack
from adapters.stripe.objects import (
    REFUND_KEY,
    Charge,
    Invoice,
    Item,
    Price,
    Recurring,
    Session,
    Subscription,
    id_of,
)
from application.errors import ProviderRefused
from application.ports.billing import (
    CheckoutPage,
    CustomerTruth,
    PaidAtOnce,
    SeenCheckout,
    SeenItem,
    SeenPrice,
    SeenSubscription,
)
from domain.payment.truth import DisputeStage, ProviderDispute, ProviderPayment, ProviderRefund
from domain.shared.money import Money

log = logging.getLogger(__name__)

PROVIDER: Final = "stripe"
FUNDED: Final = frozenset({"paid", "no_payment_required"})

PaidAt = Mapping[str | None, datetime]
"""When a payment was made, by its payment intent, where Stripe tells."""
NOTHING_PAID: Final[PaidAt] = {}

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

    `waiting` are the ids of the invoices whose payment waits for the customer.

    Raises:
        ProviderRefused: a subscription's price cannot be said in whole minor units.
    """
    seen = (seen_subscription(subscription, invoices) for subscription in subscriptions)
    paid_at = {charge.payment_intent_id: at(charge.created) for charge in charges if charge.is_paid_at_once}
    checkouts = (seen_checkout(session, paid_at) for session in sessions)
    billed = payments(subscriptions, invoices, sessions, gone_back, paid_at)
    return CustomerTruth(
        subscriptions=tuple(one for one in seen if one is not None),
        payments=tuple(replace(one, action_required=one.reference in waiting) for one in billed),
        checkouts=tuple(one for one in checkouts if one is not None),
    )


def seen_subscription(subscription: Subscription, invoices: Iterable[Invoice]) -> SeenSubscription | None:
    """None for one that sells nothing."""
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
        ends_at=at_or_none(_announced_end(subscription, ordered[0])),
        ended_at=at_or_none(subscription.ended_at),
        collection_paused=subscription.pause_collection is not None,
        failing_since=at_or_none(_failing_since(subscription, invoices)),
    )


def _end_of(item: Item) -> int:
    return item.current_period_end


def _seen_item(item: Item) -> SeenItem:
    return SeenItem(
        price_id=item.price.id,
        price=_price(item),
        period_start=at(item.current_period_start),
        period_end=at(item.current_period_end),
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


def payments(
    subscriptions: Iterable[Subscription],
    invoices: Iterable[Invoice],
    sessions: Iterable[Session],
    gone_back: Sequence[GoneBack],
    paid_at: PaidAt,
) -> list[ProviderPayment]:
    """What invoices and checkouts ask for; also where only what went back of it can be seen."""
    at_once = [payment_at_once(session, paid_at) for session in sessions]
    asked_for = [*map(seen_payment, invoices), *at_once]
    seen = {payment.reference: payment for payment in asked_for if payment is not None}
    by_latest_invoice = {one.latest_invoice_id: one.id for one in subscriptions}
    for gone in gone_back:
        reference = gone.payment_reference
        payment = seen.get(reference) or _known_by_what_went_back(gone, by_latest_invoice.get(reference))
        if payment is not None:
            seen[reference] = _less(payment, gone)
    return list(seen.values())


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
        covers_until=at_or_none(invoice.covers_until),
    )


def payment_at_once(session: Session, paid_at: PaidAt = NOTHING_PAID) -> ProviderPayment | None:
    """Of a checkout that sells something once, as soon as the money is there."""
    intent = id_of(session.payment_intent)
    if session.mode != "payment" or session.payment_status != "paid" or intent is None or not session.amount_total:
        return None
    return ProviderPayment(
        provider=PROVIDER,
        reference=intent,
        subscription_reference=None,
        amount=Money(session.amount_total, (session.currency or "").upper()),
        status="paid",
        attempts=1,
        paid_at=paid_at.get(intent),
        next_attempt_at=None,
        receipt_url=None,
    )


def _known_by_what_went_back(gone: GoneBack, subscription_reference: str | None) -> ProviderPayment | None:
    """None for a payment that has nothing to do with a subscription or a checkout of ours."""
    paid = gone.invoice_payment
    if paid is None or subscription_reference is None or not paid.amount_paid:
        return None
    return ProviderPayment(
        provider=PROVIDER,
        reference=gone.payment_reference,
        subscription_reference=subscription_reference,
        amount=Money(paid.amount_paid, paid.currency.upper()),
        status="paid",
        attempts=1,
        paid_at=at_or_none(paid.status_transitions.paid_at),
        next_attempt_at=None,
        receipt_url=None,
    )


def _less(payment: ProviderPayment, gone: GoneBack) -> ProviderPayment:
    refunds = tuple(
        ProviderRefund(
            reference=refund.id,
            amount=Money(refund.amount, refund.currency.upper()),
            failed=refund.is_void,
            intent_key=(refund.metadata or {}).get(REFUND_KEY),
        )
        for refund in gone.refunds
    )
    disputes = tuple(
        ProviderDispute(
            reference=dispute.id,
            amount=Money(dispute.amount, dispute.currency.upper()),
            stage=_stage(dispute.status),
            reason=dispute.reason,
            opened_at=at(dispute.created),
        )
        for dispute in gone.disputes
    )
    by_reference = {refund.reference: refund for refund in (*payment.refunds, *refunds)}
    also_disputed = {dispute.reference: dispute for dispute in (*payment.disputes, *disputes)}
    return replace(payment, refunds=tuple(by_reference.values()), disputes=tuple(also_disputed.values()))


def _stage(status: str) -> DisputeStage:
    """A word that we do not know is taken for an open dispute: the money may be gone."""
    if status in {"won", "warning_closed", "prevented"}:
        return "won"
    if status.startswith("warning_"):
        return "inquiry"
    return "lost" if status == "lost" else "open"


def _payment_status(invoice: Invoice) -> Literal["pending", "paid", "failed"]:
    if invoice.status == "paid":
        return "paid"
    return "failed" if invoice.is_failing else "pending"


def seen_checkout(session: Session, paid_at: PaidAt = NOTHING_PAID) -> SeenCheckout | None:
    """None for a checkout that somebody else opened for the same customer."""
    given = (session.metadata or {}).get("checkout_id") or session.client_reference_id
    try:
        checkout_id = UUID(given or "")
    except ValueError:
        return None
    status = CHECKOUT_STATUSES.get(session.status)
    paid = _paid(session, paid_at) if status == "completed" else None
    return SeenCheckout(session.id, checkout_id, status or "open", paid=paid, page=_page(session))


def _paid(session: Session, paid_at: PaidAt) -> PaidAtOnce | None:
    """None until the money is there, which with some methods takes days; what costs nothing has no payment."""
    if session.mode != "payment" or session.payment_status not in FUNDED:
        return None
    reference = id_of(session.payment_intent) or session.id
    return PaidAtOnce(reference, paid_at.get(reference))


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


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def at_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else at(seconds)
