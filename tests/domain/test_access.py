"""May Anna watch: every reason there is, when it stops, and the facts that say so."""

from datetime import datetime
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from domain.access.access import ANY_PLAN, Access, Reason, Requirement, decide
from domain.shared.fact import AccountFact
from domain.shared.identity import derived_id
from domain.subscription.facts import FurtherItem
from tests.domain.annas_subscription import (
    CINEMA,
    LEASE,
    MONTH_AFTER,
    asked_to_cancel,
    collection_paused,
    ended,
    ends,
    goes_on,
    grace,
    item_restored,
    item_revoked,
    renewed,
    restored,
    resumed,
    revoked,
    sells_also,
    started,
    upgraded,
    went,
)
from tests.domain.records import at, disabled, enabled, standing_after
from tests.people import COOKING, MONDAY, NEXT_MONTH, days

FREE = Requirement(free=True)
HD, UHD = Requirement(feature="hd"), Requirement(feature="uhd")
TUESDAY = MONDAY + days(1)

trial = replace(
    started, status="trialing", trial_end=MONDAY + days(7), period_end=MONDAY + days(7), lease_until=MONDAY + days(9)
)
failing = (started, renewed, went("active", "past_due"), grace(since=NEXT_MONTH))

cinema = replace(
    started,
    subscription_id=derived_id("subscription", "stripe", "sub_anna_2"),
    provider_reference="sub_anna_2",
    plan=CINEMA,
    price_id="price_1499",
)
"""A second subscription of hers, to a plan with more in it."""


cinema_ended = replace(ended(TUESDAY), subscription_id=cinema.subscription_id)

CINEMA_BESIDE = FurtherItem(
    price_id="price_1499", plan=CINEMA, period_end=TUESDAY + days(2), lease_until=TUESDAY + days(2)
)
"""What Cinema gives for three days, as an item of her one subscription."""


def answer(*facts: AccountFact, now: datetime = TUESDAY, required: Requirement = ANY_PLAN) -> Access:
    return decide(standing_after(*facts), required, now)


class Granted(NamedTuple):
    """Why, by which facts, when, and until when."""

    reason: Reason
    facts: tuple[AccountFact, ...]
    now: datetime
    until: datetime


GRANTED = {
    "a paid month": Granted("subscription", (started,), TUESDAY, LEASE),
    "its first moment": Granted("subscription", (started,), MONDAY, LEASE),
    "the slack in which a renewal is awaited": Granted("subscription", (started,), NEXT_MONTH + days(1.9), LEASE),
    "a second month": Granted("subscription", (started, renewed), NEXT_MONTH + days(10), MONTH_AFTER + days(2)),
    "cancelled, and not over": Granted("subscription", (started, ends(NEXT_MONTH)), TUESDAY, NEXT_MONTH),
    "an end only asked for": Granted("subscription", (started, asked_to_cancel()), TUESDAY, LEASE),
    "a cancellation withdrawn": Granted(
        "subscription", (started, ends(NEXT_MONTH), goes_on(before=NEXT_MONTH)), NEXT_MONTH, LEASE
    ),
    "an end far beyond the period": Granted(
        "subscription", (started, ends(MONTH_AFTER, lease_until=LEASE)), TUESDAY, LEASE
    ),
    "collection paused by a policy that grants": Granted(
        "subscription", (started, collection_paused(grants_access=True)), TUESDAY, LEASE
    ),
    "collection resumed": Granted(
        "subscription", (started, collection_paused(grants_access=False), resumed), TUESDAY, LEASE
    ),
    "a first payment completed": Granted(
        "subscription", (replace(started, status="incomplete"), went("incomplete", "active")), TUESDAY, LEASE
    ),
    "an open invoice paid": Granted(
        "subscription", (started, went("active", "unpaid"), went("unpaid", "active")), TUESDAY, LEASE
    ),
    "a payment recovered": Granted(
        "subscription", (*failing, went("past_due", "active")), NEXT_MONTH + days(20), MONTH_AFTER + days(2)
    ),
    "a trial": Granted("trial", (trial,), TUESDAY, MONDAY + days(9)),
    "a trial that was cancelled": Granted("trial", (trial, ends(MONDAY + days(7))), TUESDAY, MONDAY + days(7)),
    "a failed renewal": Granted("grace", failing, NEXT_MONTH + days(3), NEXT_MONTH + days(7)),
    "the last moment of grace": Granted("grace", failing, NEXT_MONTH + days(6.99), NEXT_MONTH + days(7)),
    "grace with an end announced before it is over": Granted(
        "grace", (*failing, ends(NEXT_MONTH + days(2))), NEXT_MONTH + days(1), NEXT_MONTH + days(2)
    ),
    "a refund that failed": Granted("subscription", (started, revoked(), restored()), TUESDAY, LEASE),
    "an account enabled again": Granted("subscription", (started, disabled, enabled), TUESDAY, LEASE),
    "an end that is known now, before it": Granted(
        "subscription", (started, ended(MONDAY + days(4))), TUESDAY, MONDAY + days(4)
    ),
    "an end that is known now, beyond the lease": Granted(
        "subscription", (started, ended(MONTH_AFTER)), TUESDAY, LEASE
    ),
    "grace, with an end that is known now": Granted(
        "grace",
        (*failing, ended(NEXT_MONTH + days(4), before="past_due")),
        NEXT_MONTH + days(3),
        NEXT_MONTH + days(4),
    ),
}


