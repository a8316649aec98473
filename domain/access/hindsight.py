"""Which facts say something about a moment, now that all of them are known."""

from datetime import datetime

from domain.account.account import AccountRegistered, AccountRegisteredByPhone
from domain.prepaid.facts import PrepaidBought, PrepaidDuplicated, PrepaidMoved, PrepaidRestored, PrepaidRevoked
from domain.shared.fact import Fact
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    GraceStarted,
    ItemRestored,
    ItemRevoked,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)


def bears_on(fact: Fact, moment: datetime) -> bool:
    """Whether it was recorded by then, or tells of a time of its own that has to do with the moment.

    Anything else is taken to have happened when it was recorded: a block of today says nothing about last month.
    """
    if fact.recorded_at <= moment:
        return True
    match fact:
        case (
            AccountRegistered()
            | AccountRegisteredByPhone()
            | SubscriptionStarted()
            | SubscriptionEnded()
            | SubscriptionFoundAgain()
            | PrepaidBought()
            | PrepaidDuplicated()
        ):
            # `judge` compares the start and the end that they tell with the moment; what was found was never over.
            return True
        case SubscriptionRenewed():
            return fact.period_start <= moment
        case StatusChanged():
            return fact.changed_at <= moment
        case (
            GraceStarted()
            | AccessRevoked()
            | AccessRestored()
            | ItemRevoked()
            | ItemRestored()
            | PrepaidMoved()
            | PrepaidRevoked()
            | PrepaidRestored()
        ):
            return fact.since <= moment
        case _:
            return False
