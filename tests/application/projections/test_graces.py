"""The graces: when there is something to tell next, and that nothing is told twice of one failure."""

from datetime import datetime

from msgspec.structs import replace

from application.projections.graces import Grace, graces
from domain.payment.dunning import NoticeFellDue, NoticeKind, grace_notice_id
from domain.shared.fact import Fact
from domain.subscription.facts import SubscriptionFoundAgain
from tests.application.projections.stories import rows_of
from tests.domain.annas_subscription import SUB, ended, grace, started, went
from tests.people import ANNA, MONDAY, NEXT_MONTH, days

A_DAY_BEFORE, OVER = NEXT_MONTH + days(6), NEXT_MONTH + days(7)


def told(kind: NoticeKind, since: datetime | None = NEXT_MONTH) -> NoticeFellDue:
    return NoticeFellDue(
        account_id=ANNA,
        notice_id=grace_notice_id(kind, SUB, NEXT_MONTH),
        kind=kind,
        subscription_id=SUB,
        invoice="in_april",
        attempt=None,
        failing_since=since,
        about=None,
    )


def due_after(*facts: Fact) -> datetime | None:
    return rows_of(graces, Grace, started, *facts)[SUB].due_at


def test_a_day_before_its_end_and_at_its_end_there_is_something_to_tell() -> None:
    failing = (went("active", "past_due"), grace(since=NEXT_MONTH))

    assert due_after(*failing) == A_DAY_BEFORE
    assert due_after(*failing, told("grace_ending")) == OVER
    assert due_after(*failing, told("grace_ending"), told("access_ended")) is None
    assert due_after(*failing, told("access_ended")) is None


def test_a_grace_shorter_than_a_day_is_told_of_at_once() -> None:
    short = replace(grace(since=NEXT_MONTH), until=NEXT_MONTH + days(0.5))

    assert due_after(short) == NEXT_MONTH


def test_paid_given_up_or_ended_there_is_nothing_to_tell() -> None:
    failing = (went("active", "past_due"), grace(since=NEXT_MONTH))

    assert due_after(*failing, went("past_due", "active")) is None
    assert due_after(*failing, went("past_due", "unpaid")) is None
    assert due_after(*failing, ended(NEXT_MONTH + days(5), before="past_due")) is None


def test_what_was_lost_and_found_while_it_fails_is_told_of_again() -> None:
    failing = (went("active", "past_due"), grace(since=NEXT_MONTH))
    lost = ended(NEXT_MONTH + days(5), before="past_due")
    found = SubscriptionFoundAgain(
        subscription_id=SUB, account_id=ANNA, before_ended_at=lost.ended_at, status="past_due"
    )

    assert due_after(*failing, lost, found) == A_DAY_BEFORE
    assert due_after(lost, replace(found, status="active"), *failing, went("past_due", "active")) is None


def test_what_is_told_after_it_is_over_starts_nothing() -> None:
    failing = (went("active", "past_due"), grace(since=NEXT_MONTH))

    assert due_after(*failing, went("past_due", "active"), told("grace_ending")) is None


def test_of_another_failure_there_is_everything_to_tell() -> None:
    again = NEXT_MONTH + days(31)
    facts = (grace(since=NEXT_MONTH), told("grace_ending"), told("access_ended"), grace(since=again))

    assert due_after(*facts) == again + days(6)


def test_of_the_same_failure_heard_of_again_nothing_is_told_twice() -> None:
    again = NEXT_MONTH + days(31)
    back = (went("past_due", "active"), grace(since=again), went("past_due", "active"), grace(since=NEXT_MONTH))

    assert due_after(grace(since=NEXT_MONTH), told("grace_ending"), *back) == OVER


def test_that_an_attempt_failed_says_nothing_of_its_grace() -> None:
    assert due_after(grace(since=NEXT_MONTH), told("payment_failed", since=None)) == A_DAY_BEFORE


def test_without_a_grace_there_is_no_row() -> None:
    assert rows_of(graces, Grace, started, went("active", "unpaid"), ended(MONDAY), told("access_ended")) == {}
