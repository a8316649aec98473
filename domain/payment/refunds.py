"""Refunds of one payment: asked for, on their way, gone, or come to nothing; never more than what was paid."""

from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import AccountFact
from domain.shared.money import Money


class RefundRequested(AccountFact, frozen=True, tag="payment.refund_requested"):
    """The intent, before the provider is asked; from now on this much of the payment is spoken for."""

    payment_id: UUID
    provider: str
    provider_reference: str
    subscription_reference: str | None
    amount: Money
    reason: str
    idempotency_key: str


class RefundAccepted(AccountFact, frozen=True, tag="payment.refund_accepted"):
    """The provider has taken the intent with this key on; what becomes of the money is told of the refund itself."""

    payment_id: UUID
    amount: Money
    idempotency_key: str
    refund_reference: str


class RefundRefused(AccountFact, frozen=True, tag="payment.refund_refused"):
    """Nothing comes of the intent with this key."""

    payment_id: UUID
    amount: Money
    idempotency_key: str
    reason: str


RefundIntentFact = RefundRequested | RefundAccepted | RefundRefused


class Refunds(msgspec.Struct, frozen=True, kw_only=True):
    """All refunds of one payment; amounts in minor units of its currency."""

    seen: dict[str, int] = {}
    """By the provider's references: on their way, or gone."""
    failed: frozenset[str] = frozenset()
    """Those whose money came back."""
    requested: dict[str, int] = {}
    """Of our own intents, by their keys, those whose outcome is not known."""
    accepted: dict[str, tuple[str, int]] = {}
    """The references of those that the provider took on, by the keys of their intents."""
    keys: frozenset[str] = frozenset()
    """Of all intents that there have been."""

    @property
    def spoken_for(self) -> int:
        """What has gone back, and what may yet."""
        known = self.seen | dict(self.accepted.values())
        gone = sum(amount for reference, amount in known.items() if reference not in self.failed)
        return gone + sum(self.requested.values())

    def with_one(self, reference: str, amount: int) -> "Refunds":
        """One more that was seen on its way, or gone."""
        return replace(self, seen={**self.seen, reference: amount})

    def without(self, reference: str) -> "Refunds":
        """Its money came back."""
        return replace(self, failed=self.failed | {reference})

    def after(self, fact: RefundIntentFact) -> "Refunds":
        key, amount = fact.idempotency_key, fact.amount.amount
        if isinstance(fact, RefundRequested):
            return replace(self, requested={**self.requested, key: amount}, keys=self.keys | {key})
        requested = {known: amount for known, amount in self.requested.items() if known != key}
        if isinstance(fact, RefundAccepted):
            return replace(self, requested=requested, accepted={**self.accepted, key: (fact.refund_reference, amount)})
        return replace(self, requested=requested)
