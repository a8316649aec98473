"""What is known now about a moment: late news of it counts, what happened after it does not."""

from datetime import datetime

from msgspec.structs import replace

from domain.access.access import ANY_PLAN, Access, Requirement, decide
from domain.access.hindsight import bears_on
from domain.shared.fact import AccountFact
from domain.subscription.facts import FurtherItem, SubscriptionFoundAgain
from tests.domain.annas_subscription import (
    CINEMA,
    SUB,
    ended,
    grace,
    item_restored,
    item_revoked,
    renewed,
    sells_also,
    started,
    upgraded,
    went,
)
from tests.domain.records import at, disabled, enabled, followed, recorded, registered
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days

TUESDAY, WEDNESDAY, FRIDAY = MONDAY + days(1), MONDAY + days(2), MONDAY + days(4)

heard_of_late = (
    started,
    at(NEXT_MONTH + days(9), renewed),
    at(NEXT_MONTH + days(9), went("active", "past_due", NEXT_MONTH)),
    at(NEXT_MONTH + days(9), grace(since=NEXT_MONTH)),
)
"""The renewal and its failure, of which nothing was heard for nine days."""


def looking_back_at(moment: datetime, *facts: AccountFact, required: Requirement = ANY_PLAN) -> Access:
    """The answer for a moment, by everything that is known now."""
    known = [fact for fact in recorded(registered, *facts) if bears_on(fact, moment)]
    return decide(followed(known), required, moment)


def test_an_account_disabled_on_friday_was_not_blocked_on_tuesday() -> None:
    given = looking_back_at(TUESDAY, started, at(FRIDAY, disabled))

    assert (given.granted, given.reason) == (True, "subscription")
    assert looking_back_at(FRIDAY, started, at(FRIDAY, disabled)).reason == "blocked"


def test_what_was_lost_and_found_was_never_over() -> None:
    lost = at(TUESDAY, ended(TUESDAY))
    found = SubscriptionFoundAgain(subscription_id=SUB, account_id=ANNA, before_ended_at=TUESDAY, status="active")

    assert not looking_back_at(WEDNESDAY, started, lost).granted
    assert looking_back_at(WEDNESDAY, started, lost, at(FRIDAY, found)).granted


def test_nor_does_enabling_it_undo_that_it_was_blocked() -> None:
    facts = (started, at(TUESDAY, disabled), at(FRIDAY, enabled))

    assert looking_back_at(WEDNESDAY, *facts).reason == "blocked"
    assert looking_back_at(FRIDAY, *facts).granted


def test_an_upgrade_opens_nothing_before_it() -> None:
    uhd = Requirement(feature="uhd")

    assert looking_back_at(TUESDAY, started, at(FRIDAY, upgraded), required=uhd).reason == "feature_missing"
    assert looking_back_at(FRIDAY, started, at(FRIDAY, upgraded), required=uhd).granted


def test_a_subscription_that_was_heard_of_late_was_there_all_the_time() -> None:
    given = looking_back_at(TUESDAY, at(FRIDAY, started))

    assert (given.granted, given.reason) == (True, "subscription")
    assert looking_back_at(MONDAY - days(1), at(FRIDAY, started)).reason == "no_subscription"


def test_a_renewal_that_was_heard_of_late_had_begun_with_its_period() -> None:
    facts = (started, at(NEXT_MONTH + days(5), renewed))

    assert looking_back_at(NEXT_MONTH + days(3), *facts).granted
    assert looking_back_at(NEXT_MONTH - days(1), *facts).until == NEXT_MONTH + days(2)


def test_a_dispute_of_one_thing_that_was_heard_of_late_took_that_from_its_beginning() -> None:
    snacks = FurtherItem(
        price_id="price_snacks", plan=replace(CINEMA, features=("snacks",)), period_end=FRIDAY, lease_until=FRIDAY
    )
    facts = (started, sells_also(snacks), at(FRIDAY, item_revoked(COOKING, "price_999", "disputed", since=WEDNESDAY)))

    assert looking_back_at(TUESDAY, *facts).features == ("hd", "sd", "snacks")
    assert looking_back_at(WEDNESDAY, *facts).features == ("snacks",)
    back = at(FRIDAY, item_restored(COOKING, "price_999", "disputed", since=WEDNESDAY + days(1)))
    assert looking_back_at(WEDNESDAY + days(1), *facts, back).features == ("hd", "sd", "snacks")


def test_an_end_that_was_heard_of_late_was_an_end() -> None:
    facts = (started, at(FRIDAY, ended(WEDNESDAY)))

    assert looking_back_at(WEDNESDAY, *facts).reason == "ended"
    before = looking_back_at(TUESDAY, *facts)
    assert (before.granted, before.until) == (True, WEDNESDAY)


def test_a_failure_that_was_heard_of_late_began_its_grace_when_it_failed() -> None:
    assert looking_back_at(NEXT_MONTH - days(1), *heard_of_late).reason == "subscription"
    in_grace = looking_back_at(NEXT_MONTH + days(3), *heard_of_late)
    assert (in_grace.reason, in_grace.until) == ("grace", NEXT_MONTH + days(7))
    assert looking_back_at(NEXT_MONTH + days(8), *heard_of_late).reason == "payment_failed"


def test_a_debt_of_today_was_none_last_month() -> None:
    in_debt = (*heard_of_late, at(NEXT_MONTH + days(20), went("past_due", "unpaid", NEXT_MONTH + days(20))))

    assert looking_back_at(TUESDAY, *in_debt).granted
    assert looking_back_at(NEXT_MONTH + days(20), *in_debt).reason == "payment_failed"


def test_a_first_payment_that_never_came_gave_nothing_then() -> None:
    given_up = (
        replace(started, status="incomplete"),
        at(TUESDAY, ended(TUESDAY, before="incomplete", status="incomplete_expired")),
    )

    assert looking_back_at(MONDAY + days(0.5), *given_up).reason == "payment_pending"


def test_a_first_payment_that_was_heard_of_late_gave_access_since_it_was_paid() -> None:
    facts = (replace(started, status="incomplete"), at(FRIDAY, went("incomplete", "active", TUESDAY)))

    assert looking_back_at(MONDAY, *facts).reason == "payment_pending"
    assert looking_back_at(WEDNESDAY, *facts).reason == "subscription"
