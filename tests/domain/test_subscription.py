"""A subscription: what the provider says of it becomes facts, each difference once."""

from datetime import datetime, timedelta
from typing import Literal

import pytest
from msgspec.structs import replace

from domain.subscription.facts import FurtherItem, RevokedFor, SubscriptionEvent, SubscriptionFoundAgain
from domain.subscription.subscription import Subscription, SubscriptionOver
from domain.subscription.truth import BillingPolicy, MoneyBack, SoldItem
from tests.domain.annas_subscription import (
    CINEMA,
    MONTH_AFTER,
    SUB,
    Decision,
    asked_to_cancel,
    collection_paused,
    ended,
    ends,
    goes_on,
    grace,
    item_restored,
    item_revoked,
    observed,
    paid,
    past_due,
    renewed,
    renewing,
    restored,
    resumed,
    revoked,
    sells_also,
    started,
    upgraded,
    went,
)
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days
from tests.scenario import folded, given, nothing_yet

# First seen.


def test_a_paid_subscription_starts() -> None:
    nothing_yet().when(observed(paid)).then(started)


@pytest.mark.parametrize("status", ["active", "trialing", "incomplete", "unpaid", "paused", "on_the_moon"])
def test_it_starts_in_whatever_status_it_is_seen_first(status: str) -> None:
    nothing_yet().when(observed(replace(paid, status=status))).then(replace(started, status=status))


def test_a_trial_starts_with_its_end() -> None:
    trial = replace(paid, status="trialing", trial_end=MONDAY + days(7), period_end=MONDAY + days(7))

    nothing_yet().when(observed(trial)).then(
        replace(
            started,
            status="trialing",
            trial_end=MONDAY + days(7),
            period_end=MONDAY + days(7),
            lease_until=MONDAY + days(9),
        )
    )


def test_seen_first_when_it_is_over_it_starts_and_ends() -> None:
    over = replace(paid, status="canceled", ended_at=MONDAY + days(3))

    nothing_yet().when(observed(over, now=MONDAY + days(5))).then(
        replace(started, status="canceled"), ended(MONDAY + days(3), before="canceled")
    )


def test_seen_first_while_a_payment_fails_it_starts_in_grace() -> None:
    nothing_yet().when(observed(past_due, now=NEXT_MONTH + days(1))).then(
        replace(
            started,
            status="past_due",
            period_start=NEXT_MONTH,
            period_end=MONTH_AFTER,
            lease_until=MONTH_AFTER + days(2),
        ),
        grace(since=NEXT_MONTH),
    )


# Periods and leases.


def test_a_renewal_lengthens_the_lease() -> None:
    given(Subscription, started).when(observed(renewing, now=NEXT_MONTH)).then(renewed)


def test_renewals_that_were_missed_are_told_as_one() -> None:
    later = replace(renewing, period_start=MONTH_AFTER, period_end=MONTH_AFTER + days(31))

    given(Subscription, started).when(observed(later, now=MONTH_AFTER)).then(
        replace(
            renewed,
            period_start=MONTH_AFTER,
            period_end=MONTH_AFTER + days(31),
            lease_until=MONTH_AFTER + days(33),
        )
    )


def test_the_slack_is_the_operators_choice() -> None:
    generous = BillingPolicy(lease_slack=days(5))

    nothing_yet().when(observed(paid, policy=generous)).then(replace(started, lease_until=NEXT_MONTH + days(5)))


@pytest.mark.parametrize(
    ("ends_at", "lease_until"),
    [
        (None, NEXT_MONTH + days(2)),
        (NEXT_MONTH, NEXT_MONTH),
        (MONDAY + days(10), MONDAY + days(10)),
        (NEXT_MONTH + days(1), NEXT_MONTH + days(1)),
        (MONTH_AFTER, NEXT_MONTH + days(2)),
    ],
)
def test_an_announced_end_gets_no_slack(ends_at: datetime | None, lease_until: datetime) -> None:
    assert BillingPolicy().lease_until(period_end=NEXT_MONTH, ends_at=ends_at) == lease_until


