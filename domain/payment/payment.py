"""A payment: what the provider says was asked for, paid or failed."""

from datetime import datetime
from typing import Literal, Self, assert_never
from uuid import UUID

import msgspec

from domain.shared.fact import AccountFact
from domain.shared.money import Money


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


class PaymentSucceeded(AccountFact, frozen=True, tag="payment.succeeded"):
    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money
    paid_at: datetime
    receipt_url: str | None


class PaymentFailed(AccountFact, frozen=True, tag="payment.failed"):
    """One attempt failed; the provider may try again."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money
    attempt: int
    next_attempt_at: datetime | None


PaymentFact = PaymentSucceeded | PaymentFailed


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a payment, folded from its facts."""

    id: UUID
    account_id: UUID
    paid: bool = False
    failed_attempts: int = 0

    @classmethod
    def observe(
        cls, state: Self | None, truth: ProviderPayment, *, payment_id: UUID, account_id: UUID, now: datetime
    ) -> list[PaymentFact]:
        """The facts by which the provider's word differs from the ledger's; none when they agree."""
        if truth.status == "paid" and not (state and state.paid):
            return [
                PaymentSucceeded(
                    payment_id=payment_id,
                    account_id=account_id,
                    provider=truth.provider,
                    provider_reference=truth.reference,
                    subscription_reference=truth.subscription_reference,
                    amount=truth.amount,
                    paid_at=truth.paid_at or now,
                    receipt_url=truth.receipt_url,
                )
            ]
        if truth.status == "failed" and truth.attempts > (state.failed_attempts if state else 0):
            return [
                PaymentFailed(
                    payment_id=payment_id,
                    account_id=account_id,
                    provider=truth.provider,
                    provider_reference=truth.reference,
                    subscription_reference=truth.subscription_reference,
                    amount=truth.amount,
                    attempt=truth.attempts,
                    next_attempt_at=truth.next_attempt_at,
                )
            ]
        return []

    @classmethod
    def evolve(cls, state: Self | None, fact: PaymentFact) -> "Payment":
        state = state or cls(id=fact.payment_id, account_id=fact.account_id)
        match fact:
            case PaymentSucceeded():
                return msgspec.structs.replace(state, paid=True)
            case PaymentFailed():
                return msgspec.structs.replace(state, failed_attempts=fact.attempt)
            case _:
                assert_never(fact)
