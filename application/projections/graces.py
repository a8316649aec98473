"""Whose grace is running, and when there is something to tell about it next."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.payment.dunning import ENDING_AHEAD, NoticeFellDue
from domain.subscription.facts import GraceStarted, StatusChanged, SubscriptionEnded, SubscriptionFoundAgain

NOTHING, ENDING, ENDED = 0, 1, 2
TELLS = {"grace_ending": ENDING, "access_ended": ENDED}


class Grace(Row, frozen=True):
    """The newest grace of a subscription; the row stays when it is over, so that nothing is told twice."""

    subscription_id: UUID
    account_id: UUID
    since: datetime
    until: datetime
    started_position: int
    told: dict[str, int]
    """Of each failure, by when it began: that its grace is ending (1), that access ended (2)."""
    due_at: datetime | None = None
    """When there is something to tell next; None: there is not."""

    indexes: ClassVar[tuple[str, ...]] = ("due_at",)


graces = Projection("graces", version=1, graces=Grace)


@graces.fold(GraceStarted, into=Grace, key="subscription_id")
def started(row: Grace | None, fact: GraceStarted) -> Grace:
    return _due(
        Grace(fact.subscription_id, fact.account_id, fact.since, fact.until, fact.position, row.told if row else {})
    )


@graces.fold(StatusChanged, into=Grace, key="subscription_id")
def went(row: Grace | None, _: StatusChanged) -> Grace | None:
    """Whoever goes past due by this has her grace started after it."""
    return row and replace(row, due_at=None)


@graces.fold(SubscriptionEnded, into=Grace, key="subscription_id")
def ended(row: Grace | None, _: SubscriptionEnded) -> Grace | None:
    return row and replace(row, due_at=None)


@graces.fold(SubscriptionFoundAgain, into=Grace, key="subscription_id")
def found_again(row: Grace | None, fact: SubscriptionFoundAgain) -> Grace | None:
    """A grace that was running when it was lost runs on."""
    return _due(row) if row and fact.status == "past_due" else row


@graces.fold(NoticeFellDue, into=Grace, key="subscription_id")
def told(row: Grace | None, fact: NoticeFellDue) -> Grace | None:
    if row is None or fact.failing_since is None:
        return row
    failure = fact.failing_since.isoformat()
    after = replace(row, told={**row.told, failure: max(row.told.get(failure, NOTHING), TELLS[fact.kind])})
    return after if row.due_at is None else _due(after)


def _due(grace: Grace) -> Grace:
    moments = {NOTHING: max(grace.since, grace.until - ENDING_AHEAD), ENDING: grace.until, ENDED: None}
    return replace(grace, due_at=moments[grace.told.get(grace.since.isoformat(), NOTHING)])