# Cancellation.


def test_an_announced_end_is_told_with_a_lease_that_stops_there() -> None:
    given(Subscription, started).when(observed(replace(paid, ends_at=NEXT_MONTH))).then(ends(NEXT_MONTH))


def test_an_end_that_moves_is_told_with_the_one_before() -> None:
    given(Subscription, started, ends(NEXT_MONTH)).when(observed(replace(paid, ends_at=MONDAY + days(10)))).then(
        ends(MONDAY + days(10), before=NEXT_MONTH)
    )


def test_a_cancellation_withdrawn_expects_a_renewal_again() -> None:
    given(Subscription, started, ends(NEXT_MONTH)).when(observed(paid)).then(goes_on(before=NEXT_MONTH))


def test_withdrawn_it_may_be_cancelled_again() -> None:
    given(Subscription, started, ends(NEXT_MONTH), goes_on(before=NEXT_MONTH)).when(
        observed(replace(paid, ends_at=NEXT_MONTH))
    ).then(ends(NEXT_MONTH))


@pytest.mark.parametrize("at_period_end", [True, False])
def test_anna_asks_for_an_end(*, at_period_end: bool) -> None:
    given(Subscription, started).when(
        lambda it: it.request_cancellation(at_period_end=at_period_end, idempotency_key="cancel-1")
    ).then(asked_to_cancel(at_period_end=at_period_end))


def test_asked_for_alone_nothing_has_changed() -> None:
    asked = folded(Subscription, started, asked_to_cancel())

    assert (asked.requested, asked.wish) == (frozenset({"cancel-1"}), "end")
    assert replace(asked, requested=frozenset(), wish=None, wished_by=None) == folded(Subscription, started)


def test_an_end_that_is_announced_need_not_be_asked_for() -> None:
    given(Subscription, started, ends(NEXT_MONTH)).when(
        lambda it: it.request_cancellation(at_period_end=True, idempotency_key="cancel-1")
    ).then_nothing()


def test_an_end_at_once_may_be_asked_for_though_a_later_one_is_announced() -> None:
    given(Subscription, started, ends(NEXT_MONTH)).when(
        lambda it: it.request_cancellation(at_period_end=False, idempotency_key="cancel-1")
    ).then(asked_to_cancel(at_period_end=False))


def test_what_is_over_cannot_be_cancelled() -> None:
    given(Subscription, started, ended(MONDAY + days(4))).when(
        lambda it: it.request_cancellation(at_period_end=True, idempotency_key="cancel-1")
    ).then_refused(SubscriptionOver)


# Lost, and found again.

lost = replace(ended(MONDAY + days(4)), lost=True)
found = SubscriptionFoundAgain(subscription_id=SUB, account_id=ANNA, before_ended_at=MONDAY + days(4), status="active")


def test_what_the_provider_did_not_know_for_a_while_goes_on_with_what_has_changed_since() -> None:
    given(Subscription, started, lost).when(observed(paid)).then(found)
    given(Subscription, started, lost).when(observed(renewing, now=NEXT_MONTH)).then(found, renewed)


def test_found_again_it_can_be_lost_again_and_end() -> None:
    given(Subscription, started, lost, found).when(observed(paid)).then()
    given(Subscription, started, lost, found).when(lambda it: it.end_unlisted(at=MONDAY + days(4), lost=True)).then(
        lost
    )


def test_an_end_that_the_provider_told_of_itself_is_for_good() -> None:
    over = replace(paid, status="canceled", ended_at=MONDAY + days(4))

    given(Subscription, started, ended(MONDAY + days(4))).when(observed(paid)).then()
    given(Subscription, started, lost).when(observed(over)).then()


# Grace.

failing = (started, renewed, went("active", "past_due", NEXT_MONTH), grace(since=NEXT_MONTH))


