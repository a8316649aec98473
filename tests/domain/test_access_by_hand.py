"""May Anna watch, where support has had a hand in it: grants add to what is paid, and a block outweighs it all."""

from datetime import datetime

import pytest

from domain.access.access import ANY_PLAN, Access, Requirement, decide
from domain.access.hindsight import bears_on
from domain.shared.fact import AccountFact
from tests.domain.annas_subscription import LEASE, ended, grace, renewed, started, went
from tests.domain.by_hand import BLOCK, FRIDAY, OTHER_BLOCK, OTHER_GRANT, blocked, granted, lifted, withdrawn
from tests.domain.records import at, disabled, followed, recorded, registered, standing_after
from tests.people import MONDAY, NEXT_MONTH, days

TUESDAY, WEDNESDAY = MONDAY + days(1), MONDAY + days(2)
HD, UHD, FREE = Requirement(feature="hd"), Requirement(feature="uhd"), Requirement(free=True)


def answer(*facts: AccountFact, now: datetime = TUESDAY, required: Requirement = ANY_PLAN) -> Access:
    return decide(standing_after(*facts), required, now)


# Grants.


def test_who_never_paid_watches_until_the_grant_ends() -> None:
    given = answer(granted(FRIDAY))

    assert (given.granted, given.reason, given.until, given.features) == (True, "grant", FRIDAY, ())
    assert [fact.type for fact in given.deciding] == ["account.access_granted"]
    assert given.deciding[0].summary == "Access was granted by hand until 2027-03-05 12:00 UTC: the outage."
    assert "another grant" in given.otherwise


def test_to_the_moment_it_is_over_and_says_so() -> None:
    given = answer(granted(FRIDAY), now=FRIDAY)

    assert (given.granted, given.reason, given.until) == (False, "ended", None)
    assert [fact.type for fact in given.deciding] == ["account.access_granted"]
    assert given.otherwise == "A subscription, or another grant by support, would open it again."


def test_withdrawn_it_is_over_at_once() -> None:
    given = answer(granted(FRIDAY), at(TUESDAY, withdrawn()), now=TUESDAY)

    assert (given.granted, given.reason) == (False, "ended")
    assert [fact.type for fact in given.deciding] == ["account.access_granted", "account.grant_withdrawn"]


def test_one_is_withdrawn_and_the_other_stays() -> None:
    other = granted(WEDNESDAY, id=OTHER_GRANT)

    given = answer(granted(FRIDAY), other, withdrawn())

    assert (given.granted, given.until) == (True, WEDNESDAY)


def test_without_features_it_opens_what_any_plan_opens_and_no_more() -> None:
    given = answer(granted(FRIDAY), required=HD)

    assert (given.granted, given.reason, given.features) == (False, "feature_missing", ())
    assert [fact.type for fact in given.deciding] == ["account.access_granted"]


def test_with_features_it_opens_what_asks_for_one_of_them() -> None:
    grant = granted(FRIDAY, "hd", "uhd")

    for required in (ANY_PLAN, HD, UHD):
        assert answer(grant, required=required).granted
    assert answer(grant).features == ("hd", "uhd")
    assert answer(grant, required=Requirement(feature="atmos")).reason == "feature_missing"


def test_it_adds_its_features_to_those_of_the_plan() -> None:
    facts = (started, granted(FRIDAY, "uhd"))

    assert answer(*facts).features == ("hd", "sd", "uhd")
    assert (answer(*facts, required=UHD).reason, answer(*facts, required=UHD).until) == ("grant", FRIDAY)
    assert (answer(*facts, required=HD).reason, answer(*facts, required=HD).until) == ("subscription", LEASE)


def test_the_longest_decides_be_it_paid_or_granted() -> None:
    assert (answer(started, granted(FRIDAY)).reason, answer(started, granted(FRIDAY)).until) == ("subscription", LEASE)
    longer = answer(started, granted(LEASE + days(1)))
    assert (longer.reason, longer.until) == ("grant", LEASE + days(1))


def test_of_two_grants_the_longer_one_decides() -> None:
    given = answer(granted(FRIDAY), granted(WEDNESDAY, id=OTHER_GRANT))

    assert (given.until, [fact.position for fact in given.deciding]) == (FRIDAY, [2])


def test_it_opens_where_a_payment_failed() -> None:
    failing = (started, renewed, went("active", "past_due"), grace(since=NEXT_MONTH))

    given = answer(*failing, granted(NEXT_MONTH + days(20)), now=NEXT_MONTH + days(10))

    assert (given.granted, given.reason) == (True, "grant")


def test_over_it_does_not_hide_what_paying_would_change() -> None:
    given = answer(started, went("active", "unpaid"), granted(FRIDAY), now=FRIDAY)

    assert (given.reason, given.otherwise) == ("payment_failed", "Paying the open invoice would open it again.")


