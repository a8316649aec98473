"""What is bought for a number of days: given once, one after another, and taken back with the money."""

import pytest
from msgspec.structs import replace

from domain.prepaid.facts import Span
from domain.prepaid.prepaid import Prepaid, Revocation
from tests.domain.annas_purchases import (
    bought,
    duplicated,
    moved,
    observed,
    paid_for,
    purchase_id,
    refunded,
    restored,
    revoked,
)
from tests.people import ANNA, MONDAY, days
from tests.scenario import folded, given, nothing_yet

END = MONDAY + days(30)


def test_paid_it_gives_its_days_from_when_it_was_paid() -> None:
    nothing_yet().when(observed(paid_for(1, MONDAY), now=MONDAY + days(3))).then(bought(1, MONDAY))


def test_what_is_known_is_not_bought_again() -> None:
    given(Prepaid, bought()).when(observed(paid_for(1, MONDAY + days(1)))).then_nothing()


@pytest.mark.parametrize("days_before_its_end", [30, 10, 0])
def test_bought_again_shortly_before_its_end_it_goes_on_from_there(days_before_its_end: int) -> None:
    again = END - days(days_before_its_end)

    given(Prepaid, bought()).when(observed(paid_for(2, again))).then(bought(2, again, after=END))


def test_bought_again_after_its_end_it_begins_when_it_is_paid() -> None:
    given(Prepaid, bought()).when(observed(paid_for(2, END + days(1)))).then(bought(2, END + days(1)))


def test_bought_again_with_more_than_thirty_days_left_it_is_a_duplicate_that_is_not_lost() -> None:
    too_early = MONDAY + days(90) - days(30) - days(1 / 86_400)

    doubled = duplicated(2, too_early, lasts_until=MONDAY + days(90))

    given(Prepaid, bought(lasting=90)).when(observed(paid_for(2, too_early))).then(doubled)
    assert folded(Prepaid, bought(lasting=90), doubled).purchases[purchase_id(2)].span is None


def test_the_policy_of_that_day_says_whether_a_duplicate_is_paid_back() -> None:
    second = replace(paid_for(2, MONDAY + days(1)), refund_duplicate=True)

    given(Prepaid, bought(lasting=90)).when(observed(second)).then(
        replace(duplicated(2, MONDAY + days(1), lasts_until=MONDAY + days(90)), refund=True)
    )


def test_two_tabs_are_taken_in_the_order_in_which_they_were_paid() -> None:
    second = MONDAY + days(1 / 1440)

    nothing_yet().when(observed(paid_for(2, second), paid_for(1, MONDAY))).then(
        bought(1, MONDAY), bought(2, second, after=END)
    )


def test_a_third_tab_pays_for_nothing() -> None:
    given(Prepaid, bought(), bought(2, MONDAY, after=END)).when(observed(paid_for(3, MONDAY))).then(
        duplicated(3, MONDAY, lasts_until=END + days(30))
    )


def test_what_one_payment_was_for_is_given_one_after_another_however_long_it_lasts() -> None:
    season, month = paid_for(1, lasting=90), paid_for(2, payment=1)
    together = (bought(lasting=90), replace(bought(2, after=MONDAY + days(90)), payment_reference="pi_1"))

    nothing_yet().when(observed(season, month)).then(*together)
    given(Prepaid, *together).when(observed(season, month)).then_nothing()


def test_and_is_a_duplicate_as_a_whole_where_too_much_was_left_of_another_payment() -> None:
    on = MONDAY + days(1)
    both = (paid_for(2, on), paid_for(3, on, payment=2))
    doubled = [replace(duplicated(n, on, lasts_until=MONDAY + days(90)), payment_reference="pi_2") for n in (2, 3)]

    given(Prepaid, bought(lasting=90)).when(observed(*both)).then(*doubled)
    span, later = Span(on, on + days(30)), Span(on + days(30), on + days(60))
    back = revoked(since=on)
    given(Prepaid, bought(lasting=90), *doubled).when(observed(*both, paid_for(revoked=refunded(on)), now=on)).then(
        back, moved(2, None, span, since=on), moved(3, None, later, since=on)
    )


