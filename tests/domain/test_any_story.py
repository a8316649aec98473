"""Whatever a provider tells and support does, in whatever order: the ledger holds it, and access follows from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.access.access import Requirement, decide
from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, GrantWithdrawn
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import SubscriptionEvent
from domain.subscription.truth import PAID, TERMINAL, BillingPolicy, MoneyBack, ProviderSubscription, SoldItem
from domain.telling import tell
from tests.domain.any_purchases import bought_until, buying
from tests.domain.any_story import Heard, Turn, known_of, observing, policies, stories, subscription_id, told
from tests.domain.records import followed
from tests.people import days

quickly = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quickly
@given(stories, policies)
def test_the_facts_of_a_truth_end_in_that_truth(story: list[Heard], policy: BillingPolicy) -> None:
    for turn in told(story, policy):
        assert buying(turn.purchases, turn.facts, turn.now + days(1)) == []
        for truth in turn.last_words.values():
            assert observing(truth, turn.facts, policy, turn.now + days(1)) == []
            known = known_of(truth, turn.facts)
            assert known is not None
            assert known.status == truth.status
            if truth.status not in TERMINAL:
                assert (known.price_id, known.plan, known.period_end) == (truth.price_id, truth.plan, truth.period_end)
                assert (known.ends_at, known.collection_paused) == (truth.ends_at, truth.collection_paused)


@quickly
@given(stories, policies)
def test_every_fact_of_it_can_be_told(story: list[Heard], policy: BillingPolicy) -> None:
    for turn in told(story, policy):
        for fact in turn.new:
            assert tell(fact).endswith(".")  # type: ignore[arg-type]


@quickly
@given(stories, policies, st.sampled_from([None, "hd", "uhd"]), st.sampled_from([0.0, 1, 5, 20, 60]))
def test_access_is_what_the_last_words_give_and_what_was_done_by_hand(
    story: list[Heard], policy: BillingPolicy, feature: str | None, later: float
) -> None:
    for turn in told(story, policy):
        now = turn.now + days(later)
        answer = decide(followed(turn.facts), Requirement(feature=feature), now)

        paid = [*stops(turn, policy, now, feature), *bought_until(turn.purchases, now, feature)]
        giving = [stop for stop in [*paid, *grants(turn, feature)] if stop > now]
        assert answer.granted == (bool(giving) and not is_disabled(turn) and not is_blocked(turn, now))
        if answer.granted:
            assert answer.until == max(giving)
        elif answer.reason not in {"blocked", "feature_missing"} and (living := living_of(turn)):
            named = {fact.position for fact in answer.deciding}
            assert living & {fact.subscription_id for fact in subscribing(turn) if fact.position in named}
        assert {fact.position for fact in answer.deciding} <= {fact.position for fact in turn.facts}


def living_of(turn: Turn) -> set[UUID]:
    """Those that are not over: money, or a word, may still make one of them give access."""
    return {subscription_id(word) for word in turn.last_words.values() if word.status not in TERMINAL}


def subscribing(turn: Turn) -> list[SubscriptionEvent]:
    return [fact for fact in turn.facts if isinstance(fact, SubscriptionEvent)]


def stops(turn: Turn, policy: BillingPolicy, now: datetime, feature: str | None) -> list[datetime]:
    """When each subscription that has the feature stops giving access, by the provider's own words."""
    return [
        stop
        for word in turn.last_words.values()
        for sold in [Sold(word.plan, word.period_end, word.money_back), *(_beside(one) for one in word.further)]
        if feature in {None, *sold.plan.features} and (stop := stops_at(word, sold, policy)) is not None
    ]


class Sold(NamedTuple):
    """One thing that a subscription sells."""

    plan: PlanTerms
    period_end: datetime
    money_back: Sequence[MoneyBack] | None


def _beside(item: SoldItem) -> Sold:
    return Sold(item.plan, item.period_end, item.money_back)


def stops_at(word: ProviderSubscription, sold: Sold, policy: BillingPolicy) -> datetime | None:
    """Of one thing that it sells."""
    revokes = {
        "refunded": policy.full_refund_revokes,
        "dispute_open": policy.dispute_open_suspends,
        "dispute_lost": policy.dispute_lost_revokes,
    }
    if any(revokes[back.how] for back in sold.money_back or ()):
        return None
    lease = sold.period_end + policy.lease_slack
    lease = min(lease, word.ends_at) if word.ends_at else lease
    if word.collection_paused and not policy.pause_collection_grants:
        return None
    if word.status in PAID:
        return lease
    if word.status == "past_due" and word.failing_since:
        return min(lease, word.failing_since + policy.grace)
    return None


def grants(turn: Turn, feature: str | None) -> list[datetime]:
    """When each grant that has the feature ends, and has not been withdrawn."""
    withdrawn = {fact.grant_id for fact in turn.facts if isinstance(fact, GrantWithdrawn)}
    given = [fact for fact in turn.facts if isinstance(fact, AccessGranted) and fact.grant_id not in withdrawn]
    return [grant.until for grant in given if feature in {None, *grant.features}]


def is_blocked(turn: Turn, now: datetime) -> bool:
    lifted = {fact.block_id for fact in turn.facts if isinstance(fact, BlockLifted)}
    placed = [fact for fact in turn.facts if isinstance(fact, BlockPlaced) and fact.block_id not in lifted]
    return any(block.until is None or now < block.until for block in placed)


def is_disabled(turn: Turn) -> bool:
    words = [fact.tag() for fact in turn.facts if fact.tag() in {"account.disabled", "account.enabled"}]
    return words[-1:] == ["account.disabled"]
