"""May Anna watch with what she bought for a number of days: until when, beside what else, and by which facts."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from msgspec.structs import replace

from domain.access.access import ANY_PLAN, Access, Requirement, decide
from domain.access.hindsight import bears_on
from domain.prepaid.facts import RevokedFor, Span
from domain.shared.fact import AccountFact
from tests.domain.annas_purchases import THIRTY_DAYS, bought, duplicated, moved, restored, revoked
from tests.domain.annas_subscription import LEASE, ended, started, went
from tests.domain.records import at, disabled, followed, recorded, registered, standing_after
from tests.people import MONDAY, days

TUESDAY, END = MONDAY + days(1), MONDAY + days(30)
SD, HD = Requirement(feature="sd"), Requirement(feature="hd")
IN_HD = replace(THIRTY_DAYS, name="Thirty days in HD", features=("hd", "sd"), max_height=1080)


def answer(*facts: AccountFact, now: datetime = TUESDAY, required: Requirement = ANY_PLAN) -> Access:
    return decide(standing_after(*facts), required, now)


def types(given: Access) -> list[str]:
    return [fact.type for fact in given.deciding]


def test_it_gives_access_for_its_days_to_the_second_and_no_longer() -> None:
    given = answer(bought())

    assert (given.granted, given.reason, given.until, given.features) == (True, "prepaid", END, ("sd",))
    assert types(given) == ["prepaid.bought"]
    assert answer(bought(), now=END - days(1 / 86_400)).granted
    over = answer(bought(), now=END)
    assert (over.granted, over.reason, types(over)) == (False, "ended", ["prepaid.bought"])


def test_before_it_was_paid_there_was_nothing() -> None:
    assert answer(bought(), now=MONDAY - days(1)).reason == "no_subscription"


def test_extended_it_lasts_without_a_gap_and_both_facts_say_so() -> None:
    given = answer(bought(), bought(2, MONDAY + days(20), after=END))

    assert given.until == END + days(30)
    assert [fact.position for fact in given.deciding] == [2, 3]
    later = answer(bought(), bought(2, MONDAY + days(20), after=END), now=END)
    assert (later.granted, later.until, [fact.position for fact in later.deciding]) == (True, END + days(30), [3])


def test_a_video_that_needs_a_feature_is_open_while_a_purchase_gives_it() -> None:
    facts = (bought(plan=IN_HD), bought(2, MONDAY + days(20), after=END))

    assert answer(*facts, required=HD).until == END
    assert answer(*facts, required=SD).until == END + days(30)
    without = answer(*facts, required=HD, now=END)
    assert (without.granted, without.reason, without.features) == (False, "feature_missing", ("sd",))


def test_a_duplicate_gives_nothing() -> None:
    given = answer(bought(lasting=90), duplicated(2, MONDAY, lasts_until=MONDAY + days(90)))

    assert given.until == MONDAY + days(90)


@pytest.mark.parametrize("why", ["refunded", "disputed"])
def test_when_the_money_goes_back_it_ends(why: RevokedFor) -> None:
    given = answer(bought(), revoked(since=TUESDAY, why=why))

    assert (given.granted, given.reason) == (False, why)
    assert types(given) == ["prepaid.bought", "prepaid.revoked"]


def test_a_refunded_extension_extends_nothing() -> None:
    given = answer(bought(), bought(2, MONDAY, after=END), revoked(2, since=TUESDAY))

    assert (given.granted, given.until) == (True, END)


def test_when_the_money_comes_again_it_goes_on() -> None:
    given = answer(bought(), revoked(since=TUESDAY), restored(since=TUESDAY))

    assert (given.granted, given.until) == (True, END)


def test_what_moved_counts_where_it_lies_now() -> None:
    alone = Span(MONDAY + days(10), MONDAY + days(40))
    facts = (
        bought(),
        bought(2, MONDAY + days(10), after=END),
        revoked(1, since=MONDAY + days(12)),
        moved(2, Span(END, END + days(30)), alone, since=MONDAY + days(12)),
    )

    given = answer(*facts, now=MONDAY + days(12))

    assert (given.granted, given.until) == (True, alone.ends_at)
    assert types(given) == ["prepaid.bought", "prepaid.moved"]
    assert answer(*facts, now=alone.ends_at).granted is False


def test_beside_a_subscription_whichever_lasts_longer_decides() -> None:
    longer = answer(started, bought(lasting=60))
    assert (longer.reason, longer.until) == ("prepaid", MONDAY + days(60))
    shorter = answer(started, bought(lasting=2))
    assert (shorter.reason, shorter.until) == ("subscription", LEASE)
    assert shorter.features == ("hd", "sd")


def test_it_outlives_a_subscription_that_ended() -> None:
    given = answer(started, bought(), ended(TUESDAY), now=TUESDAY)

    assert (given.granted, given.reason) == (True, "prepaid")


def test_when_it_is_over_a_subscription_that_waits_for_its_money_says_what_would_help() -> None:
    facts = (started, went("active", "unpaid"), bought())

    assert answer(*facts).reason == "prepaid"
    over = answer(*facts, now=END)
    assert (over.reason, types(over)) == ("payment_failed", ["subscription.started", "subscription.status_changed"])
    refunded = answer(*facts, revoked(since=TUESDAY))
    assert (refunded.granted, refunded.reason) == (False, "payment_failed")


def test_a_disabled_account_watches_nothing_with_it() -> None:
    assert answer(bought(), disabled).reason == "blocked"


def test_looking_back_a_purchase_was_there_before_it_was_heard_of_and_until_it_was_refunded() -> None:
    heard_of_late, refunded_on = at(MONDAY + days(3), bought()), MONDAY + days(9)
    facts = recorded(registered, heard_of_late, at(refunded_on, revoked(since=refunded_on)))

    def looking_back_at(moment: datetime) -> Access:
        return decide(followed([fact for fact in facts if bears_on(fact, moment)]), ANY_PLAN, moment)

    assert looking_back_at(TUESDAY).reason == "prepaid"
    assert looking_back_at(MONDAY - days(1)).reason == "no_subscription"
    assert looking_back_at(refunded_on).reason == "refunded"


def test_looking_back_a_dispute_counts_since_it_was_opened_and_so_does_what_it_moved() -> None:
    opened, heard = MONDAY + days(11), MONDAY + days(15)
    second = Span(MONDAY + days(10), MONDAY + days(40))
    facts = recorded(
        registered,
        bought(),
        at(second.starts_at, bought(2, second.starts_at, after=END)),
        at(heard, revoked(1, since=opened, why="disputed")),
        at(heard, moved(2, Span(END, END + days(30)), second, since=opened)),
    )

    def looking_back_at(moment: datetime, known: Sequence[AccountFact]) -> Access:
        return decide(followed([fact for fact in known if bears_on(fact, moment)]), ANY_PLAN, moment)

    assert looking_back_at(opened - days(1), facts).until == END + days(30)
    assert looking_back_at(opened + days(1), facts).until == second.ends_at
    assert looking_back_at(opened + days(1), facts[:-1]).reason != "prepaid"
