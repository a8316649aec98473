"""The status machine of a Stripe subscription, as observations: each turn is told, and an end is final."""

import pytest
from msgspec.structs import replace

from domain.subscription.facts import SubscriptionEvent
from domain.subscription.subscription import Subscription
from domain.subscription.truth import ProviderSubscription
from tests.domain.annas_subscription import (
    MONTH_AFTER,
    ended,
    grace,
    observed,
    paid,
    past_due,
    renewing,
    started,
    went,
)
from tests.people import MONDAY, days
from tests.scenario import given

# https://docs.stripe.com/api/subscriptions/object: the turns of `status`, and a word that is not among them yet.
# Where a renewal is past due, grace starts with it.

TURNS = [
    ("incomplete", "active"),
    ("trialing", "active"),
    ("trialing", "past_due"),
    ("trialing", "paused"),
    ("active", "past_due"),
    ("active", "paused"),
    ("past_due", "active"),
    ("past_due", "unpaid"),
    ("paused", "active"),
    ("paused", "past_due"),
    ("unpaid", "active"),
    ("active", "on_the_moon"),
    ("on_the_moon", "active"),
]
ENDS = [
    ("incomplete", "incomplete_expired"),
    ("incomplete", "canceled"),
    ("trialing", "canceled"),
    ("active", "canceled"),
    ("past_due", "canceled"),
    ("unpaid", "canceled"),
    ("paused", "canceled"),
    ("on_the_moon", "canceled"),
]


def seen_as(status: str) -> ProviderSubscription:
    return replace(paid, status=status, failing_since=MONDAY if status == "past_due" else None)


def been(status: str) -> list[SubscriptionEvent]:
    return observed(seen_as(status))(None)


@pytest.mark.parametrize(("before", "after"), TURNS)
def test_a_turn_of_the_status_is_told(before: str, after: str) -> None:
    turn = went(before, after)

    given(Subscription, *been(before)).when(observed(seen_as(after))).then(
        *([turn, grace(since=MONDAY)] if after == "past_due" else [turn])
    )


@pytest.mark.parametrize(("before", "after"), ENDS)
def test_a_terminal_status_ends_it(before: str, after: str) -> None:
    over = replace(paid, status=after, ended_at=MONDAY + days(4))

    given(Subscription, *been(before)).when(observed(over, now=MONDAY + days(5))).then(
        ended(MONDAY + days(4), before=before, status=after)
    )


@pytest.mark.parametrize("status", sorted({status for turn in TURNS for status in turn}))
def test_the_status_that_it_has_is_no_news(status: str) -> None:
    given(Subscription, *been(status)).when(observed(seen_as(status), now=MONDAY + days(1))).then_nothing()


def test_an_end_that_was_announced_before_it_was_first_seen_is_told_with_the_start() -> None:
    leaving = replace(paid, ends_at=MONDAY + days(9))

    facts = observed(leaving)(None)

    assert facts == [replace(started, ends_at=MONDAY + days(9), lease_until=MONDAY + days(9))]
    given(Subscription, *facts).when(observed(leaving, now=MONDAY + days(1))).then_nothing()


# Terminal is final.


@pytest.mark.parametrize("late", [paid, renewing, past_due, replace(paid, status="incomplete")])
def test_after_the_end_nothing_follows(late: ProviderSubscription) -> None:
    given(Subscription, started, ended(MONDAY + days(4))).when(observed(late, now=MONTH_AFTER)).then_nothing()


def test_it_does_not_end_twice_nor_at_another_time() -> None:
    over_later = replace(paid, status="canceled", ended_at=MONDAY + days(9))

    given(Subscription, started, ended(MONDAY + days(4))).when(observed(over_later)).then_nothing()


def test_an_end_without_a_time_is_when_it_was_seen() -> None:
    given(Subscription, started).when(observed(replace(paid, status="canceled"), now=MONDAY + days(6))).then(
        ended(MONDAY + days(6))
    )
