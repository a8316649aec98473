"""The list of subscriptions: what became of each, in the order in which they were first heard of."""

from msgspec.structs import replace

from application.projections.projection import fold_alone
from application.projections.subscriptions import Subscribed, subscriptions
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


def test_a_fact_about_one_that_never_began_makes_no_row() -> None:
    assert row_after(*told()[1:]) is None


def test_it_stays_as_it_was_sold_until_it_changes() -> None:
    row = row_after(replace(EXAMPLES["subscription.started"], status="active"))

    assert row is not None
    assert (row.plan_id, row.plan_name, row.status, row.period_end) == (COOKING.plan_id, "Cooking", "active", APRIL)
    assert (row.ends_at, row.duplicate_of) == (None, None)
    assert {CancellationScheduled.tag(), DuplicateFound.tag()} <= set(subscriptions.topics)
