"""The list of subscriptions and purchases: what became of each, in the order in which they were first heard of."""

from datetime import timedelta
from typing import cast

from msgspec.structs import replace

from application.projections.projection import fold_alone
from application.projections.subscriptions import Subscribed, subscriptions
from domain.prepaid.facts import PrepaidBought, PrepaidDuplicated, PrepaidMoved, PrepaidRevoked, Span
from domain.shared.fact import Fact
from domain.subscription.facts import CancellationScheduled, DuplicateFound
from tests.golden.examples import APRIL, COOKING, EXAMPLES, MAY, OLDER, SUBSCRIPTION

TOLD = (
    "subscription.started",
    "subscription.status_changed",
    "subscription.renewed",
    "subscription.plan_changed",
    "subscription.cancellation_scheduled",
    "subscription.duplicate_found",
)

SECOND = timedelta(seconds=1)
BOUGHT = cast("PrepaidBought", EXAMPLES["prepaid.bought"])
MOVED = replace(cast("PrepaidMoved", EXAMPLES["prepaid.moved"]), purchase_id=BOUGHT.purchase_id)


def row_after(*facts: Fact) -> Subscribed | None:
    row = fold_alone(subscriptions, facts).by_key[Subscribed].get(SUBSCRIPTION)
    assert row is None or isinstance(row, Subscribed)
    return row


def told(*more: str) -> list[Fact]:
    return [EXAMPLES[tag] for tag in (*TOLD, *more)]


def test_a_row_says_what_became_of_it() -> None:
    row = row_after(*told())

    assert row is not None
    assert (row.status, row.plan_name, row.period_end) == ("active", "Cinéma", MAY)
    assert (row.ends_at, row.ended_at, row.duplicate_of) == (MAY, None, OLDER)
    assert row.first_position == EXAMPLES["subscription.started"].position


def test_an_announced_end_is_taken_back() -> None:
    row = row_after(*told("subscription.cancellation_withdrawn"))

    assert row is not None
    assert row.ends_at is None


def test_an_end_is_for_good() -> None:
    row = row_after(*told("subscription.ended"))

    assert row is not None
    assert (row.status, row.ended_at) == ("canceled", MAY)


def test_unless_the_provider_knows_it_again() -> None:
    row = row_after(*told("subscription.ended", "subscription.found_again"))

    assert row is not None
    assert (row.status, row.ended_at) == ("active", None)


def test_a_fact_about_one_that_never_began_makes_no_row() -> None:
    assert row_after(*told()[1:]) is None


def test_it_stays_as_it_was_sold_until_it_changes() -> None:
    row = row_after(replace(EXAMPLES["subscription.started"], status="active"))

    assert row is not None
    assert (row.plan_id, row.plan_name, row.status, row.period_end) == (COOKING.plan_id, "Cooking", "active", APRIL)
    assert (row.ends_at, row.duplicate_of) == (None, None)
    assert {CancellationScheduled.tag(), DuplicateFound.tag()} <= set(subscriptions.topics)


# What was bought for some days.


def purchase_after(*facts: Fact) -> Subscribed:
    row = fold_alone(subscriptions, facts).by_key[Subscribed][facts[0].purchase_id]  # type: ignore[attr-defined]
    assert isinstance(row, Subscribed)
    return row


def moved(span: Span | None) -> PrepaidMoved:
    return replace(MOVED, after=span)


def test_days_that_were_bought_are_upcoming_active_and_over() -> None:
    row = purchase_after(BOUGHT)
    begins, ends = BOUGHT.span.starts_at, BOUGHT.span.ends_at

    assert (row.started_at, row.period_end, row.plan_name) == (begins, ends, BOUGHT.plan.name)
    assert (row.provider_reference, row.first_position) == (BOUGHT.payment_reference, BOUGHT.position)
    told = [(row.status_at(at), row.ended_by(at)) for at in (begins - SECOND, begins, ends - SECOND, ends)]
    assert told == [("upcoming", None), ("active", None), ("active", None), ("ended", ends)]


def test_paid_back_it_has_ended_until_the_refund_fails() -> None:
    revoked = replace(EXAMPLES["prepaid.revoked"], purchase_id=BOUGHT.purchase_id)
    restored = replace(EXAMPLES["prepaid.restored"], purchase_id=BOUGHT.purchase_id)
    assert isinstance(revoked, PrepaidRevoked)
    begins = BOUGHT.span.starts_at

    row, again = purchase_after(BOUGHT, revoked), purchase_after(BOUGHT, revoked, restored)

    assert (row.status_at(begins), row.ended_by(begins)) == (revoked.why, revoked.since)
    assert (again.status_at(begins), again.ended_by(begins)) == ("active", None)


def test_what_was_bought_too_early_is_a_duplicate_until_it_comes_to_count() -> None:
    duplicated = replace(EXAMPLES["prepaid.duplicated"], purchase_id=BOUGHT.purchase_id)
    assert isinstance(duplicated, PrepaidDuplicated)
    row = purchase_after(duplicated)
    assert (row.status_at(MAY), row.started_at, row.period_end) == ("duplicate", duplicated.paid_at, None)

    counts = purchase_after(duplicated, moved(Span(APRIL, MAY)))
    not_any_more = purchase_after(BOUGHT, moved(None))

    assert (counts.status_at(APRIL), counts.started_at, counts.period_end) == ("active", APRIL, MAY)
    assert (not_any_more.status_at(MAY), not_any_more.started_at) == ("duplicate", BOUGHT.span.starts_at)


def test_of_a_subscription_it_is_the_providers_word_whatever_the_time() -> None:
    row = row_after(*told())

    assert row is not None
    assert (row.status_at(MAY + timedelta(days=900)), row.ended_by(MAY + timedelta(days=900))) == ("active", None)
