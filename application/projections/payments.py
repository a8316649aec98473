"""What has been paid, failed and gone back: one row to a payment, in the order in which they were first heard of."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.payment.payment import (
    DisputeChanged,
    PaymentActionRequired,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    RefundFailed,
)
from domain.payment.truth import DisputeStage
from domain.shared.money import Money


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back, in minor units; or that did not get there. `at`: when that was heard of."""

    reference: str
    amount: int
    failed: bool
    at: datetime


class Billed(Row, frozen=True):
    """One payment; amounts in minor units of `currency`, `kept` what has not gone back."""

    payment_id: UUID
    account_id: UUID
    provider: str
    provider_reference: str
    amount: int
    currency: str
    kept: int
    first_position: int
    disputes: dict[str, DisputeStage]
    """How each stands, by the provider's id."""
    outcome: str = "pending"
    """pending, paid or failed: what the newest attempt came to."""
    paid_at: datetime | None = None
    receipt_url: str | None = None
    refunds: tuple[Refund, ...] = ()

    indexes: ClassVar[tuple[str, ...]] = ("first_position", "account_id, first_position")

    @property
    def status(self) -> str:
        """Disputed as long as the money may be gone, or is: an inquiry takes none, a dispute that was won gave it back.

        `pending` is one of which no more is known than that it waits for the viewer, or that something of it went back.
        """
        if not {"open", "lost"}.isdisjoint(self.disputes.values()):
            return "disputed"
        if any(not refund.failed for refund in self.refunds):
            return "partly_refunded" if self.kept else "refunded"
        return self.outcome


Heard = PaymentSucceeded | PaymentFailed | PaymentActionRequired | PaymentRefunded | RefundFailed | DisputeChanged
"""What is told of a payment by itself: any of these may be the first."""

payments = Projection("payments", version=1, payments=Billed)


@payments.fold(PaymentSucceeded, into=Billed, key="payment_id")
def succeeded(row: Billed | None, fact: PaymentSucceeded) -> Billed:
    known = row or _first_heard_of(fact, fact.amount)
    return replace(
        known,
        amount=fact.amount.amount,
        currency=fact.amount.currency,
        kept=known.kept if known.refunds else fact.amount.amount,
        outcome="paid",
        paid_at=fact.paid_at,
        receipt_url=fact.receipt_url,
    )


@payments.fold(PaymentFailed, into=Billed, key="payment_id")
def failed(row: Billed | None, fact: PaymentFailed) -> Billed:
    return replace(row or _first_heard_of(fact, fact.amount), outcome="failed")


@payments.fold(PaymentActionRequired, into=Billed, key="payment_id")
def waits(row: Billed | None, fact: PaymentActionRequired) -> Billed:
    """What it came to is not known before the viewer has confirmed it."""
    return row or _first_heard_of(fact, fact.amount)


@payments.fold(PaymentRefunded, into=Billed, key="payment_id")
def refunded(row: Billed | None, fact: PaymentRefunded) -> Billed:
    return _gone_back(row, fact, failed=False)


@payments.fold(RefundFailed, into=Billed, key="payment_id")
def came_back(row: Billed | None, fact: RefundFailed) -> Billed:
    return _gone_back(row, fact, failed=True)


def _gone_back(row: Billed | None, fact: PaymentRefunded | RefundFailed, *, failed: bool) -> Billed:
    known = row or _first_heard_of(fact, Money(fact.amount.amount + fact.kept.amount, fact.amount.currency))
    refund = Refund(
        reference=fact.refund_reference,
        amount=fact.amount.amount,
        failed=failed,
        at=fact.recorded_at,
    )
    others = tuple(other for other in known.refunds if other.reference != refund.reference)
    return replace(known, kept=fact.kept.amount, refunds=(*others, refund))


@payments.fold(DisputeChanged, into=Billed, key="payment_id")
def disputed(row: Billed | None, fact: DisputeChanged) -> Billed:
    known = row or _first_heard_of(fact, fact.amount)
    return replace(known, disputes={**known.disputes, fact.dispute_reference: fact.after})


def _first_heard_of(fact: Heard, amount: Money) -> Billed:
    return Billed(
        fact.payment_id,
        fact.account_id,
        fact.provider,
        fact.provider_reference,
        amount.amount,
        amount.currency,
        amount.amount,
        fact.position,
        {},
    )
