"""Finding a second live subscription to the same plan among all that one account has at its customers."""

import logging
from collections.abc import Sequence

from application.observing import Decision
from domain.shared.fact import Fact
from domain.subscription.duplicates import duplicates
from domain.subscription.facts import DuplicateFound
from domain.subscription.subscription import Subscription
from domain.subscription.truth import BillingPolicy

log = logging.getLogger(__name__)


def with_duplicates(decisions: Sequence[Decision], policy: BillingPolicy) -> list[Decision]:
    """The decisions about an account's subscriptions, with what they say together."""
    states = [state for decision in decisions if (state := _after(decision)) is not None]
    first_seen = {recalled.stream for recalled, _ in decisions if recalled.state is None}
    refund = policy.double_checkout == "refund_newer"
    found = {fact.subscription_id: fact for fact in duplicates(states, first_seen=first_seen, refund=refund)}
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