def test_of_two_payments_in_one_second_each_is_taken_as_a_whole() -> None:
    both = (paid_for(1, lasting=20), paid_for(3, lasting=20, payment=1))

    known = folded(Prepaid, *Prepaid.observe(None, [*both, paid_for(2)], account_id=ANNA, now=MONDAY))

    assert [known.purchases[purchase_id(n)].span for n in (1, 3)] == [
        Span(MONDAY, MONDAY + days(20)),
        Span(MONDAY + days(20), MONDAY + days(40)),
    ]


def test_refunded_it_gives_nothing_any_more() -> None:
    on = MONDAY + days(5)

    given(Prepaid, bought()).when(observed(paid_for(revoked=refunded(on)), now=on)).then(revoked(since=on))
    assert folded(Prepaid, bought(), revoked(since=on)).purchases[purchase_id(1)].revoked == "refunded"


def test_refunded_twice_it_was_refunded_once() -> None:
    again = paid_for(revoked=refunded(MONDAY + days(9)))

    given(Prepaid, bought(), revoked(since=MONDAY + days(5))).when(observed(again)).then_nothing()


def test_paid_and_refunded_before_we_heard_of_it_both_are_told() -> None:
    on = MONDAY + days(2)

    nothing_yet().when(observed(paid_for(revoked=refunded(on)), now=on)).then(bought(), revoked(since=on))


def test_another_reason_is_told() -> None:
    disputed = Revocation("disputed", MONDAY + days(6))

    given(Prepaid, bought(), revoked(since=MONDAY + days(5))).when(observed(paid_for(revoked=disputed))).then(
        revoked(since=MONDAY + days(6), why="disputed")
    )


def test_a_refund_that_fails_gives_it_back() -> None:
    on = MONDAY + days(7)

    given(Prepaid, bought(), revoked(since=MONDAY + days(5))).when(observed(paid_for(), now=on)).then(
        restored(since=on)
    )


def test_what_follows_a_refunded_purchase_lies_as_if_it_had_been_the_only_one() -> None:
    second, refunded_on = MONDAY + days(10), MONDAY + days(15)
    after_the_first, alone = Span(END, END + days(30)), Span(second, second + days(30))

    given(Prepaid, bought(), bought(2, second, after=END)).when(
        observed(paid_for(1, revoked=refunded(refunded_on)), paid_for(2, second), now=refunded_on)
    ).then(revoked(1, since=refunded_on), moved(2, after_the_first, alone, since=refunded_on))


def test_a_refunded_extension_leaves_what_it_extended() -> None:
    second = MONDAY + days(10)

    given(Prepaid, bought(), bought(2, second, after=END)).when(
        observed(paid_for(1), paid_for(2, second, revoked=refunded(second)), now=second)
    ).then(revoked(2, since=second))


def test_a_duplicate_counts_when_what_it_doubled_is_refunded() -> None:
    second, refunded_on = MONDAY + days(1), MONDAY + days(2)

    given(Prepaid, bought(lasting=90), duplicated(2, second, lasts_until=MONDAY + days(90))).when(
        observed(paid_for(1, lasting=90, revoked=refunded(refunded_on)), paid_for(2, second), now=refunded_on)
    ).then(revoked(1, since=refunded_on), moved(2, None, Span(second, second + days(30)), since=refunded_on))


def test_and_is_none_any_more_when_that_refund_fails() -> None:
    second, failed_on = MONDAY + days(1), MONDAY + days(9)
    alone, behind = Span(second, second + days(30)), Span(MONDAY + days(90), MONDAY + days(120))
    doubled = duplicated(2, second, lasts_until=MONDAY + days(90))

    given(Prepaid, bought(lasting=90), doubled, revoked(1, since=second), moved(2, None, alone, since=second)).when(
        observed(paid_for(1, lasting=90), paid_for(2, second), now=failed_on)
    ).then(restored(1, since=failed_on), moved(2, alone, behind, since=failed_on))


