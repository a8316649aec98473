"""Which of several subscriptions are doubles: the younger ones to the same plan that would be paid for again."""

from datetime import datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.shared.identity import derived_id
from domain.shared.plan_terms import PlanTerms
from domain.subscription.duplicates import Giving, duplicates
from domain.subscription.facts import FurtherItem
from domain.subscription.subscription import Subscription
from tests.domain.annas_subscription import CINEMA
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days


def one(reference: str, started_at: datetime = MONDAY) -> Subscription:
    return Subscription(
        id=derived_id("subscription", "stripe", reference),
        account_id=ANNA,
        provider="stripe",
        provider_reference=reference,
        customer_id="cus_anna",
        plan=COOKING,
        price_id="price_999",
        status="active",
        started_at=started_at,
        period_end=NEXT_MONTH,
        ends_at=None,
    )


FIRST, SECOND, THIRD = one("sub_1"), one("sub_2", MONDAY + days(1)), one("sub_3", MONDAY + days(2))
GIVING = {(FIRST.id, COOKING.plan_id)}


def pairs(*subscriptions: Subscription) -> list[tuple[UUID, UUID]]:
    return [(fact.subscription_id, fact.of_subscription_id) for fact in duplicates(subscriptions, refund=False)]


def test_each_younger_one_doubles_the_oldest_in_whichever_order_they_are_told() -> None:
    expected = [(SECOND.id, FIRST.id), (THIRD.id, FIRST.id)]

    assert pairs(FIRST, SECOND, THIRD) == expected
    assert pairs(THIRD, SECOND, FIRST) == expected


def test_of_two_of_one_second_it_is_always_the_same() -> None:
    twin = one("sub_1b")

    assert pairs(FIRST, twin) == pairs(twin, FIRST) == [(twin.id, FIRST.id)]


def test_of_two_of_one_second_the_one_that_is_paid_is_kept() -> None:
    on_trial, paid = replace(FIRST, status="trialing"), one("sub_1b")

    assert pairs(on_trial, paid) == pairs(paid, on_trial) == [(on_trial.id, paid.id)]


def test_one_alone_doubles_nothing() -> None:
    assert pairs(FIRST) == pairs() == []


@pytest.mark.parametrize("status", ["trialing", "past_due"])
def test_what_will_be_paid_counts_too(status: str) -> None:
    assert pairs(FIRST, replace(SECOND, status=status)) == [(SECOND.id, FIRST.id)]


@pytest.mark.parametrize(
    "other",
    [
        replace(SECOND, plan=CINEMA),
        replace(SECOND, status="incomplete"),
        replace(SECOND, status="unpaid"),
        replace(SECOND, status="paused"),
        replace(SECOND, ends_at=NEXT_MONTH),
        replace(SECOND, status="canceled", ended_at=MONDAY + days(3)),
        replace(SECOND, duplicate_of=FIRST.id),
    ],
)
def test_what_is_no_mistake_or_has_been_found(other: Subscription) -> None:
    assert pairs(FIRST, other) == []


def test_one_that_was_found_beside_one_that_is_gone_is_the_oldest_now() -> None:
    gone = replace(FIRST, status="canceled", ended_at=MONDAY + days(3))

    assert pairs(gone, replace(SECOND, duplicate_of=FIRST.id), THIRD) == [(THIRD.id, SECOND.id)]


def test_the_policy_is_written_into_what_is_found() -> None:
    [found] = duplicates([FIRST, SECOND], giving=GIVING, refund=True)

    assert (found.refund, found.plan, found.account_id) == (True, COOKING, ANNA)


def beside(plan: PlanTerms) -> FurtherItem:
    return FurtherItem(price_id="price_1999", plan=plan, period_end=NEXT_MONTH, lease_until=NEXT_MONTH)


WITH_CINEMA = replace(FIRST, further=(beside(CINEMA),))
TO_CINEMA = replace(SECOND, plan=CINEMA, price_id="price_1499")


@pytest.mark.parametrize(
    ("younger", "giving"),
    [
        (replace(SECOND, further=(beside(CINEMA),)), GIVING),
        (SECOND, set[tuple[UUID, UUID]]()),
        (SECOND, {(SECOND.id, COOKING.plan_id), (FIRST.id, CINEMA.plan_id)}),
    ],
)
def test_what_would_be_lost_with_the_younger_one_is_left_to_people(younger: Subscription, giving: Giving) -> None:
    [found] = duplicates([FIRST, younger], giving=giving, refund=True)

    assert (found.subscription_id, found.refund) == (SECOND.id, False)


def test_a_plan_that_one_of_them_sells_beside_another_is_bought_twice() -> None:
    giving = {*GIVING, (FIRST.id, CINEMA.plan_id)}
    [found] = duplicates([WITH_CINEMA, TO_CINEMA], giving=giving, refund=True)
    assert (found.subscription_id, found.of_subscription_id, found.plan, found.refund) == (
        SECOND.id,
        FIRST.id,
        CINEMA,
        True,
    )

    by_both = replace(SECOND, plan=replace(CINEMA, plan_id=THIRD.id), further=(beside(CINEMA),))
    [found] = duplicates([WITH_CINEMA, by_both], giving=giving, refund=True)
    assert (found.plan, found.refund) == (CINEMA, False), "what is its plan would be lost"


def test_what_a_double_sells_beside_is_doubled_by_a_third_one() -> None:
    found_before = replace(SECOND, further=(beside(CINEMA),), duplicate_of=FIRST.id)

    assert pairs(FIRST, found_before, replace(TO_CINEMA, id=THIRD.id, started_at=THIRD.started_at)) == [
        (THIRD.id, SECOND.id)
    ]


def test_one_that_was_over_before_it_was_seen_is_told_of_and_left_to_people() -> None:
    over = replace(SECOND, status="canceled", ended_at=MONDAY + days(3))

    [found] = duplicates([FIRST, over], first_seen={over.id}, giving=GIVING, refund=True)

    assert (found.subscription_id, found.of_subscription_id, found.refund) == (SECOND.id, FIRST.id, False)
    assert duplicates([over, THIRD], first_seen={over.id}, refund=True) == []
