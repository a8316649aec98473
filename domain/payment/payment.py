"""A payment: what the provider says was asked for, paid or failed."""

from datetime import datetime
from typing import Self, TypedDict, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.payment.refunds import (
    RefundAccepted,
    RefundIntentFact,
    RefundRefused,
    RefundRequested,
    Refunds,
)
from domain.payment.truth import DisputeStage, ProviderPayment
from domain.shared.fact import AccountFact
from domain.shared.money import Money


class PaymentSucceeded(AccountFact, frozen=True, tag="payment.succeeded"):
    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money
    paid_at: datetime
    receipt_url: str | None


class PaymentFailed(AccountFact, frozen=True, omit_defaults=True, tag="payment.failed"):
    """One attempt failed; the provider may try again."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money
    attempt: int
    next_attempt_at: datetime | None
    action_url: str | None = None
    """The provider's page on which it can be paid."""


class PaymentActionRequired(AccountFact, frozen=True, tag="payment.action_required"):
    """An attempt waits for the customer: nobody else can bring it to its end."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money
    attempt: int
    action_url: str | None
    """The provider's page on which it can be confirmed."""


class PaymentWithdrawn(AccountFact, frozen=True, tag="payment.withdrawn"):
    """What failed, or waited, to be paid is not asked for any more."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money


class PaymentRefunded(AccountFact, frozen=True, tag="payment.refunded"):
    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    refund_reference: str
    amount: Money
    kept: Money
    """What is left of the payment after this refund and all before it."""


class RefundFailed(AccountFact, frozen=True, tag="payment.refund_failed"):
    """The money came back to the operator: what was refunded is paid again."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    refund_reference: str
    amount: Money
    kept: Money


