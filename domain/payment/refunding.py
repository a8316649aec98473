"""Giving money back: what may be asked for of a payment, and what came of it."""

from domain.payment.payment import Payment, PaymentFact
from domain.payment.refunds import RefundAccepted, RefundRefused, RefundRequested
from domain.shared.fact import Refusal
from domain.shared.money import Money


class PaymentNotRefundable(Refusal):
    """Only what was paid can be given back."""


class RefundExceedsPayment(Refusal):
    """Less than that is left of the payment: the rest has gone back, or is about to."""


class RefundCurrencyDiffers(Refusal):
    """Money goes back in the currency in which it was paid."""


def request_refund(
    payment: Payment, *, amount: int | Money | None, reason: str, idempotency_key: str
) -> list[PaymentFact]:
    """All that is left, where no amount is named; under a key that was used before, nothing more.

    Raises PaymentNotRefundable, RefundExceedsPayment, RefundCurrencyDiffers.
    """
    if idempotency_key in payment.refunds.keys:
        return []
    if payment.amount is None:
        raise PaymentNotRefundable("This has not been paid.")
    left = payment.amount.amount - payment.refunds.spoken_for
    wanted = _minor_units(amount, left, payment.amount.currency)
    if not 0 < wanted <= left:
        kept = Money(max(0, left), payment.amount.currency)
        raise RefundExceedsPayment(f"Of this payment {kept} can be refunded.", refundable=kept)
    return [
        RefundRequested(
            payment_id=payment.id,
            account_id=payment.account_id,
            provider=payment.provider,
            provider_reference=payment.provider_reference,
            subscription_reference=payment.subscription_reference,
            amount=Money(wanted, payment.amount.currency),
            reason=reason,
            idempotency_key=idempotency_key,
        )
    ]


def _minor_units(amount: int | Money | None, left: int, currency: str) -> int:
    if amount is None:
        return left
    if isinstance(amount, int):
        return amount
    if amount.currency != currency:
        raise RefundCurrencyDiffers(f"This was paid in {currency}.")
    return amount.amount


def accept_refund(payment: Payment, intent: RefundRequested, *, refund_reference: str) -> list[PaymentFact]:
    """The provider took it on; told again, nothing more."""
    if intent.idempotency_key not in payment.refunds.requested:
        return []
    return [
        RefundAccepted(
            payment_id=payment.id,
            account_id=payment.account_id,
            amount=intent.amount,
            idempotency_key=intent.idempotency_key,
            refund_reference=refund_reference,
        )
    ]


def refuse_refund(payment: Payment, intent: RefundRequested, *, reason: str) -> list[PaymentFact]:
    """The provider did not, and will not; told again, nothing more."""
    if intent.idempotency_key not in payment.refunds.requested:
        return []
    return [
        RefundRefused(
            payment_id=payment.id,
            account_id=payment.account_id,
            amount=intent.amount,
            idempotency_key=intent.idempotency_key,
            reason=reason,
        )
    ]
