"""Every subscription, and all that was bought for some days: one row to each, in the order of first hearing of it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.prepaid.facts import (
    PrepaidBought,
    PrepaidDuplicated,
    PrepaidMoved,
    PrepaidRestored,
    PrepaidRevoked,
    Span,
)
from domain.subscription.facts import (
    CancellationScheduled,
    CancellationWithdrawn,
    DuplicateFound,
    PlanChanged,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)


class Subscribed(Row, frozen=True):
    """One subscription; `status` is the provider's word.

    Or one purchase (`once`), by its id: it gives access from `started_at` until `period_end`, unless its status says
    why not. One that came too early to count has no end.
    """

    subscription_id: UUID
    account_id: UUID
    provider: str
    provider_reference: str
    plan_id: UUID
    plan_name: str
    status: str
    started_at: datetime
    period_end: datetime | None
    first_position: int
    ends_at: datetime | None
    """The announced end."""
    ended_at: datetime | None = None
    duplicate_of: UUID | None = None
    """The older subscription to the same plan beside which it was found."""
    once: bool = False

    indexes: ClassVar[tuple[str, ...]] = ("first_position", "account_id, first_position")

    def status_at(self, now: datetime) -> str:
        """Of a purchase `upcoming`, `active` or `ended`; else why it gives nothing: refunded, disputed, duplicate."""
        if not self.once or self.status != "active":
            return self.status
        if self.period_end is None:
            return "duplicate"
        return "upcoming" if now < self.started_at else "active" if now < self.period_end else "ended"

    def ended_by(self, now: datetime) -> datetime | None:
        """When it ended, if it has: what was bought for some days ends by itself."""
        over = self.once and self.period_end is not None and self.period_end <= now
        return self.ended_at or (self.period_end if over else None)


subscriptions = Projection("subscriptions", version=2, subscriptions=Subscribed)


@subscriptions.fold(SubscriptionStarted, into=Subscribed, key="subscription_id")
def started(_: Subscribed | None, fact: SubscriptionStarted) -> Subscribed:
    return Subscribed(
        fact.subscription_id,
        fact.account_id,
        fact.provider,
        fact.provider_reference,
        fact.plan.plan_id,
        fact.plan.name,
        fact.status,
        fact.started_at,
        fact.period_end,
        fact.position,
        fact.ends_at,
    )


@subscriptions.fold(StatusChanged, into=Subscribed, key="subscription_id")
def in_status(row: Subscribed | None, fact: StatusChanged) -> Subscribed | None:
    return row and replace(row, status=fact.after)


@subscriptions.fold(SubscriptionRenewed, into=Subscribed, key="subscription_id")
def renewed(row: Subscribed | None, fact: SubscriptionRenewed) -> Subscribed | None:
    return row and replace(row, period_end=fact.period_end)


@subscriptions.fold(PlanChanged, into=Subscribed, key="subscription_id")
def on_plan(row: Subscribed | None, fact: PlanChanged) -> Subscribed | None:
    return row and replace(row, plan_id=fact.after.plan_id, plan_name=fact.after.name)


@subscriptions.fold(CancellationScheduled, into=Subscribed, key="subscription_id")
def to_end(row: Subscribed | None, fact: CancellationScheduled) -> Subscribed | None:
    return row and replace(row, ends_at=fact.ends_at)


@subscriptions.fold(CancellationWithdrawn, into=Subscribed, key="subscription_id")
def to_go_on(row: Subscribed | None, _: CancellationWithdrawn) -> Subscribed | None:
    return row and replace(row, ends_at=None)


@subscriptions.fold(SubscriptionEnded, into=Subscribed, key="subscription_id")
def ended(row: Subscribed | None, fact: SubscriptionEnded) -> Subscribed | None:
    return row and replace(row, status=fact.status, ended_at=fact.ended_at)


@subscriptions.fold(SubscriptionFoundAgain, into=Subscribed, key="subscription_id")
def found_again(row: Subscribed | None, fact: SubscriptionFoundAgain) -> Subscribed | None:
    return row and replace(row, status=fact.status, ended_at=None)


@subscriptions.fold(DuplicateFound, into=Subscribed, key="subscription_id")
def found_twice(row: Subscribed | None, fact: DuplicateFound) -> Subscribed | None:
    return row and replace(row, duplicate_of=fact.of_subscription_id)


@subscriptions.fold(PrepaidBought, into=Subscribed, key="purchase_id")
def bought(_: Subscribed | None, fact: PrepaidBought) -> Subscribed:
    return _purchase(fact, fact.span)


@subscriptions.fold(PrepaidDuplicated, into=Subscribed, key="purchase_id")
def bought_too_early(_: Subscribed | None, fact: PrepaidDuplicated) -> Subscribed:
    return _purchase(fact, None)


def _purchase(fact: PrepaidBought | PrepaidDuplicated, span: Span | None) -> Subscribed:
    return Subscribed(
        fact.purchase_id,
        fact.account_id,
        fact.provider,
        fact.payment_reference,
        fact.plan.plan_id,
        fact.plan.name,
        "active",
        span.starts_at if span else fact.paid_at,
        span.ends_at if span else None,
        fact.position,
        None,
        once=True,
    )


@subscriptions.fold(PrepaidMoved, into=Subscribed, key="purchase_id")
def moved(row: Subscribed | None, fact: PrepaidMoved) -> Subscribed | None:
    """It begins where it began before, where it comes to give nothing."""
    if row is None:
        return None
    span = fact.after
    return replace(row, started_at=span.starts_at if span else row.started_at, period_end=span and span.ends_at)


@subscriptions.fold(PrepaidRevoked, into=Subscribed, key="purchase_id")
def revoked(row: Subscribed | None, fact: PrepaidRevoked) -> Subscribed | None:
    return row and replace(row, status=fact.why, ended_at=fact.since)


@subscriptions.fold(PrepaidRestored, into=Subscribed, key="purchase_id")
def restored(row: Subscribed | None, _: PrepaidRestored) -> Subscribed | None:
    return row and replace(row, status="active", ended_at=None)
