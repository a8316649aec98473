"""What a standing keeps of each subscription beside the answer: what a viewer is shown of it."""

from msgspec.structs import replace

from domain.access.standing import Term
from domain.payment.payment import PaymentActionRequired, PaymentFailed, PaymentSucceeded
from domain.shared.fact import AccountFact
from domain.shared.money import Money
from tests.domain.annas_subscription import (
    CINEMA,
    MONTH_AFTER,
    SUB,
    ended,
    ends,
    goes_on,
    grace,
    renewed,
    started,
    upgraded,
    went,
)
from tests.domain.records import registered, standing_after
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days

failing = (started, renewed, went("active", "past_due"), grace(since=NEXT_MONTH))
payment_failed = PaymentFailed(
    account_id=ANNA,
    payment_id=ANNA,
    provider="stripe",
    provider_reference="in_april",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    attempt=1,
    next_attempt_at=NEXT_MONTH + days(3),
)
payment_succeeded = PaymentSucceeded(
    account_id=ANNA,
    payment_id=ANNA,
    provider="stripe",
    provider_reference="in_april",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    paid_at=NEXT_MONTH + days(3),
    receipt_url=None,
)


def term_after(*facts: AccountFact) -> Term:
    return standing_after(*facts).terms[str(SUB)]


def test_it_begins_as_it_was_bought() -> None:
    trial = replace(started, status="trialing", trial_end=MONDAY + days(7), plan=CINEMA)

    term = term_after(trial)

    assert (term.subscription_id, term.plan_id, term.plan_name) == (SUB, CINEMA.plan_id, "Cinema")
    assert (term.features, term.stream_limit, term.max_height) == (("hd", "sd", "uhd"), 4, 2160)
    assert (term.status, term.started_at, term.period_end) == ("trialing", MONDAY, NEXT_MONTH)
    assert (term.trial_end, term.ends_at, term.ended_at) == (MONDAY + days(7), None, None)


def test_another_plan_brings_all_that_it_gives() -> None:
    term = term_after(started, upgraded)

    assert (term.plan_id, term.plan_name, term.features) == (CINEMA.plan_id, "Cinema", ("hd", "sd", "uhd"))
    assert (term.stream_limit, term.max_height) == (4, 2160)
    assert term_after(started).max_height == COOKING.max_height


def test_a_renewal_brings_the_next_period() -> None:
    assert term_after(started, renewed).period_end == MONTH_AFTER


def test_an_announced_end_is_shown_until_it_is_withdrawn() -> None:
    assert term_after(started, ends(NEXT_MONTH)).ends_at == NEXT_MONTH
    assert term_after(started, ends(NEXT_MONTH), goes_on(before=NEXT_MONTH)).ends_at is None


def test_an_end_keeps_the_status_before_it_for_who_looks_back() -> None:
    term = term_after(started, ended(NEXT_MONTH))

    assert (term.status, term.final_status, term.ended_at) == ("active", "canceled", NEXT_MONTH)


def test_a_failing_payment_is_shown_since_when_and_when_it_is_tried_again() -> None:
    term = term_after(*failing, payment_failed)

    assert (term.grace_since, term.grace_until) == (NEXT_MONTH, NEXT_MONTH + days(7))
    assert term.next_attempt_at == NEXT_MONTH + days(3)


def test_a_last_attempt_that_failed_has_none_after_it() -> None:
    last = replace(payment_failed, attempt=4, next_attempt_at=None)

    assert term_after(*failing, payment_failed, last).next_attempt_at is None


def test_paid_there_is_no_problem_any_more() -> None:
    term = term_after(*failing, payment_failed, payment_succeeded, went("past_due", "active"))

    assert (term.grace_since, term.grace_until, term.next_attempt_at) == (None, None, None)


def test_one_that_waits_for_the_viewer_is_shown_with_the_page_to_confirm_it_on() -> None:
    waits = PaymentActionRequired(
        account_id=ANNA,
        payment_id=ANNA,
        provider="stripe",
        provider_reference="in_upgrade",
        subscription_reference="sub_anna",
        amount=Money(999, "USD"),
        attempt=1,
        action_url="https://pay.example/in_upgrade",
    )

    term = term_after(started, waits)
    assert (term.owed_since, term.action_url) == (MONDAY, "https://pay.example/in_upgrade")
    assert term_after(*failing, payment_failed, waits).next_attempt_at == NEXT_MONTH + days(3)
    assert term_after(started, waits, payment_succeeded).owed_since is None


def test_a_payment_for_something_else_changes_nothing() -> None:
    for reference in (None, "sub_other"):
        other = replace(payment_failed, subscription_reference=reference)
        assert standing_after(started, other) == standing_after(started)


def test_a_standing_begins_with_the_registration() -> None:
    standing = standing_after()

    assert (standing.account_id, standing.role, standing.terms, standing.disabled) == (ANNA, "viewer", {}, None)
    assert standing_after(replace(registered, role="admin")).role == "admin"
