"""Dunning: of each failing payment each thing is to be told once, whoever comes to it first and however often."""

import asyncio
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from application.policies.dunning import (
    when_payment_failed_tell_the_viewer,
    when_payment_waits_tell_the_viewer,
    when_provider_gave_up_tell_the_viewer,
)
from application.ports.billing import SeenSubscription
from application.ports.inbox import Customer
from domain.payment.dunning import NoticeFellDue
from domain.payment.truth import ProviderPayment
from domain.shared.fact import Actor, Cause
from domain.subscription.facts import GraceStarted
from tests.application.anna_at_the_provider import failed_payment, stream_of, subscribed
from tests.application.house import House
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

APRIL = MONDAY + days(30)
"""When the first month is over, at the provider in memory."""
Told = list[tuple[str, str | None, int | None, datetime | None]]


async def the_policies_act(house: House) -> None:
    """As a worker does it, over the whole ledger; and once more, as after a crash."""
    policies = [
        when_payment_failed_tell_the_viewer(house.dunning),
        when_payment_waits_tell_the_viewer(house.dunning),
        when_provider_gave_up_tell_the_viewer(house.dunning),
    ]
    for fact in await house.facts() * 2:
        for policy in policies:
            if isinstance(fact, policy.facts):
                await policy.act(fact)


async def notices(house: House) -> list[NoticeFellDue]:
    return [fact for fact in await house.facts() if isinstance(fact, NoticeFellDue)]


async def told(house: House) -> Told:
    return [(notice.kind, notice.invoice, notice.attempt, notice.about) for notice in await notices(house)]


async def fails(
    house: House, customer: Customer, *, attempt: int = 1, again: datetime | None = None
) -> SeenSubscription:
    """The renewal of April fails, and the provider says so."""
    seen = await house.subscription_seen(customer)
    past_due = replace(seen, status="past_due", failing_since=APRIL)
    payment = failed_payment(seen.reference, reference="in_april")
    await hear(house, customer, past_due, replace(payment, attempts=attempt, next_attempt_at=again))
    return past_due


async def hear(house: House, customer: Customer, *what: SeenSubscription | ProviderPayment) -> None:
    house.billing.tell(customer.customer_id, *what)
    await house.convergence.settle(customer)


