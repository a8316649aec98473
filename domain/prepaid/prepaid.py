"""Prepaid terms of an account: each purchase gives its days once, after those that were paid before it.

The window is asked of a purchase once, as of when it was paid: whatever becomes of the others, and of whichever is
heard first, it keeps its days for as long as its money is kept. Only where they lie may change. What one payment was
for, as two plans on one page, was bought together: none of it was there before the rest.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
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

    plan_id: UUID
    payment_reference: str
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
        spans = _with(self, purchase, _unheard(purchase)).spans()
        before = takewhile(lambda each: each[0] != purchase.purchase_id, spans.items())
        end = max((span.ends_at for _, span in before if span is not None), default=None)
        if (span := spans[purchase.purchase_id]) is not None:
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
        assert end is not None, "only what there is already makes it a duplicate"
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
            for purchase_id, span in self.spans().items()
            if span != self.purchases[purchase_id].span
        ]

    def spans(self) -> dict[UUID, Span | None]:
        """What each purchase that is not revoked gives, one after another as they were paid; None of a duplicate."""
        spans: dict[UUID, Span | None] = {}
        end: datetime | None = None
        for purchase_id, purchase in self._in_order():
            if purchase.revoked is not None:
                continue
            if not purchase.accepted and not self._has_room(purchase, spans):
                spans[purchase_id] = None
                continue
            spans[purchase_id] = span = _span(purchase.paid_at, purchase.duration_days, after=end)
            end = span.ends_at
        return spans

    def _in_order(self) -> list[tuple[UUID, Purchase]]:
        """As they were paid; in one second by their ids, and what was paid for together stays together."""
        first: dict[str, UUID] = {}
        for purchase_id in sorted(self.purchases):
            first.setdefault(self.purchases[purchase_id].payment_reference, purchase_id)
        return sorted(
            self.purchases.items(), key=lambda each: (each[1].paid_at, first[each[1].payment_reference], each[0])
        )

    def _has_room(self, purchase: Purchase, before: Mapping[UUID, Span | None]) -> bool:
        """Whether 30 days or fewer were left, when it was paid, of what other payments before it were for."""
        ends = (
            span.ends_at
            for purchase_id, span in before.items()
            if span is not None and self.purchases[purchase_id].payment_reference != purchase.payment_reference
        )
        return max(ends, default=purchase.paid_at) - purchase.paid_at <= RENEWAL_WINDOW

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


def _span(paid_at: datetime, duration_days: int, *, after: datetime | None) -> Span:
    starts_at = paid_at if after is None else max(paid_at, after)
    return Span(starts_at, starts_at + timedelta(days=duration_days))


def _recorded(fact: PrepaidBought | PrepaidDuplicated, span: Span | None) -> Purchase:
    return replace(_unheard(fact), span=span, accepted=span is not None)


def _unheard(purchase: PaidPurchase | PrepaidBought | PrepaidDuplicated) -> Purchase:
    """As it was sold, with no days yet."""
    return Purchase(
        plan_id=purchase.plan.plan_id,
        payment_reference=purchase.payment_reference,
        duration_days=purchase.duration_days,
        paid_at=purchase.paid_at,
        span=None,
        accepted=False,
    )


def _with(known: Prepaid, purchase: PaidPurchase | PrepaidEvent, state: Purchase) -> Prepaid:
    return replace(known, purchases={**known.purchases, purchase.purchase_id: state})