def test_grace_counts_from_the_first_failure_and_not_from_when_it_was_heard_of() -> None:
    given(Subscription, started, renewed).when(observed(past_due, now=NEXT_MONTH + days(5))).then(
        went("active", "past_due", NEXT_MONTH), grace(since=NEXT_MONTH)
    )


@pytest.mark.parametrize("later", [days(1), days(6), days(8), days(30)])
def test_neither_a_retry_nor_a_redelivery_lengthens_it(later: timedelta) -> None:
    given(Subscription, *failing).when(observed(past_due, now=NEXT_MONTH + later)).then_nothing()


def test_where_the_provider_does_not_say_since_when_it_is_when_it_was_seen() -> None:
    since_unknown = replace(past_due, failing_since=None)

    given(Subscription, started, renewed).when(observed(since_unknown, now=NEXT_MONTH + days(1))).then(
        went("active", "past_due", NEXT_MONTH + days(1)), grace(since=NEXT_MONTH + days(1))
    )
    given(Subscription, *failing).when(observed(since_unknown, now=NEXT_MONTH + days(3))).then_nothing()


def test_paid_for_the_next_failure_has_a_grace_of_its_own() -> None:
    recovered = (*failing, went("past_due", "active"))
    fails_again = replace(
        past_due, period_start=MONTH_AFTER, period_end=MONTH_AFTER + days(31), failing_since=MONTH_AFTER
    )

    facts = observed(fails_again, now=MONTH_AFTER + days(1))(folded(Subscription, *recovered))

    assert facts[1:] == [went("active", "past_due", MONTH_AFTER), grace(since=MONTH_AFTER)]


def test_a_recovery_that_was_missed_does_not_cost_the_next_failure_its_grace() -> None:
    fails_again = replace(past_due, failing_since=MONTH_AFTER)

    given(Subscription, *failing).when(observed(fails_again, now=MONTH_AFTER + days(1))).then(grace(since=MONTH_AFTER))


def test_a_failure_that_turns_out_to_be_older_shortens_it() -> None:
    heard_late = (started, renewed, went("active", "past_due"), grace(since=NEXT_MONTH + days(1)))

    given(Subscription, *heard_late).when(observed(past_due, now=NEXT_MONTH + days(2))).then(grace(since=NEXT_MONTH))


# Plan and collection.


def test_another_price_is_another_plan() -> None:
    given(Subscription, started).when(observed(replace(paid, plan=CINEMA, price_id="price_1499"))).then(upgraded)


def test_a_new_price_of_the_same_plan_is_told_too() -> None:
    new_terms = replace(COOKING, price=replace(COOKING.price, amount=1099))

    given(Subscription, started).when(observed(replace(paid, plan=new_terms, price_id="price_1099"))).then(
        replace(upgraded, after=new_terms, after_price_id="price_1099")
    )


@pytest.mark.parametrize("grants", [True, False])
def test_what_a_pause_of_collection_means_is_the_policy_of_that_day(*, grants: bool) -> None:
    policy = BillingPolicy(pause_collection_grants=grants)

    given(Subscription, started).when(observed(replace(paid, collection_paused=True), policy=policy)).then(
        collection_paused(grants_access=grants)
    )


def test_collection_is_resumed() -> None:
    given(Subscription, started, collection_paused()).when(observed(paid)).then(resumed)
    given(Subscription, started, collection_paused(), resumed).when(observed(paid)).then_nothing()


# What is sold beside the plan.

ADDITION = SoldItem(price_id="price_1499", plan=CINEMA, period_end=MONTH_AFTER)
ADDED = FurtherItem(price_id="price_1499", plan=CINEMA, period_end=MONTH_AFTER, lease_until=MONTH_AFTER + days(2))


def test_a_second_item_is_told_beside_the_plan_with_a_lease_of_its_own() -> None:
    nothing_yet().when(observed(replace(paid, further=(ADDITION,)))).then(started, sells_also(ADDED))


