"""Given and taken by hand: a grant has an end, several blocks add up, and what is over cannot be ended again."""

from datetime import datetime
from uuid import UUID

import pytest

from domain.account.account import Account, AccountEvent
from domain.account.by_hand import AT_ONCE_MAX, EndInThePast, EndTooFarAhead, TooManyByHand
from domain.shared.fact import Refusal
from tests.domain.by_hand import BLOCK, FRIDAY, GRANT, OTHER_BLOCK, OTHER_GRANT, blocked, granted, lifted, withdrawn
from tests.domain.records import registered
from tests.people import MONDAY, days
from tests.scenario import given

TUESDAY = MONDAY + days(1)
IN_TEN_YEARS = datetime(2037, 3, 1, 12, 0, tzinfo=MONDAY.tzinfo)


def grants(anna: Account, until: datetime, *features: str, now: datetime = MONDAY) -> list[AccountEvent]:
    return anna.grant_access(GRANT, until=until, features=features, reason="the outage", now=now)


def blocks(anna: Account, until: datetime | None, *, now: datetime = MONDAY) -> list[AccountEvent]:
    return anna.block(BLOCK, until=until, reason="chargebacks", now=now)


def test_access_is_granted_until_its_end_with_what_it_opens_and_why() -> None:
    given(Account, registered).when(lambda anna: grants(anna, FRIDAY)).then(granted(FRIDAY))
    given(Account, registered).when(lambda anna: grants(anna, FRIDAY, "hd", "uhd")).then(granted(FRIDAY, "hd", "uhd"))


def test_a_block_has_an_end_or_none() -> None:
    given(Account, registered).when(lambda anna: blocks(anna, None)).then(blocked(None))
    given(Account, registered).when(lambda anna: blocks(anna, FRIDAY)).then(blocked(FRIDAY))


@pytest.mark.parametrize(
    ("until", "refusal"),
    [(MONDAY, EndInThePast), (MONDAY - days(1), EndInThePast), (IN_TEN_YEARS + days(2), EndTooFarAhead)],
)
def test_an_end_lies_in_the_future_and_within_ten_years(until: datetime, refusal: type[Refusal]) -> None:
    given(Account, registered).when(lambda anna: grants(anna, until)).then_refused(refusal)
    given(Account, registered).when(lambda anna: blocks(anna, until)).then_refused(refusal)


def test_ten_years_are_not_too_many() -> None:
    given(Account, registered).when(lambda anna: grants(anna, IN_TEN_YEARS)).then(granted(IN_TEN_YEARS))


def test_a_grant_is_withdrawn_once() -> None:
    given(Account, registered, granted()).when(lambda anna: anna.withdraw_grant(GRANT, now=TUESDAY)).then(withdrawn())
    given(Account, registered, granted(), withdrawn()).when(
        lambda anna: anna.withdraw_grant(GRANT, now=TUESDAY)
    ).then_nothing()


def test_what_is_over_or_never_was_is_not_ended() -> None:
    both = given(Account, registered, granted(FRIDAY), blocked(FRIDAY))

    both.when(lambda anna: anna.withdraw_grant(GRANT, now=FRIDAY)).then_nothing()
    both.when(lambda anna: anna.unblock(BLOCK, now=FRIDAY)).then_nothing()
    both.when(lambda anna: anna.withdraw_grant(BLOCK, now=MONDAY)).then_nothing()
    both.when(lambda anna: anna.unblock(GRANT, now=MONDAY)).then_nothing()


def test_of_several_one_is_ended_and_the_others_stay() -> None:
    two = (blocked(None), blocked(FRIDAY, id=OTHER_BLOCK), granted(), granted(id=OTHER_GRANT))

    one_less = given(Account, registered, *two, lifted(BLOCK), withdrawn(OTHER_GRANT))

    one_less.when(lambda anna: anna.unblock(OTHER_BLOCK, now=MONDAY)).then(lifted(OTHER_BLOCK, before=FRIDAY))
    one_less.when(lambda anna: anna.withdraw_grant(GRANT, now=MONDAY)).then(withdrawn(GRANT))
    one_less.when(lambda anna: anna.unblock(BLOCK, now=MONDAY)).then_nothing()


def test_a_block_without_an_end_is_lifted() -> None:
    given(Account, registered, blocked(None)).when(lambda anna: anna.unblock(BLOCK, now=FRIDAY)).then(lifted())


def test_no_more_are_in_force_at_once_than_a_playback_can_read() -> None:
    ids = [UUID(int=number) for number in range(1_000, 1_000 + AT_ONCE_MAX)]
    full = given(Account, registered, *(granted(FRIDAY, id=id) for id in ids), *(blocked(FRIDAY, id=id) for id in ids))

    full.when(lambda anna: grants(anna, FRIDAY)).then_refused(TooManyByHand)
    full.when(lambda anna: blocks(anna, None)).then_refused(TooManyByHand)
    full.when(lambda anna: grants(anna, FRIDAY + days(1), now=FRIDAY)).then(granted(FRIDAY + days(1)))
    full.when(lambda anna: blocks(anna, None, now=FRIDAY)).then(blocked(None))