@pytest.mark.parametrize("case", GRANTED.values(), ids=GRANTED.keys())
def test_she_may_watch(case: Granted) -> None:
    given = answer(*case.facts, now=case.now)

    assert (given.granted, given.reason, given.until) == (True, case.reason, case.until)
    assert given.otherwise


class Denied(NamedTuple):
    """Why not, by which facts, and when."""

    reason: Reason
    facts: tuple[AccountFact, ...]
    now: datetime = TUESDAY


DENIED = {
    "never subscribed": Denied("no_subscription", ()),
    "before it started": Denied("no_subscription", (started,), MONDAY - days(1)),
    "a first payment not completed": Denied("payment_pending", (replace(started, status="incomplete"),)),
    "a first payment given up": Denied(
        "ended",
        (replace(started, status="incomplete"), ended(MONDAY, before="incomplete", status="incomplete_expired")),
    ),
    "news of a renewal missing for too long": Denied("ended", (started,), LEASE),
    "a trial without news of its end": Denied("ended", (trial,), MONDAY + days(9)),
    "the announced end, to the moment": Denied("ended", (started, ends(NEXT_MONTH)), NEXT_MONTH),
    "an end that moved to the front": Denied(
        "ended", (started, ends(NEXT_MONTH), ends(MONDAY + days(3), before=NEXT_MONTH)), MONDAY + days(3)
    ),
    "ended at once, though a period is left": Denied("ended", (started, ended(TUESDAY))),
    "ended while the end was only announced": Denied("ended", (started, ends(NEXT_MONTH), ended(TUESDAY))),
    "after grace": Denied("payment_failed", failing, NEXT_MONTH + days(7)),
    "past due without a grace": Denied("payment_failed", (started, went("active", "past_due"))),
    "an announced end within grace": Denied(
        "payment_failed", (*failing, ends(NEXT_MONTH + days(2))), NEXT_MONTH + days(2)
    ),
    "unpaid, though a period is left": Denied(
        "payment_failed", (*failing, went("past_due", "unpaid")), NEXT_MONTH + days(3)
    ),
    "paused": Denied("paused", (started, went("active", "paused"))),
    "collection paused by a policy that denies": Denied("paused", (started, collection_paused(grants_access=False))),
    "a status nobody knows": Denied("ended", (started, went("active", "on_the_moon"))),
    "all of the payment refunded": Denied("refunded", (started, revoked())),
    "a dispute lost": Denied("disputed", (started, revoked("disputed"))),
    "refunded, and then ended": Denied("ended", (started, revoked(), ended(TUESDAY))),
    "an account disabled": Denied("blocked", (started, disabled)),
    "an account disabled that never subscribed": Denied("blocked", (disabled,)),
}


