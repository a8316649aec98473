"""Prepaid terms of an account: each purchase gives its days once, after those that were paid before it.

The window is asked of a purchase once, as of when it was paid: whatever becomes of the others, and of whichever is
heard first, it keeps its days for as long as its money is kept. Only where they lie may change.
"""

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
    accepted: bool
    """It has days, or had some while its money was kept; a duplicate is accepted once there is room for it."""
    revoked: RevokedFor | None = None


class Prepaid(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an account's purchases, folded from their facts."""

    account_id: UUID
    purchases: dict[UUID, Purchase] = {}

    @classmethod
    def observe(
        cls, state: Self | None, paid: Iterable[PaidPurchase], *, account_id: UUID, now: datetime
    ) -> list[PrepaidEvent]:
        """The facts by which what the provider says differs from what the ledger holds; none when they agree."""
        known: Prepaid = state or cls(account_id=account_id)
        facts: list[PrepaidEvent] = []
        for purchase in sorted(paid, key=known.turn):
            new = known.differences(purchase, now)
            known, facts = known.after(new), [*facts, *new]
        return facts

    def turn(self, purchase: PaidPurchase) -> tuple[int, datetime, UUID]:
        """What is bought now was bought before any money comes again of which it could not know: that comes last."""
        if purchase.purchase_id not in self.purchases:
            return 1, purchase.paid_at, purchase.purchase_id
        return 2 if purchase.revoked is None else 0, purchase.paid_at, purchase.purchase_id

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
        end = self._end_of_those_before(purchase)
        if end is None or _is_open(purchase.paid_at, end):
            span = _span(purchase.paid_at, purchase.duration_days, after=end)
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

    def _end_of_those_before(self, purchase: PaidPurchase) -> datetime | None:
        """When all is over that was paid before it and not revoked."""
        own = (purchase.paid_at, purchase.purchase_id)
        return max(
            (
                span.ends_at
                for purchase_id, span in self._spans().items()
                if span is not None and (self.purchases[purchase_id].paid_at, purchase_id) < own
            ),
            default=None,
        )

    def _spans(self) -> dict[UUID, Span | None]:
        """What each purchase that is not revoked gives, one after another as they were paid; None of a duplicate."""
        spans: dict[UUID, Span | None] = {}
        end: datetime | None = None
        for purchase_id, purchase in sorted(self.purchases.items(), key=lambda each: (each[1].paid_at, each[0])):
            if purchase.revoked is not None:
                continue
            if not purchase.accepted and end is not None and not _is_open(purchase.paid_at, end):
                spans[purchase_id] = None
                continue
            spans[purchase_id] = span = _span(purchase.paid_at, purchase.duration_days, after=end)
            end = span.ends_at
        return spans

    @classmethod
    def evolve(cls, state: Self | None, fact: PrepaidEvent) -> "Prepaid":
        known = state or cls(account_id=fact.account_id)
        match fact:
            case PrepaidBought():
                return _with(known, fact, _recorded(fact, fact.span))
            case PrepaidDuplicated():
                return _with(known, fact, _recorded(fact, None))
            case PrepaidRevoked():
                return _with(known, fact, replace(known.purchases[fact.purchase_id], revoked=fact.why))
            case PrepaidRestored():
                return _with(known, fact, replace(known.purchases[fact.purchase_id], revoked=None))
            case PrepaidMoved():
                return _with(known, fact, replace(known.purchases[fact.purchase_id], span=fact.after, accepted=True))
            case _:
                assert_never(fact)


def _is_open(paid_at: datetime, end: datetime) -> bool:
    """Whether 30 days or fewer were left when it was paid."""
    return end - paid_at <= RENEWAL_WINDOW


def _span(paid_at: datetime, duration_days: int, *, after: datetime | None) -> Span:
    starts_at = paid_at if after is None else max(paid_at, after)
    return Span(starts_at, starts_at + timedelta(days=duration_days))


def _recorded(fact: PrepaidBought | PrepaidDuplicated, span: Span | None) -> Purchase:
    return Purchase(duration_days=fact.duration_days, paid_at=fact.paid_at, span=span, accepted=span is not None)


def _with(known: Prepaid, fact: PrepaidEvent, purchase: Purchase) -> Prepaid:
    return replace(known, purchases={**known.purchases, fact.purchase_id: purchase})
