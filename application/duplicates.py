"""Finding a second live subscription to the same plan among all that one account has at its customers."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce

from application.observing import Decision
from domain.access.access import judge, terms_in
from domain.access.standing import Standing, follow
from domain.shared.fact import AccountFact, Fact
from domain.subscription.duplicates import NOBODY_GIVES, Giving, duplicates
from domain.subscription.facts import DuplicateFound
from domain.subscription.subscription import Subscription
from domain.subscription.truth import BillingPolicy

log = logging.getLogger(__name__)


def giving_access(standing: Standing | None, now: datetime, decided: Iterable[Fact] = ()) -> Giving:
    """Which of the account's subscriptions give access now, and by which plans; after what is `decided` as well."""
    then = reduce(follow, (fact for fact in decided if isinstance(fact, AccountFact)), standing)
    parts = [part for term in then.terms.values() for part in terms_in(term)] if then else []
    return {(part.subscription_id, part.plan_id) for part in parts if judge(part, now).granted}


def with_duplicates(
    decisions: Sequence[Decision], policy: BillingPolicy, standing: Standing | None, now: datetime
) -> list[Decision]:
    """The decisions about an account's subscriptions, with what they say together."""
    states = [state for decision in decisions if (state := _after(decision)) is not None]
    first_seen = {recalled.stream for recalled, _ in decisions if recalled.state is None}
    refund = policy.double_checkout == "refund_newer"
    decided = [fact for _, facts in decisions for fact in facts]
    giving = giving_access(standing, now, decided) if refund else NOBODY_GIVES
    doubles = duplicates(states, first_seen=first_seen, giving=giving, refund=refund)
    found = {fact.subscription_id: fact for fact in doubles}
    return [
        (recalled, [*facts, found[recalled.stream]] if recalled.stream in found else facts)
        for recalled, facts in decisions
    ]


def _after(decision: Decision) -> Subscription | None:
    recalled, facts = decision
    state = recalled.state
    assert state is None or isinstance(state, Subscription)
    for fact in facts:
        state = Subscription.evolve(state, fact)  # type: ignore[arg-type]  # they were decided on this stream
    return state


def tell_of_duplicates(facts: Sequence[Fact]) -> None:
    """Somebody pays twice: an operator should know."""
    for fact in facts:
        if isinstance(fact, DuplicateFound):
            about = {"subscription": str(fact.subscription_id), "beside": str(fact.of_subscription_id)}
            log.warning("an account has two live subscriptions to one plan", extra=about)