@pytest.mark.parametrize("case", DENIED.values(), ids=DENIED.keys())
def test_she_may_not_watch(case: Denied) -> None:
    given = answer(*case.facts, now=case.now)

    assert (given.granted, given.reason, given.until, given.features) == (False, case.reason, None, ())
    assert given.otherwise


def test_who_cannot_have_payments_collected_again_is_not_told_to_resume() -> None:
    """She may where she paused it; where the seller has paused the payments, they must go on first."""
    paused, denied = went("active", "paused"), collection_paused(grants_access=False)

    assert answer(started, paused).otherwise == "Resuming the subscription would open it again."
    for facts in ((started, denied), (started, paused, denied)):
        assert "paused by whoever sells it" in answer(*facts).otherwise


def test_a_stranger_may_not() -> None:
    given = decide(None, ANY_PLAN, TUESDAY)

    assert (given.granted, given.reason, given.deciding) == (False, "no_subscription", ())


# Free.


def test_what_is_free_is_free_for_everybody() -> None:
    for standing in (None, standing_after(), standing_after(started), standing_after(started, ended(MONDAY))):
        given = decide(standing, FREE, TUESDAY)
        assert (given.granted, given.reason, given.until, given.deciding) == (True, "free", None, ())


def test_but_not_for_an_account_that_is_disabled() -> None:
    given = answer(started, disabled, required=FREE)

    assert (given.granted, given.reason) == (False, "blocked")


# Features.


def test_a_feature_of_the_plan_opens_what_needs_it() -> None:
    given = answer(started, required=HD)

    assert (given.granted, given.features) == (True, ("hd", "sd"))


def test_a_feature_that_the_plan_lacks_is_named() -> None:
    given = answer(started, required=UHD)

    assert (given.granted, given.reason, given.features) == (False, "feature_missing", ("hd", "sd"))
    assert "uhd" in given.otherwise
    assert [fact.position for fact in given.deciding] == [2]


def test_an_upgrade_opens_it() -> None:
    given = answer(started, upgraded, required=UHD)

    assert (given.granted, given.features) == (True, ("hd", "sd", "uhd"))


def test_without_access_it_is_not_the_feature_that_is_missing() -> None:
    assert answer(required=UHD).reason == "no_subscription"
    assert answer(started, ended(MONDAY), required=UHD).reason == "ended"


# Several subscriptions: access is the best that any of them gives.


def test_one_that_is_over_takes_nothing_from_another() -> None:
    given = answer(started, cinema, ended(MONDAY))

    assert (given.granted, given.reason, given.features) == (True, "subscription", ("hd", "sd", "uhd"))


def test_the_one_that_lasts_longest_decides() -> None:
    longer = replace(cinema, period_end=MONTH_AFTER, lease_until=MONTH_AFTER + days(2))

    for facts in ((started, longer), (longer, started)):
        given = answer(*facts)
        assert given.until == MONTH_AFTER + days(2)
        assert len(given.deciding) == 1


def test_the_one_that_has_the_feature_decides_though_another_lasts_longer() -> None:
    given = answer(replace(started, lease_until=MONTH_AFTER), cinema, required=UHD)

    assert (given.granted, given.until) == (True, LEASE)
    assert [fact.position for fact in given.deciding] == [3]


def test_what_both_give_is_given() -> None:
    other = replace(cinema, plan=replace(CINEMA, features=("uhd", "downloads")))

    assert answer(started, other).features == ("downloads", "hd", "sd", "uhd")
    assert answer(started, other, ended(MONDAY)).features == ("downloads", "uhd")


