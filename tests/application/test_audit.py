"""The auditor's questions: what happened, why, and what the answer was, or is now known to have been, at a moment."""

from datetime import datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.errors import NotFound
from application.ports.ledger import HistoryFilter, Recorded
from application.videos import NewVideo
from domain.access.access import Access
from domain.account.account import Account
from domain.shared.fact import Actor, Cause
from tests.application.house import BY_ADMIN, House, asked_by
from tests.people import ANNA, MONDAY, days

pytestmark = pytest.mark.anyio

TUESDAY, WEDNESDAY, FRIDAY = MONDAY + days(1), MONDAY + days(2), MONDAY + days(4)


async def at(
    house: House, account_id: UUID, moment: datetime, *, video_id: UUID | None = None, hindsight: bool = False
) -> Access:
    return await house.audit.access_at(account_id, at=moment, video_id=video_id, hindsight=hindsight)


async def a_subscriber_since_monday(house: House) -> UUID:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    return anna


# The timeline.


async def test_a_timeline_tells_one_persons_facts_in_their_order_with_their_causes(house: House) -> None:
    await house.registers("boris@example.com")
    anna = await a_subscriber_since_monday(house)
    await house.moves_to(TUESDAY)
    await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked_by(anna))

    timeline = await house.audit.timeline(anna)

    assert [told.summary for told in timeline] == [
        "The account was registered as a viewer.",
        "A checkout of the plan Cooking for 9.99 USD was asked for.",
        f"The account was bound to the customer {(await house.customer_of(anna)).customer_id} at memory.",
        "The payment page was opened, until 2027-03-02 12:00 UTC.",
        "A subscription to Cooking started as active, its first period until 2027-03-31 12:00 UTC.",
        "9.99 USD was paid.",
        "The checkout was completed.",
        "Cancellation at the end of the period was asked for.",
        "The subscription was cancelled and ends on 2027-03-31 12:00 UTC.",
    ]
    assert [told.position for told in timeline] == sorted(told.position for told in timeline)
    assert timeline[0].cause == Cause("request", "req_register")
    assert timeline[4].actor == Actor("provider", "memory")
    assert timeline[4].cause is not None
    assert timeline[4].cause.kind == "webhook"
    assert {told.at for told in timeline[-2:]} == {TUESDAY}


async def test_of_who_is_not_there_nothing_is_told(house: House) -> None:
    with pytest.raises(NotFound):
        await house.audit.timeline(ANNA)
    with pytest.raises(NotFound):
        await at(house, ANNA, MONDAY)


async def test_the_events_are_those_that_are_asked_for(house: House) -> None:
    anna = await a_subscriber_since_monday(house)

    events = [entry async for entry in house.audit.events(HistoryFilter(account=anna, type="payment.succeeded"))]

    assert [entry.fact.tag() for entry in events if isinstance(entry, Recorded)] == ["payment.succeeded"]


# By what was known then.


async def test_the_answer_of_a_moment_is_by_the_facts_recorded_until_then(house: House) -> None:
    anna = await house.registers()
    await house.moves_to(TUESDAY)
    await house.subscribes(anna, await house.sells())
    await house.moves_to(FRIDAY)
    await house.subscriptions.cancel(anna, at_period_end=False, subscription_id=None, asked=asked_by(anna))
    await house.moves_to(MONDAY + days(60))

    assert (await at(house, anna, MONDAY)).reason == "no_subscription"
    on_wednesday = await at(house, anna, WEDNESDAY)
    assert (on_wednesday.granted, on_wednesday.until) == (True, TUESDAY + days(32))
    assert (await at(house, anna, FRIDAY)).reason == "ended"


async def test_before_she_registered_she_had_nothing(house: House) -> None:
    anna = await a_subscriber_since_monday(house)

    assert (await at(house, anna, MONDAY - days(1))).reason == "no_subscription"


async def test_it_is_what_playback_answered_then(house: House) -> None:
    anna = await a_subscriber_since_monday(house)
    film = await house.shows(NewVideo(title="Bread", requires="hd"))
    started = await house.playback.start(anna, film, device_id=None)

    answer = await at(house, anna, MONDAY, video_id=film)

    assert answer.granted
    assert max(fact.position for fact in answer.deciding) <= started.position


async def test_what_was_not_heard_of_until_later_did_not_count_then(house: House) -> None:
    anna = await a_subscriber_since_monday(house)
    await ended_on_wednesday_and_heard_of_on_friday(house, anna)

    assert (await at(house, anna, WEDNESDAY + days(1))).granted


# With hindsight.


async def test_with_hindsight_it_had_ended(house: House) -> None:
    anna = await a_subscriber_since_monday(house)
    await ended_on_wednesday_and_heard_of_on_friday(house, anna)

    later = await at(house, anna, WEDNESDAY + days(1), hindsight=True)
    before = await at(house, anna, TUESDAY, hindsight=True)

    assert (later.granted, later.reason) == (False, "ended")
    assert (before.granted, before.until) == (True, WEDNESDAY)


async def test_with_hindsight_a_block_of_friday_blocked_nothing_on_tuesday(house: House) -> None:
    anna = await a_subscriber_since_monday(house)
    await house.moves_to(FRIDAY)
    await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="chargebacks"))

    assert (await at(house, anna, TUESDAY, hindsight=True)).granted
    assert (await at(house, anna, FRIDAY, hindsight=True)).reason == "blocked"


# What a video asked of its viewer then.


async def test_a_video_that_was_not_there_yet_is_not_found(house: House) -> None:
    anna = await a_subscriber_since_monday(house)
    await house.moves_to(WEDNESDAY)
    film = await house.shows(NewVideo(title="Bread", requires="uhd"))

    with pytest.raises(NotFound):
        await at(house, anna, TUESDAY, video_id=film)
    with pytest.raises(NotFound):
        await at(house, anna, WEDNESDAY, video_id=UUID(int=404))
    assert (await at(house, anna, WEDNESDAY, video_id=film)).reason == "feature_missing"
    assert (await at(house, anna, TUESDAY, video_id=film, hindsight=True)).reason == "feature_missing"


async def test_what_is_free_was_open_to_who_had_nothing(house: House) -> None:
    anna, trailer = await house.registers(), await house.shows(NewVideo(title="Trailer", access="free"))

    assert (await at(house, anna, TUESDAY, video_id=trailer)).reason == "free"


async def ended_on_wednesday_and_heard_of_on_friday(house: House, account_id: UUID) -> None:
    customer = await house.customer_of(account_id)
    seen = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(seen, status="canceled", ended_at=WEDNESDAY))
    await house.moves_to(FRIDAY)
    await house.convergence.settle(customer)
