"""What can happen to what was bought for a number of days, as it is kept for ever."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.shared.fact import AccountFact
from domain.shared.plan_terms import PlanTerms

RevokedFor = Literal["refunded", "disputed"]


class Span(msgspec.Struct, frozen=True):
    """From a moment on, until just before another one; business time in UTC."""

    starts_at: datetime
    ends_at: datetime


class PrepaidFact(AccountFact, frozen=True, kw_only=True):
    """A fact about one purchase of one account; the purchase has the id of its checkout, where that is ours."""

    purchase_id: UUID


class PrepaidBought(PrepaidFact, frozen=True, tag="prepaid.bought"):
    """It was paid, and gives access for its days: from then on, or from where what was paid before it ends."""

    provider: str
    payment_reference: str
    plan: PlanTerms
    """As it was when the checkout was opened; what becomes of the plan afterwards does not touch it."""
    duration_days: int
    paid_at: datetime
    before_ends_at: datetime | None
    """The end of what there was before, where this one begins there."""
    span: Span


class PrepaidDuplicated(PrepaidFact, frozen=True, tag="prepaid.duplicated"):
    """It was paid while more than 30 days were left of what was paid before it: it gives nothing while that counts."""

    provider: str
    payment_reference: str
    plan: PlanTerms
    duration_days: int
    paid_at: datetime
    lasts_until: datetime
    """The end of what there was already."""
    refund: bool
    """Whether it is paid back, as the policy said then."""


class PrepaidRevoked(PrepaidFact, frozen=True, tag="prepaid.revoked"):
    """What was paid went back, or may: by the policy that gives no access."""

    why: RevokedFor
    payment_reference: str
    since: datetime


class PrepaidRestored(PrepaidFact, frozen=True, tag="prepaid.restored"):
    """The refund failed, or the dispute was won."""

    before: RevokedFor
    since: datetime


class PrepaidMoved(PrepaidFact, frozen=True, tag="prepaid.moved"):
    """Another purchase was revoked, restored, or heard of late, and this one comes to lie elsewhere.

    None before, of a duplicate that comes to count. None after is in old facts alone: nothing loses its days so now.
    """

    before: Span | None
    after: Span | None
    since: datetime


PrepaidEvent = PrepaidBought | PrepaidDuplicated | PrepaidRevoked | PrepaidRestored | PrepaidMoved