def test_what_is_sold_beside_the_plan_gives_for_as_long_as_its_own_period_is_paid_for() -> None:
    with_cinema = (started, sells_also(CINEMA_BESIDE))

    now = answer(*with_cinema, required=UHD)
    assert (now.granted, now.until, now.features) == (True, TUESDAY + days(2), ("hd", "sd", "uhd"))
    later = answer(*with_cinema, now=TUESDAY + days(3), required=UHD)
    assert (later.granted, later.reason) == (False, "feature_missing")
    assert answer(*with_cinema, now=TUESDAY + days(3)).until == LEASE


def test_and_also_where_the_period_of_the_plan_itself_is_over() -> None:
    longer = replace(CINEMA_BESIDE, lease_until=MONTH_AFTER)

    assert answer(started, sells_also(longer), now=LEASE + days(1)).until == MONTH_AFTER


def test_a_refund_takes_what_is_beside_the_plan_too() -> None:
    assert answer(started, sells_also(CINEMA_BESIDE), revoked(), required=UHD).reason == "refunded"


BASIC, BESIDE = item_revoked(COOKING, "price_999"), item_revoked(CINEMA, "price_1499")


def test_what_is_paid_stays_where_money_for_something_else_in_the_subscription_went_back() -> None:
    with_cinema = (started, sells_also(replace(CINEMA_BESIDE, plan=replace(CINEMA, features=("uhd",)))))

    plan_refunded = answer(*with_cinema, BASIC)
    assert (plan_refunded.granted, plan_refunded.until) == (True, TUESDAY + days(2))
    assert plan_refunded.features == ("uhd",)
    assert [fact.position for fact in plan_refunded.deciding] == [2, 3], "the refund was of something else"
    assert answer(*with_cinema, BASIC, required=HD).reason == "feature_missing"
    assert answer(*with_cinema, BASIC, now=TUESDAY + days(3)).granted is False
    beside_refunded = answer(*with_cinema, BESIDE)
    assert (beside_refunded.until, beside_refunded.features) == (LEASE, ("hd", "sd"))
    assert answer(*with_cinema, BESIDE, required=UHD).reason == "feature_missing"


def test_where_the_money_for_everything_in_it_went_back_the_refunds_explain_it() -> None:
    given = answer(started, sells_also(CINEMA_BESIDE), BASIC, BESIDE, required=UHD)

    assert (given.granted, given.reason) == (False, "refunded")
    assert [fact.type for fact in given.deciding][-1:] == ["subscription.item_revoked"]


def test_each_opens_again_by_itself() -> None:
    refunded = (started, sells_also(CINEMA_BESIDE), BASIC, BESIDE)

    assert answer(*refunded, item_restored(COOKING, "price_999")).features == ("hd", "sd")
    assert answer(*refunded, item_restored(CINEMA, "price_1499"), required=UHD).granted
    assert answer(started, sells_also(CINEMA_BESIDE), revoked(), item_restored(CINEMA, "price_1499")).until == (
        TUESDAY + days(2)
    )
    assert answer(started, sells_also(CINEMA_BESIDE), revoked(), restored(), required=UHD).granted


def test_a_new_period_of_one_thing_leaves_the_refund_of_another() -> None:
    snacks = replace(CINEMA_BESIDE, price_id="price_snacks", plan=replace(CINEMA, features=("snacks",)))
    longer = replace(snacks, lease_until=MONTH_AFTER)
    sold = sells_also(CINEMA_BESIDE, snacks)

    given = answer(started, sold, BESIDE, sells_also(CINEMA_BESIDE, longer, before=sold.after))

    assert (given.features, given.until) == (("hd", "sd", "snacks"), MONTH_AFTER)