def test_what_was_bought_while_another_was_disputed_keeps_its_days_when_that_dispute_is_won() -> None:
    second, won = MONDAY + days(20), MONDAY + days(25)
    disputed = revoked(1, since=second, why="disputed")

    given(Prepaid, bought(lasting=60), disputed, bought(2, second, lasting=60)).when(
        observed(paid_for(1, lasting=60), paid_for(2, second, lasting=60), now=won)
    ).then(
        restored(1, since=won, before="disputed"),
        moved(2, Span(second, second + days(60)), Span(MONDAY + days(60), MONDAY + days(120)), since=won),
    )


def test_also_where_it_is_heard_of_together_with_that_news() -> None:
    second, failed = MONDAY + days(20), MONDAY + days(25)

    given(Prepaid, bought(lasting=60), revoked(1, since=second)).when(
        observed(paid_for(1, lasting=60), paid_for(2, second), now=failed)
    ).then(
        bought(2, second),
        restored(1, since=failed),
        moved(2, Span(second, second + days(30)), Span(MONDAY + days(60), MONDAY + days(90)), since=failed),
    )


def test_what_was_paid_before_and_is_heard_of_later_comes_first_and_the_other_moves_behind_it() -> None:
    second, heard = MONDAY + days(5), MONDAY + days(8)

    given(Prepaid, bought(2, second)).when(observed(paid_for(1, MONDAY), now=heard)).then(
        bought(1, MONDAY), moved(2, Span(second, second + days(30)), Span(END, END + days(30)), since=heard)
    )


def test_of_two_paid_in_one_second_it_is_the_same_that_comes_first_whichever_is_heard_of_first() -> None:
    first, last = Span(MONDAY, END), Span(END, END + days(30))

    given(Prepaid, bought(1)).when(observed(paid_for(2))).then(bought(2, after=END))
    given(Prepaid, bought(2)).when(observed(paid_for(1))).then(bought(1), moved(2, first, last, since=MONDAY))


def test_what_is_heard_of_late_is_a_duplicate_of_nothing_but_what_was_paid_before_it() -> None:
    day = MONDAY + days(1)
    known = (bought(1, lasting=90), bought(3, MONDAY + days(70), after=MONDAY + days(90)))

    given(Prepaid, *known).when(observed(paid_for(2, day))).then(duplicated(2, day, lasts_until=MONDAY + days(90)))


def test_what_lost_its_days_by_an_older_rule_has_them_again() -> None:
    second, now = MONDAY + days(20), MONDAY + days(30)
    past = (bought(lasting=60), revoked(since=second), bought(2, second, lasting=60), restored(since=second))
    lost = moved(2, Span(second, second + days(60)), None, since=second)

    given(Prepaid, *past, lost).when(observed(paid_for(1, lasting=60), now=now)).then(
        moved(2, None, Span(MONDAY + days(60), MONDAY + days(120)), since=now)
    )


def test_what_is_not_told_of_any_more_stays() -> None:
    given(Prepaid, bought(), bought(2, END)).when(observed(paid_for(2, END))).then_nothing()
    assert list(folded(Prepaid, bought(), bought(2, END)).purchases) == [purchase_id(1), purchase_id(2)]


def test_what_a_dispute_moves_lies_elsewhere_since_the_dispute_was_opened() -> None:
    second, opened, heard = MONDAY + days(10), MONDAY + days(11), MONDAY + days(15)
    first = paid_for(1, revoked=Revocation("disputed", opened))

    given(Prepaid, bought(), bought(2, second, after=END)).when(observed(first, paid_for(2, second), now=heard)).then(
        revoked(1, since=opened, why="disputed"),
        moved(2, Span(END, END + days(30)), Span(second, second + days(30)), since=opened),
    )
