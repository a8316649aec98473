"""Every subscription that there has been: one row to each, in the order in which they were first heard of."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.subscription.facts import (
    CancellationScheduled,
    CancellationWithdrawn,
    DuplicateFound,
    PlanChanged,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionRenewed,
    SubscriptionStarted,
)


class Subscribed(Row, frozen=True):
    """One subscription; `status` is the provider's word."""

    subscription_id: UUID
    account_id: UUID
    provider: str
    provider_reference: str
    plan_id: UUID
    plan_name: str
    status: str
    started_at: datetime
    period_end: datetime
    first_position: int
    ends_at: datetime | None
    """The announced end."""
    ended_at: datetime | None = None
    duplicate_of: UUID | None = None
    """The older subscription to the same plan beside which it was found."""

    indexes: ClassVar[tuple[str, ...]] = ("first_position", "account_id, first_position")


subscriptions = Projection("subscriptions", version=1, subscriptions=Subscribed)


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


@subscriptions.fold(DuplicateFound, into=Subscribed, key="subscription_id")
def found_twice(row: Subscribed | None, fact: DuplicateFound) -> Subscribed | None:
    return row and replace(row, duplicate_of=fact.of_subscription_id)