def test_after_a_change_of_the_plan_the_refund_is_of_what_it_is_now() -> None:
    snacks = replace(CINEMA_BESIDE, price_id="price_snacks", plan=replace(CINEMA, features=("snacks",)))

    assert answer(started, sells_also(snacks), upgraded, BASIC, required=UHD).granted
    assert answer(started, sells_also(snacks), upgraded, BESIDE).features == ("snacks",)


def test_where_none_gives_access_the_one_heard_of_last_explains_it() -> None:
    waiting = replace(cinema, status="incomplete")

    assert answer(started, went("active", "unpaid"), waiting).reason == "payment_pending"
    assert answer(waiting, started, went("active", "unpaid")).reason == "payment_failed"
    for last, facts in (
        (3, (started, cinema, ended(MONDAY), cinema_ended)),
        (2, (started, cinema, cinema_ended, ended(MONDAY))),
    ):
        assert [fact.position for fact in answer(*facts).deciding] == [last, 5]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("unpaid", "payment_failed"),
        ("past_due", "payment_failed"),
        ("paused", "paused"),
        ("incomplete", "payment_pending"),
    ],
)
def test_one_that_lives_explains_it_whatever_was_over_after_it(status: str, reason: Reason) -> None:
    given = answer(started, cinema, went("active", status), cinema_ended)

    assert (given.granted, given.reason) == (False, reason)
    assert [fact.position for fact in given.deciding] == [2, 4]


def test_until_its_end_the_other_lived_too() -> None:
    facts = (started, went("active", "unpaid"), replace(cinema, status="incomplete"), cinema_ended)

    assert answer(*facts, now=TUESDAY - days(0.1)).reason == "payment_pending"
    assert answer(*facts, now=TUESDAY).reason == "payment_failed"


def test_nor_does_what_has_not_begun_yet_explain_it() -> None:
    later = replace(cinema, started_at=TUESDAY + days(1))

    assert answer(started, went("active", "unpaid"), later).reason == "payment_failed"


def test_where_none_has_the_feature_the_facts_of_all_are_named_in_their_order() -> None:
    other = replace(cinema, plan=replace(CINEMA, features=()))

    given = answer(started, other, renewed, required=UHD, now=NEXT_MONTH + days(1))

    assert given.reason == "feature_missing"
    assert [fact.position for fact in given.deciding] == [2, 3, 4]


# The facts that decide.


def test_an_answer_names_the_facts_it_rests_on() -> None:
    given = answer(*failing, now=NEXT_MONTH + days(3))

    assert [(fact.position, fact.type) for fact in given.deciding] == [
        (2, "subscription.started"),
        (3, "subscription.renewed"),
        (4, "subscription.status_changed"),
        (5, "subscription.grace_started"),
    ]
    assert (
        given.deciding[3].summary
        == "A renewal failed on 2027-04-01 12:00 UTC; access goes on until 2027-04-08 12:00 UTC."
    )


def test_of_facts_on_one_aspect_the_newest_decides() -> None:
    given = answer(started, renewed, ends(NEXT_MONTH + days(9)), ends(MONTH_AFTER), now=NEXT_MONTH)

    assert [fact.position for fact in given.deciding] == [2, 3, 5]


def test_a_grace_that_is_over_and_paid_for_decides_nothing() -> None:
    given = answer(*failing, went("past_due", "active"), now=NEXT_MONTH + days(20))

    assert [fact.type for fact in given.deciding] == [
        "subscription.started",
        "subscription.renewed",
        "subscription.status_changed",
    ]


def test_a_block_names_the_fact_that_blocks_and_when_it_was() -> None:
    given = answer(started, at(TUESDAY, disabled), now=TUESDAY)

    assert [(fact.position, fact.at) for fact in given.deciding] == [(3, TUESDAY)]
    assert given.deciding[0].summary == "The account was disabled: chargebacks."


def test_a_wish_alone_decides_nothing() -> None:
    assert standing_after(started, asked_to_cancel()) == standing_after(started)
