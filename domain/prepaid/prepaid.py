"""Prepaid terms of an account: each purchase gives its days once, after those of the purchases before it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.prepaid.facts import (
    PrepaidBought,
    PrepaidDuplicated,
    PrepaidEvent,
    PrepaidMoved,
    PrepaidRestored,
    PrepaidRevoked,
    RevokedFor,
    Span,
)
from domain.shared.fact import Refusal
from domain.shared.plan_terms import PlanTerms

RENEWAL_WINDOW = timedelta(days=30)
"""So long before its end what was bought may be extended."""


class RenewalWindowClosed(Refusal):
    """More than 30 days are left of what was bought before."""


class Revocation(msgspec.Struct, frozen=True):
    """Why a purchase gives no access, and since when."""

    why: RevokedFor
    since: datetime


class PaidPurchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that was paid, as the provider tells it now and the policy reads it."""

    purchase_id: UUID
    provider: str
    payment_reference: str
    plan: PlanTerms
    duration_days: int
    paid_at: datetime
    """Of one that is known, what was recorded at first stays."""
    revoked: Revocation | None = None
    refund_duplicate: bool = False
    """What the policy says of one that is paid too early."""


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger holds of a purchase."""

    duration_days: int
    paid_at: datetime
    span: Span | None
    """When it gives access, or would if it were not revoked; None while it is a duplicate."""
    revoked: RevokedFor | None = None


class Prepaid(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an account's purchases, folded from their facts; the one recorded first comes first."""

    account_id: UUID
    purchases: dict[UUID, Purchase] = {}

    @classmethod
    def observe(
        cls, state: Self | None, paid: Iterable[PaidPurchase], *, account_id: UUID, now: datetime
    ) -> list[PrepaidEvent]:
        """The facts by which what the provider says differs from what the ledger holds; none when they agree."""
        known: Prepaid = state or cls(account_id=account_id)
        facts: list[PrepaidEvent] = []
        for purchase in sorted(paid, key=lambda each: (each.paid_at, each.payment_reference)):
            new = known.differences(purchase, now)
            known, facts = known.after(new), [*facts, *new]
        return facts

    def differences(self, purchase: PaidPurchase, now: datetime) -> list[PrepaidEvent]:
        bought = self._bought(purchase)
        then = self.after(bought)
        money = then.revoked_or_restored(purchase, now)
        since = next((fact.since for fact in money), now)
        return [*bought, *money, *then.after(money).moved(since)]

    def after(self, facts: Iterable[PrepaidEvent]) -> "Prepaid":
        state: Prepaid = self
        for fact in facts:
            state = Prepaid.evolve(state, fact)
        return state

    def _bought(self, purchase: PaidPurchase) -> list[PrepaidEvent]:
        if purchase.purchase_id in self.purchases:
            return []
        end = self.ends_at
        span = _span(purchase.paid_at, purchase.duration_days, after=end)
        if span is not None:
            return [
                PrepaidBought(
                    purchase_id=purchase.purchase_id,
                    account_id=self.account_id,
                    provider=purchase.provider,
                    payment_reference=purchase.payment_reference,
                    plan=purchase.plan,
                    duration_days=purchase.duration_days,
                    paid_at=purchase.paid_at,
                    before_ends_at=end if span.starts_at == end else None,
                    span=span,
                )
            ]
        assert end is not None, "it is a duplicate of something"
        return [
            PrepaidDuplicated(
                purchase_id=purchase.purchase_id,
                account_id=self.account_id,
                provider=purchase.provider,
                payment_reference=purchase.payment_reference,
                plan=purchase.plan,
                duration_days=purchase.duration_days,
                paid_at=purchase.paid_at,
                lasts_until=end,
                refund=purchase.refund_duplicate,
            )
        ]

    def revoked_or_restored(self, purchase: PaidPurchase, now: datetime) -> list[PrepaidRevoked | PrepaidRestored]:
        known = self.purchases[purchase.purchase_id]
        if purchase.revoked is not None and purchase.revoked.why != known.revoked:
            return [
                PrepaidRevoked(
                    purchase_id=purchase.purchase_id,
                    account_id=self.account_id,
                    why=purchase.revoked.why,
                    payment_reference=purchase.payment_reference,
                    since=purchase.revoked.since,
                )
            ]
        if purchase.revoked is None and known.revoked is not None:
            return [
                PrepaidRestored(
                    purchase_id=purchase.purchase_id, account_id=self.account_id, before=known.revoked, since=now
                )
            ]
        return []

    def moved(self, since: datetime) -> list[PrepaidMoved]:
        return [
            PrepaidMoved(
                purchase_id=purchase_id,
                account_id=self.account_id,
                before=self.purchases[purchase_id].span,
                after=span,
                since=since,
            )
            for purchase_id, span in self._spans().items()
            if span != self.purchases[purchase_id].span
        ]

    @property
    def ends_at(self) -> datetime | None:
        """When all that was bought and not revoked is over."""
        return max((span.ends_at for span in self._spans().values() if span is not None), default=None)

    def _spans(self) -> dict[UUID, Span | None]:
        """What each purchase that is not revoked gives, as if the others had never been."""
        spans: dict[UUID, Span | None] = {}
        end: datetime | None = None
        for purchase_id, purchase in self.purchases.items():
            if purchase.revoked is None:
                span = _span(purchase.paid_at, purchase.duration_days, after=end)
                spans[purchase_id], end = span, span.ends_at if span else end
        return spans

    @classmethod
    def evolve(cls, state: Self | None, fact: PrepaidEvent) -> "Prepaid":
        known = state or cls(account_id=fact.account_id)
        match fact:
            case PrepaidBought():
                return _with(
                    known, fact, Purchase(duration_days=fact.duration_days, paid_at=fact.paid_at, span=fact.span)
                )
            case PrepaidDuplicated():
                return _with(known, fact, Purchase(duration_days=fact.duration_days, paid_at=fact.paid_at, span=None))
            case PrepaidRevoked():
                return _with(known, fact, replace(known.purchases[fact.purchase_id], revoked=fact.why))
            case PrepaidRestored():
                return _with(known, fact, replace(known.purchases[fact.purchase_id], revoked=None))
            case PrepaidMoved():
                return _with(known, fact, replace(known.purchases[fact.purchase_id], span=fact.after))
            case _:
                assert_never(fact)


def _span(paid_at: datetime, duration_days: int, *, after: datetime | None) -> Span | None:
    """None where more than 30 days were left when it was paid."""
    if after is not None and after - paid_at > RENEWAL_WINDOW:
        return None
    starts_at = paid_at if after is None else max(paid_at, after)
    return Span(starts_at, starts_at + timedelta(days=duration_days))


def _with(known: Prepaid, fact: PrepaidEvent, purchase: Purchase) -> Prepaid:
    return replace(known, purchases={**known.purchases, fact.purchase_id: purchase})