def test_an_item_that_is_known_is_no_news_and_one_that_is_gone_is() -> None:
    given(Subscription, started, sells_also(ADDED)).when(observed(replace(paid, further=(ADDITION,)))).then_nothing()
    given(Subscription, started, sells_also(ADDED)).when(observed(paid)).then(sells_also(before=(ADDED,)))


def test_a_period_of_the_second_item_alone_may_begin() -> None:
    later = replace(ADDITION, period_end=MONTH_AFTER + days(30))
    after = replace(ADDED, period_end=MONTH_AFTER + days(30), lease_until=MONTH_AFTER + days(32))

    given(Subscription, started, sells_also(ADDED)).when(observed(replace(paid, further=(later,)))).then(
        sells_also(after, before=(ADDED,))
    )


def test_an_announced_end_is_the_end_of_all_that_is_sold() -> None:
    truth = replace(paid, further=(ADDITION,), ends_at=NEXT_MONTH)

    given(Subscription, started, ends(NEXT_MONTH)).when(observed(truth)).then(
        sells_also(replace(ADDED, lease_until=NEXT_MONTH))
    )


# Money that went back.


def back(how: Literal["refunded", "dispute_open", "dispute_lost"]) -> MoneyBack:
    return MoneyBack(how=how, payment_reference="in_march", since=MONDAY)


@pytest.mark.parametrize(
    ("how", "policy", "why"),
    [
        ("refunded", BillingPolicy(), "refunded"),
        ("refunded", BillingPolicy(full_refund_revokes=False), None),
        ("dispute_lost", BillingPolicy(), "disputed"),
        ("dispute_lost", BillingPolicy(dispute_lost_revokes=False), None),
        ("dispute_open", BillingPolicy(), None),
        ("dispute_open", BillingPolicy(dispute_open_suspends=True), "disputed"),
    ],
)
def test_whether_money_that_went_back_takes_the_access_is_the_operators_policy(
    how: Literal["refunded", "dispute_open", "dispute_lost"], policy: BillingPolicy, why: RevokedFor | None
) -> None:
    decided = given(Subscription, started).when(observed(replace(paid, money_back=(back(how),)), policy=policy))

    if why is None:
        decided.then_nothing()
    else:
        decided.then(revoked(why))


def test_revoked_once_it_is_not_told_again() -> None:
    given(Subscription, started, revoked()).when(observed(replace(paid, money_back=(back("refunded"),)))).then_nothing()


def test_of_two_reasons_the_first_that_the_policy_takes_counts() -> None:
    policy = BillingPolicy(dispute_lost_revokes=False)
    both = replace(paid, money_back=(back("dispute_lost"), back("refunded")))

    given(Subscription, started).when(observed(both, policy=policy)).then(revoked("refunded"))


def test_with_the_money_here_again_access_is_given_back() -> None:
    given(Subscription, started, revoked("disputed")).when(observed(paid, now=MONDAY + days(9))).then(
        restored("disputed", since=MONDAY + days(9))
    )


# Money that went back, of several things.

beside_cooking = (started, sells_also(ADDED))


def sold_two(plan: tuple[MoneyBack, ...] | None = (), beside: tuple[MoneyBack, ...] | None = ()) -> Decision:
    """Cooking with Cinema beside it is what she has, and this became of the money for each."""
    truth = replace(paid, money_back=plan, further=(replace(ADDITION, money_back=beside),))
    return observed(truth, now=MONDAY + days(9))


