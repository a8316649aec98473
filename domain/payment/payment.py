"""A payment: what the provider says was asked for, paid or failed."""

from datetime import datetime
from typing import Literal, Self, assert_never
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
from domain.shared.fact import AccountFact
from domain.shared.money import Money

DisputeStage = Literal["inquiry", "open", "won", "lost"]
"""An inquiry takes no money; it may become a dispute, which does until it is won."""


class ProviderRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back, or that did not get there."""

    reference: str
    amount: Money
    failed: bool = False


class ProviderDispute(msgspec.Struct, frozen=True, kw_only=True):
    """The card's holder says that she did not buy it."""

    reference: str
    amount: Money
    stage: DisputeStage
    reason: str
    opened_at: datetime


class ProviderPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment in our words, as the provider tells it now."""

    provider: str
    reference: str
    """The provider's id of the invoice or charge."""
    subscription_reference: str | None
    amount: Money
    status: Literal["pending", "paid", "failed"]
    attempts: int
    paid_at: datetime | None
    next_attempt_at: datetime | None
    receipt_url: str | None
    covers_until: datetime | None = None
    """The end of the period that it pays for, where it pays for one."""
    refunds: tuple[ProviderRefund, ...] = ()
    disputes: tuple[ProviderDispute, ...] = ()

    @property
    def kept(self) -> int:
        """What has not gone back, in minor units; a refund under way counts as gone."""
        gone = sum(refund.amount.amount for refund in self.refunds if not refund.failed)
        return max(0, self.amount.amount - gone)


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


class PaymentWithdrawn(AccountFact, frozen=True, tag="payment.withdrawn"):
    """What failed to be paid is not asked for any more."""

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
    | PaymentWithdrawn
    | PaymentRefunded
    | RefundFailed
    | DisputeChanged
    | RefundIntentFact
)


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a payment, folded from its facts."""

    id: UUID
    account_id: UUID
    paid: bool = False
    failed_attempts: int = 0
    owed: bool = False
    """It has failed, and is still asked for."""
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
        return [*self._paid_or_failed(truth, now), *self._refunds(truth), *self._disputes(truth)]

    def _paid_or_failed(self, truth: ProviderPayment, now: datetime) -> list[PaymentFact]:
        if truth.status == "paid" and not self.paid:
            return [
                PaymentSucceeded(
                    payment_id=self.id,
                    account_id=self.account_id,
                    provider=truth.provider,
                    provider_reference=truth.reference,
                    subscription_reference=truth.subscription_reference,
                    amount=truth.amount,
                    paid_at=truth.paid_at or now,
                    receipt_url=truth.receipt_url,
                )
            ]
        if truth.status == "failed" and truth.attempts > self.failed_attempts:
            return [
                PaymentFailed(
                    payment_id=self.id,
                    account_id=self.account_id,
                    provider=truth.provider,
                    provider_reference=truth.reference,
                    subscription_reference=truth.subscription_reference,
                    amount=truth.amount,
                    attempt=truth.attempts,
                    next_attempt_at=truth.next_attempt_at,
                    action_url=truth.receipt_url,
                )
            ]
        if truth.status == "pending" and self.owed:
            return [
                PaymentWithdrawn(
                    payment_id=self.id,
                    account_id=self.account_id,
                    provider=truth.provider,
                    provider_reference=truth.reference,
                    subscription_reference=truth.subscription_reference,
                    amount=truth.amount,
                )
            ]
        return []

    def _refunds(self, truth: ProviderPayment) -> list[PaymentFact]:
        kept = Money(truth.kept, truth.amount.currency)
        return [
            (RefundFailed if refund.failed else PaymentRefunded)(
                payment_id=self.id,
                account_id=self.account_id,
                provider=truth.provider,
                provider_reference=truth.reference,
                subscription_reference=truth.subscription_reference,
                refund_reference=refund.reference,
                amount=refund.amount,
                kept=kept,
            )
            for refund in truth.refunds
            if refund.reference not in (self.refunds.failed if refund.failed else self.refunds.seen)
        ]

    def _disputes(self, truth: ProviderPayment) -> list[PaymentFact]:
        return [
            DisputeChanged(
                payment_id=self.id,
                account_id=self.account_id,
                provider=truth.provider,
                provider_reference=truth.reference,
                subscription_reference=truth.subscription_reference,
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