async def test_of_each_attempt_that_failed_and_when_it_is_tried_again(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    await fails(house, customer, attempt=1, again=APRIL + days(1))
    await house.moves_to(APRIL + days(1))
    await fails(house, customer, attempt=2, again=None)

    await the_policies_act(house)

    assert await told(house) == [
        ("payment_failed", "in_april", 1, APRIL + days(1)),
        ("payment_failed", "in_april", 2, None),
    ]
    first = (await notices(house))[0]
    failed = next(fact for fact in await house.facts() if fact.tag() == "payment.failed")
    assert (first.actor, first.cause) == (Actor("system", "dunning"), Cause("fact", str(failed.position)))


async def test_of_each_attempt_that_the_viewer_has_to_confirm(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    seen = await fails(house, customer)
    waits = replace(failed_payment(seen.reference, reference="in_april"), action_required=True)
    for attempt in (1, 2):
        await hear(house, customer, replace(waits, attempts=attempt, next_attempt_at=None))

    await the_policies_act(house)

    assert [each for each in await told(house) if each[0] == "action_required"] == [
        ("action_required", "in_april", 1, None),
        ("action_required", "in_april", 2, None),
    ]
    notice = next(notice for notice in await notices(house) if notice.kind == "action_required")
    required = next(fact for fact in await house.facts() if fact.tag() == "payment.action_required")
    assert (notice.subscription_id, notice.cause) == (stream_of(seen), Cause("fact", str(required.position)))


async def test_who_stands_before_the_payment_page_needs_no_notice(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)
    incomplete = replace(seen, reference="sub_new", status="incomplete")

    waits = replace(failed_payment("sub_new"), action_required=True)
    await hear(house, customer, incomplete, waits, failed_payment(None, reference="in_other"))
    await the_policies_act(house)

    assert await told(house) == []


async def test_a_day_before_the_end_of_grace_and_at_its_end(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    seen = await fails(house, customer)
    over = APRIL + days(7)

    found: Told = []
    for moment in (over - days(1.01), over - days(1), over - days(0.5), over, over + days(1)):
        await house.moves_to(moment)
        while await house.dunning.tell_due():
            pass
        found = await told(house)
        assert len(found) == (moment >= over - days(1)) + (moment >= over)

    assert found == [("grace_ending", "in_april", None, over), ("access_ended", "in_april", None, over)]
    started = next(fact for fact in await house.facts() if isinstance(fact, GraceStarted))
    assert {notice.cause for notice in await notices(house)} == {Cause("fact", str(started.position))}
    assert {notice.subscription_id for notice in await notices(house)} == {stream_of(seen)}


async def test_where_nobody_looked_in_time_only_the_end_is_told(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    await fails(house, customer)

    await house.moves_to(APRIL + days(9))

    assert [await house.dunning.tell_due(), await house.dunning.tell_due()] == [1, 0]
    assert [kind for kind, *_ in await told(house)] == ["access_ended"]


@pytest.mark.parametrize("gave_up", ["canceled", "unpaid"])
async def test_where_the_provider_gives_up_before_access_has_ended_by_that(house: House, gave_up: str) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    past_due = await fails(house, customer)
    await house.moves_to(APRIL + days(5))
    ended_at = APRIL + days(5) if gave_up == "canceled" else None

    await hear(house, customer, replace(past_due, status=gave_up, ended_at=ended_at, failing_since=None))
    await the_policies_act(house)
    await house.moves_to(APRIL + days(8))

    assert await house.dunning.tell_due() == 0
    assert ("access_ended", "in_april", None, APRIL + days(5)) in await told(house)
    assert len(await told(house)) == 2


async def test_paid_in_time_nothing_more_is_told(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    past_due = await fails(house, customer)
    await house.moves_to(APRIL + days(2))
    await hear(house, customer, replace(past_due, status="active", failing_since=None))
    await house.moves_to(APRIL + days(8))

    await the_policies_act(house)

    assert await house.dunning.tell_due() == 0
    assert [kind for kind, *_ in await told(house)] == ["payment_failed"]


async def test_a_subscription_that_was_cancelled_owes_nothing_to_be_told(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)

    await hear(house, customer, replace(seen, status="canceled", ended_at=MONDAY))
    await hear(house, customer, failed_payment(seen.reference))
    await the_policies_act(house)

    assert await told(house) == []


async def test_what_is_owed_for_something_else_is_not_named(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    await fails(house, customer)
    await hear(house, customer, failed_payment("sub_other", reference="in_other"))
    await house.moves_to(APRIL + days(7))

    await house.dunning.tell_due()

    assert [(kind, invoice) for kind, invoice, *_ in await told(house)] == [("access_ended", "in_april")]


async def test_two_workers_at_once_tell_it_once(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    await fails(house, customer)
    await house.moves_to(APRIL + days(6))

    assert sorted(await asyncio.gather(house.dunning.tell_due(), house.dunning.tell_due())) == [0, 1]


# As the movable clock sees it.


async def test_the_clock_stops_where_there_is_something_to_tell(house: House) -> None:
    customer = await subscribed(house)
    await house.moves_to(APRIL)
    await fails(house, customer)
    a_day_before, over = APRIL + days(6), APRIL + days(7)

    assert await house.dunning.next_due(until=a_day_before - timedelta(seconds=1)) is None
    assert await house.dunning.next_due(until=over + days(9)) == a_day_before
    await house.moves_to(a_day_before)
    await house.dunning.advance(a_day_before)
    assert await house.dunning.next_due(until=over + days(9)) == over
    await house.moves_to(over)
    await house.dunning.advance(over)
    assert await house.dunning.next_due(until=over + days(9)) is None
    assert [kind for kind, *_ in await told(house)] == ["grace_ending", "access_ended"]
    await house.dunning.advance(None)
