"""What happens to a subscription, in plain words."""

from typing import assert_never

from domain.shared.moments import in_words as _day
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    DuplicateFound,
    FurtherItemsChanged,
    GraceStarted,
    ItemRestored,
    ItemRevoked,
    PlanChanged,
    PlanChangeRequested,
    PlanDropped,
    RequestDropped,
    ResumptionRequested,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.revocations import Revocation


def of_subscription(fact: SubscriptionEvent) -> str:
    match fact:
        case SubscriptionStarted():
            until = _day(fact.period_end)
            return f"A subscription to {fact.plan.name} started as {fact.status}, its first period until {until}."
        case StatusChanged():
            return f"The subscription went from {fact.before} to {fact.after}."
        case SubscriptionRenewed():
            return f"A new period of the subscription began, until {_day(fact.period_end)}."
        case PlanChanged():
            if fact.before == fact.after:
                return f"The subscription is to {fact.after.name} again, or at another price."
            if fact.before.plan_id == fact.after.plan_id:
                return f"The terms of the plan {fact.after.name} changed."
            return f"The plan changed from {fact.before.name} to {fact.after.name}."
        case PlanDropped():
            return f"The subscription is not to {fact.before.name} any more, nor to another plan."
        case FurtherItemsChanged():
            further = ", ".join(item.plan.name for item in fact.after) or "nothing"
            return f"Beside its plan the subscription now has {further}."
        case GraceStarted():
            return f"A renewal failed on {_day(fact.since)}; access goes on until {_day(fact.until)}."
        case CancellationRequested():
            return f"Cancellation {'at the end of the period' if fact.at_period_end else 'at once'} was asked for."
        case ResumptionRequested():
            return "It was asked that the subscription goes on."
        case PlanChangeRequested():
            return f"A change of the plan from {fact.before.name} to {fact.after.name} was asked for."
        case RequestDropped():
            return f"What was asked for came to nothing: {fact.reason}."
        case DuplicateFound():
            return f"This is a second live subscription to {fact.plan.name}, beside an older one."
        case CancellationScheduled():
            return f"The subscription was cancelled and ends on {_day(fact.ends_at)}."
        case CancellationWithdrawn():
            return "The cancellation was withdrawn; the subscription renews again."
        case AccessRevoked() | AccessRestored() | ItemRevoked() | ItemRestored():
            return _of_money(fact)
        case CollectionPaused():
            return f"Collection of payments was paused; access {'goes on' if fact.grants_access else 'stops'}."
        case CollectionResumed():
            return "Collection of payments was resumed."
        case SubscriptionEnded():
            why = "the provider does not know it any more" if fact.lost else fact.status
            return f"The subscription ended on {_day(fact.ended_at)} ({why})."
        case SubscriptionFoundAgain():
            return f"The provider knows the subscription again: it did not end on {_day(fact.before_ended_at)}."
        case _:
            assert_never(fact)


def _of_money(fact: Revocation) -> str:
    match fact:
        case AccessRevoked():
            return f"Access was revoked: the payment for the period was {fact.why}."
        case AccessRestored():
            return f"Access was given back: the payment for the period is not {fact.before} any more."
        case ItemRevoked():
            return f"Access to what {fact.plan.name} gives was revoked: the payment for its period was {fact.why}."
        case ItemRestored():
            return f"{fact.plan.name} gives access again: the payment for its period is not {fact.before} any more."
