"""What invoices and checkouts ask for, in our words, and what of it went back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from adapters.stripe.held_up import HeldUp
from adapters.stripe.money_back import GoneBack
from adapters.stripe.objects import Invoice, Line, Session, Subscription, id_of
from adapters.stripe.paid import REFUND_KEY
from adapters.stripe.units import Unsayable, at, at_or_none, money
from domain.payment.truth import (
    CoveredItem,
    DisputeStage,
    ProviderDispute,
    ProviderPayment,
    ProviderRefund,
)

PROVIDER: Final = "stripe"

PaidAt = Mapping[str | None, int]
"""When a payment was made, in Unix seconds, by its payment intent, where Stripe tells."""
NOTHING_PAID: Final[PaidAt] = {}


def payments(
    subscriptions: Iterable[Subscription],
    invoices: Iterable[Invoice],
    sessions: Iterable[Session],
    gone_back: Sequence[GoneBack],
    paid_at: PaidAt,
    held_up: HeldUp,
) -> list[ProviderPayment]:
    """What invoices and checkouts ask for; also where only what went back of it can be seen."""
    at_once = held_up.besides(sessions, lambda session: payment_at_once(session, paid_at))
    seen = {payment.reference: payment for payment in [*held_up.besides(invoices, seen_payment), *at_once]}
    by_latest_invoice = {one.latest_invoice_id: one.id for one in subscriptions}
    for gone in gone_back:
        reference = gone.payment_reference
        try:
            payment = seen.get(reference) or _known_by_what_went_back(gone, by_latest_invoice.get(reference))
            if payment is not None:
                seen[reference] = less(payment, gone)
        except Unsayable as why:
            # Not as if nothing had gone back: what is known of it stays as it is.
            seen.pop(reference, None)
            held_up.note(reference, why)
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
        amount=money(amount, invoice.currency),
        status=_payment_status(invoice),
        attempts=invoice.attempt_count,
        paid_at=at_or_none(invoice.status_transitions.paid_at),
        next_attempt_at=at_or_none(invoice.next_payment_attempt),
        receipt_url=invoice.hosted_invoice_url,
        covers_until=at_or_none(invoice.covers_until),
        covers=None if invoice.covering_lines is None else _covered(invoice.covering_lines),
    )


def seen_settled(invoice: Invoice) -> ProviderPayment | None:
    """None but of what began a period and is paid without money: what is billed inside one pays only with money."""
    if invoice.status != "paid" or invoice.amount_paid or not invoice.period_lines:
        return None
    return ProviderPayment(
        provider=PROVIDER,
        reference=invoice.id,
        subscription_reference=invoice.subscription_id,
        amount=money(0, invoice.currency),
        status="paid",
        attempts=invoice.attempt_count,
        paid_at=at_or_none(invoice.status_transitions.paid_at),
        next_attempt_at=None,
        receipt_url=None,
        covers=_covered(invoice.period_lines),
    )


def _covered(lines: Iterable[Line]) -> tuple[CoveredItem, ...]:
    return tuple(
        CoveredItem(reference=line.item_id, price_id=line.price_id, until=at(line.period.end)) for line in lines
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
        amount=money(session.amount_total, session.currency or ""),
        status="paid",
        attempts=1,
        paid_at=at_or_none(paid_at.get(intent)),
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
        amount=money(paid.amount_paid, paid.currency),
        status="paid",
        attempts=1,
        paid_at=at_or_none(paid.status_transitions.paid_at),
        next_attempt_at=None,
        receipt_url=None,
    )


def less(payment: ProviderPayment, gone: GoneBack) -> ProviderPayment:
    """The payment with what went back of it. Raises Unsayable."""
    refunds = tuple(
        ProviderRefund(
            reference=refund.id,
            amount=money(refund.amount, refund.currency),
            failed=refund.is_void,
            intent_key=(refund.metadata or {}).get(REFUND_KEY),
        )
        for refund in gone.refunds
    )
    disputes = tuple(
        ProviderDispute(
            reference=dispute.id,
            amount=money(dispute.amount, dispute.currency),
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