class DisputeChanged(AccountFact, frozen=True, tag="payment.dispute_changed"):
    """A dispute of the payment was opened, as an inquiry or at once; or it went on, and was won or lost."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    dispute_reference: str
    amount: Money
    before: DisputeStage | None
    after: DisputeStage
    reason: str
    opened_at: datetime


PaymentFact = (
    PaymentSucceeded
    | PaymentFailed
    | PaymentActionRequired
    | PaymentWithdrawn
    | PaymentRefunded
    | RefundFailed
    | DisputeChanged
    | RefundIntentFact
)


class Named(TypedDict):
    """What every fact about a payment says of it."""

    payment_id: UUID
    account_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a payment, folded from its facts."""

    id: UUID
    account_id: UUID
    paid: bool = False
    failed_attempts: int = 0
    owed: bool = False
    """It has failed or waits for the customer, and is still asked for."""
    waiting_attempt: int | None = None
    """The last one that was seen to wait for the customer."""
    provider: str = ""
    provider_reference: str = ""
    subscription_reference: str | None = None
    amount: Money | None = None
    """What was paid; None until then."""
    refunds: Refunds = Refunds()
    disputes: dict[str, DisputeStage] = {}

    @classmethod
    def observe(
        cls, state: Self | None, truth: ProviderPayment, *, payment_id: UUID, account_id: UUID, now: datetime
    ) -> list[PaymentFact]:
        """The facts by which the provider's word differs from the ledger's; none when they agree."""
        return (state or cls(id=payment_id, account_id=account_id)).differences(truth, now)

    def differences(self, truth: ProviderPayment, now: datetime) -> list[PaymentFact]:
        return [
            *self._paid_or_failed(truth, now),
            *self._waits(truth),
            *self._refunds(truth),
            *self._disputes(truth),
        ]

    def _named(self, truth: ProviderPayment) -> Named:
        return {
            "payment_id": self.id,
            "account_id": self.account_id,
            "provider": truth.provider,
            "provider_reference": truth.reference,
            "subscription_reference": truth.subscription_reference,
        }

    def _paid_or_failed(self, truth: ProviderPayment, now: datetime) -> list[PaymentFact]:
        if truth.status == "paid" and not self.paid:
            return [
                PaymentSucceeded(
                    **self._named(truth),
                    amount=truth.amount,
                    paid_at=truth.paid_at or now,
                    receipt_url=truth.receipt_url,
                )
            ]
        if truth.status == "failed" and truth.attempts > self.failed_attempts:
            return [
                PaymentFailed(
                    **self._named(truth),
                    amount=truth.amount,
                    attempt=truth.attempts,
                    next_attempt_at=truth.next_attempt_at,
                    action_url=truth.receipt_url,
                )
            ]
        if truth.status == "pending" and self.owed and not truth.action_required:
            return [
                PaymentWithdrawn(
                    **self._named(truth),
                    amount=truth.amount,
                )
            ]
        return []

    def _waits(self, truth: ProviderPayment) -> list[PaymentFact]:
        """Once for each attempt."""
        if truth.status == "paid" or not truth.action_required or self.waiting_attempt == truth.attempts:
            return []
        return [
            PaymentActionRequired(
                **self._named(truth), amount=truth.amount, attempt=truth.attempts, action_url=truth.receipt_url
            )
        ]

    def _refunds(self, truth: ProviderPayment) -> list[PaymentFact]:
        kept = Money(truth.kept, truth.amount.currency)
        taken_on = [
            self._taken_on(refund.intent_key, refund.reference, truth)
            for refund in truth.refunds
            if refund.intent_key is not None and refund.intent_key in self.refunds.requested
        ]
        return taken_on + [
            (RefundFailed if refund.failed else PaymentRefunded)(
                **self._named(truth),
                refund_reference=refund.reference,
                amount=refund.amount,
                kept=kept,
            )
            for refund in truth.refunds
            if refund.reference not in (self.refunds.failed if refund.failed else self.refunds.seen)
        ]

    def _taken_on(self, intent_key: str, reference: str, truth: ProviderPayment) -> PaymentFact:
        """One of ours that is seen before we were told: without this its money would be spoken for twice."""
        return RefundAccepted(
            payment_id=self.id,
            account_id=self.account_id,
            amount=Money(self.refunds.requested[intent_key], truth.amount.currency),
            idempotency_key=intent_key,
            refund_reference=reference,
        )

    def _disputes(self, truth: ProviderPayment) -> list[PaymentFact]:
        return [
            DisputeChanged(
                **self._named(truth),
                dispute_reference=dispute.reference,
                amount=dispute.amount,
                before=self.disputes.get(dispute.reference),
                after=dispute.stage,
                reason=dispute.reason,
                opened_at=dispute.opened_at,
            )
            for dispute in truth.disputes
            if dispute.stage != self.disputes.get(dispute.reference)
        ]

    @classmethod
    def evolve(cls, state: Self | None, fact: PaymentFact) -> "Payment":
        state = state or cls(id=fact.payment_id, account_id=fact.account_id)
        match fact:
            case PaymentSucceeded():
                return replace(
                    state,
                    paid=True,
                    owed=False,
                    provider=fact.provider,
                    provider_reference=fact.provider_reference,
                    subscription_reference=fact.subscription_reference,
                    amount=fact.amount,
                )
            case PaymentFailed():
                return replace(state, failed_attempts=fact.attempt, owed=True)
            case PaymentActionRequired():
                return replace(state, waiting_attempt=fact.attempt, owed=True)
            case PaymentWithdrawn():
                return replace(state, owed=False)
            case PaymentRefunded():
                return replace(state, refunds=state.refunds.with_one(fact.refund_reference, fact.amount.amount))
            case RefundFailed():
                return replace(state, refunds=state.refunds.without(fact.refund_reference))
            case DisputeChanged():
                return replace(state, disputes={**state.disputes, fact.dispute_reference: fact.after})
            case RefundRequested() | RefundAccepted() | RefundRefused():
                return replace(state, refunds=state.refunds.after(fact))
            case _:
                assert_never(fact)