def test_a_standing_forgets_what_was_over_when_another_was_given() -> None:
    standing = standing_after(granted(TUESDAY), blocked(TUESDAY), at(FRIDAY, granted(FRIDAY + days(1), id=OTHER_GRANT)))

    assert list(standing.grants) == [str(OTHER_GRANT)]
    again = standing_after(blocked(TUESDAY), at(FRIDAY, blocked(None, id=OTHER_BLOCK)))
    assert list(again.blocks) == [str(OTHER_BLOCK)]


def test_withdrawing_what_was_forgotten_changes_nothing() -> None:
    facts = (granted(TUESDAY), at(FRIDAY, granted(FRIDAY + days(1), id=OTHER_GRANT)))

    assert standing_after(*facts, at(FRIDAY, withdrawn())) == standing_after(*facts)


# Blocks.


@pytest.mark.parametrize("required", [ANY_PLAN, HD, FREE])
@pytest.mark.parametrize("beside", [(), (started,), (granted(FRIDAY, "hd"),), (started, granted(FRIDAY, "hd"))])
def test_a_block_outweighs_all_that_is_paid_granted_or_free(
    beside: tuple[AccountFact, ...], required: Requirement
) -> None:
    given = answer(*beside, blocked(), required=required)

    assert (given.granted, given.reason, given.until, given.features) == (False, "blocked", None, ())
    assert [(fact.type, fact.summary) for fact in given.deciding] == [
        ("account.blocked", "The account was blocked: chargebacks.")
    ]
    assert given.otherwise == "Support can lift the block."


def test_lifting_one_leaves_the_other() -> None:
    both = (started, blocked(), blocked(id=OTHER_BLOCK))

    assert len(answer(*both).deciding) == 2
    assert answer(*both).otherwise == "Support can lift the 2 blocks."
    assert [fact.position for fact in answer(*both, lifted(BLOCK)).deciding] == [4]
    assert answer(*both, lifted(BLOCK)).reason == "blocked"
    assert answer(*both, lifted(BLOCK), lifted(OTHER_BLOCK)).reason == "subscription"


def test_one_with_an_end_ends_by_itself() -> None:
    facts = (started, blocked(WEDNESDAY))

    given = answer(*facts, now=TUESDAY)
    assert given.reason == "blocked"
    assert given.otherwise == "It ends by itself on 2027-03-03 12:00 UTC; before that, support can lift the block."
    assert answer(*facts, now=WEDNESDAY).reason == "subscription"


def test_with_two_ends_the_later_one_counts() -> None:
    given = answer(blocked(FRIDAY), blocked(WEDNESDAY, id=OTHER_BLOCK))

    assert given.otherwise == "It ends by itself on 2027-03-05 12:00 UTC; before that, support can lift the 2 blocks."
    assert answer(blocked(FRIDAY), blocked(WEDNESDAY, id=OTHER_BLOCK), now=WEDNESDAY).reason == "blocked"
    assert answer(blocked(), blocked(WEDNESDAY, id=OTHER_BLOCK)).otherwise == "Support can lift the 2 blocks."


def test_disabled_as_well_both_are_said() -> None:
    given = answer(blocked(), disabled)

    assert [fact.type for fact in given.deciding] == ["account.blocked", "account.disabled"]
    assert given.otherwise == "Support can enable the account again. Support can lift the block."


# Looking back.


def looking_back_at(moment: datetime, *facts: AccountFact) -> Access:
    """The answer for a moment, by everything that is known now."""
    known = [fact for fact in recorded(registered, *facts) if bears_on(fact, moment)]
    return decide(followed(known), ANY_PLAN, moment)


def test_a_grant_of_wednesday_opened_nothing_on_tuesday() -> None:
    assert looking_back_at(TUESDAY, at(WEDNESDAY, granted(FRIDAY))).reason == "no_subscription"
    assert looking_back_at(WEDNESDAY, at(WEDNESDAY, granted(FRIDAY))).reason == "grant"


def test_what_was_withdrawn_or_lifted_later_held_until_then() -> None:
    facts = (granted(FRIDAY), at(WEDNESDAY, withdrawn()), at(WEDNESDAY, blocked()), at(FRIDAY, lifted()))

    assert looking_back_at(TUESDAY, *facts).until == FRIDAY
    assert looking_back_at(WEDNESDAY, *facts).reason == "blocked"
    assert looking_back_at(FRIDAY, *facts).reason == "ended"


def test_ends_that_have_passed_by_now_had_not_then() -> None:
    facts = (granted(WEDNESDAY), blocked(TUESDAY), at(FRIDAY, granted(FRIDAY + days(1), id=OTHER_GRANT)))

    assert looking_back_at(MONDAY, *facts).reason == "blocked"
    assert looking_back_at(TUESDAY, *facts).until == WEDNESDAY
    assert looking_back_at(WEDNESDAY, *facts).reason == "ended"


def test_a_subscription_that_ended_is_no_reason_to_withhold_a_grant() -> None:
    assert looking_back_at(WEDNESDAY, started, granted(FRIDAY), at(FRIDAY, ended(TUESDAY))).reason == "grant"