@pytest.mark.parametrize(
    ("plan", "beside", "facts"),
    [
        pytest.param((back("refunded"),), (), [item_revoked(COOKING, "price_999")], id="the plan's"),
        pytest.param(
            (), (back("dispute_lost"),), [item_revoked(CINEMA, "price_1499", "disputed")], id="that beside it"
        ),
        pytest.param(
            (back("refunded"),),
            (back("refunded"),),
            [item_revoked(COOKING, "price_999"), item_revoked(CINEMA, "price_1499")],
            id="that of both",
        ),
        pytest.param((back("dispute_open"),), (back("dispute_open"),), [], id="by the policy none"),
        pytest.param(None, None, [], id="nothing is known"),
    ],
)
def test_of_several_things_money_takes_what_it_had_paid_for(
    plan: tuple[MoneyBack, ...] | None, beside: tuple[MoneyBack, ...] | None, facts: list[SubscriptionEvent]
) -> None:
    given(Subscription, *beside_cooking).when(sold_two(plan, beside)).then(*facts)
    given(Subscription, *beside_cooking, *facts).when(sold_two(plan, beside)).then_nothing()


def test_each_is_given_back_by_itself() -> None:
    cooking, cinema = item_revoked(COOKING, "price_999"), item_revoked(CINEMA, "price_1499", "disputed")
    both = given(Subscription, *beside_cooking, cooking, cinema)

    both.when(sold_two(beside=(back("dispute_lost"),))).then(
        item_restored(COOKING, "price_999", since=MONDAY + days(9))
    )
    both.when(sold_two(plan=(back("refunded"),))).then(
        item_restored(CINEMA, "price_1499", "disputed", since=MONDAY + days(9))
    )
    both.when(sold_two(None, None)).then_nothing()


def test_what_was_once_revoked_as_a_whole_is_all_that_was_sold_then() -> None:
    whole = (*beside_cooking, revoked())

    given(Subscription, *whole).when(sold_two((back("refunded"),), (back("refunded"),))).then_nothing()
    given(Subscription, *whole).when(sold_two((back("refunded"),))).then(
        item_restored(CINEMA, "price_1499", since=MONDAY + days(9))
    )
    given(Subscription, *whole, restored()).when(sold_two()).then_nothing()


def test_what_is_added_to_a_refunded_subscription_has_money_of_its_own() -> None:
    given(Subscription, started, revoked()).when(sold_two(plan=(back("refunded"),))).then(sells_also(ADDED))


def test_the_one_thing_that_is_left_is_the_subscription_again() -> None:
    left = given(Subscription, *beside_cooking, item_revoked(COOKING, "price_999"), sells_also(before=(ADDED,)))

    left.when(observed(replace(paid, money_back=(back("refunded"),)))).then_nothing()
    left.when(observed(paid)).then(restored())


def test_what_was_taken_out_and_is_sold_again_is_refunded_until_it_is_known_to_be_paid_for() -> None:
    again = (*beside_cooking, item_revoked(CINEMA, "price_1499"), sells_also(before=(ADDED,)), sells_also(ADDED))

    given(Subscription, *again).when(sold_two(None, None)).then_nothing()
    given(Subscription, *again).when(sold_two(beside=(back("refunded"),))).then_nothing()
    given(Subscription, *again).when(sold_two()).then(item_restored(CINEMA, "price_1499", since=MONDAY + days(9)))


# All at once.


SNACKS = replace(ADDITION, price_id="price_snacks")


def test_several_differences_are_told_together_and_end_in_the_truth() -> None:
    truth = replace(
        past_due,
        plan=CINEMA,
        price_id="price_1499",
        ends_at=MONTH_AFTER,
        collection_paused=True,
        further=(SNACKS,),
        money_back=(back("refunded"),),
    )

    facts = observed(truth, now=NEXT_MONTH + days(1))(folded(Subscription, started))

    assert facts == [
        upgraded,
        replace(renewed, lease_until=MONTH_AFTER),
        sells_also(replace(ADDED, price_id="price_snacks", lease_until=MONTH_AFTER)),
        ends(MONTH_AFTER),
        went("active", "past_due", NEXT_MONTH),
        grace(since=NEXT_MONTH),
        collection_paused(),
        item_revoked(CINEMA, "price_1499"),
    ]
    given(Subscription, started, *facts).when(observed(truth, now=NEXT_MONTH + days(2))).then_nothing()
