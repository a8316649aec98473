"""What every ledger keeps to: run against PostgreSQL and against the one in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.memory.ledger import MemoryLedger
from adapters.memory.tables import MemoryTables
from application.ports.ledger import (
    History,
    HistoryFilter,
    Insert,
    Ledger,
    RowMoved,
    RowTaken,
    StreamMoved,
    UpdateIf,
    Write,
)
from domain.account.account import AccountDisabled, AccountRegistered
from domain.video.facts import VideoPublished
from tests.adapters.eventstore.house import ledger_house
from tests.people import ANNA, BORIS, MONDAY, StoppedClock

pytestmark = pytest.mark.anyio


class Kept:
    """A ledger, its history and the clock by which it records."""

    def __init__(self, ledger: Ledger, history: History, clock: StoppedClock) -> None:
        self.ledger, self.history, self.clock = ledger, history, clock


@pytest.fixture(params=["memory", "postgres"])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    clock = StoppedClock()
    if request.param == "memory":
        ledger = MemoryLedger(clock, MemoryTables())
        yield Kept(ledger, ledger, clock)
        return
    async with ledger_house(request.getfixturevalue("database"), clock) as house:
        yield Kept(house.ledger, house.history, clock)


def registered(account_id: UUID = ANNA) -> AccountRegistered:
    return AccountRegistered(
        fact_id=uuid4(), account_id=account_id, email="anna@example.com", name="Anna", role="viewer"
    )


def disabled(account_id: UUID = ANNA, reason: str = "asked to") -> AccountDisabled:
    return AccountDisabled(fact_id=uuid4(), account_id=account_id, reason=reason)


async def test_facts_come_back_in_order_with_their_place_and_time(kept: Kept) -> None:
    position = await kept.ledger.append(Write(ANNA, 0, [registered(), disabled()]))
    first, second = await kept.ledger.read(ANNA)
    assert isinstance(first, AccountRegistered)
    assert (first.email, first.name) == ("anna@example.com", "Anna")
    assert (first.position, second.position) == (position - 1, position)
    assert first.recorded_at == MONDAY


async def test_of_two_who_write_the_same_version_one_is_told_so(kept: Kept) -> None:
    await kept.ledger.append(Write(ANNA, 0, [registered()]))
    with pytest.raises(StreamMoved):
        await kept.ledger.append(Write(ANNA, 0, [registered()]))
    with pytest.raises(StreamMoved):
        await kept.ledger.append(Write(ANNA, 2, [disabled()]))
    assert len(await kept.ledger.read(ANNA)) == 1


async def test_several_streams_are_written_all_or_none(kept: Kept) -> None:
    await kept.ledger.append(Write(BORIS, 0, [registered(BORIS)]))
    with pytest.raises(StreamMoved):
        await kept.ledger.append(Write(ANNA, 0, [registered()]), Write(BORIS, 0, [registered(BORIS)]))
    assert await kept.ledger.read(ANNA) == []


async def test_two_writes_to_one_stream_in_one_append_are_a_mistake(kept: Kept) -> None:
    for second in (0, 1):
        with pytest.raises(ValueError, match="one write"):
            await kept.ledger.append(Write(ANNA, 0, [registered()]), Write(ANNA, second, [disabled()]))
    assert await kept.ledger.head() == 0


async def test_of_fifty_who_race_for_a_claim_one_has_it_and_no_other_fact_is_left(kept: Kept) -> None:
    async def register() -> bool:
        account_id = uuid4()
        claim = Insert("claims", {"kind": "email", "blind_index": b"anna", "owner": account_id})
        try:
            await kept.ledger.append(Write(account_id, 0, [registered(account_id)]), rows=[claim])
        except RowTaken:
            return False
        return True

    won = await asyncio.gather(*(register() for _ in range(50)))
    assert won.count(True) == 1
    assert await kept.ledger.head() == 1


async def test_a_moved_fence_refuses_the_facts_too(kept: Kept) -> None:
    key = {"provider": "stripe", "customer_id": "cus_anna"}
    await kept.ledger.append(rows=[Insert("customer_fences", {**key, "epoch": 7})])
    stale = UpdateIf("customer_fences", {**key, "epoch": 6}, {"epoch": 6})
    with pytest.raises(RowMoved):
        await kept.ledger.append(Write(ANNA, 0, [registered()]), rows=[stale])
    held = UpdateIf("customer_fences", {**key, "epoch": 7}, {"epoch": 7})
    assert await kept.ledger.append(Write(ANNA, 0, [registered()]), rows=[held]) == 1


async def test_time_of_recording_never_runs_back(kept: Kept) -> None:
    await kept.ledger.append(Write(ANNA, 0, [registered()]))
    kept.clock.moment = MONDAY - timedelta(hours=1)
    await kept.ledger.append(Write(ANNA, 1, [disabled()]))
    assert [fact.recorded_at for fact in await kept.ledger.read(ANNA)] == [MONDAY, MONDAY]


async def test_positions_have_no_gaps_though_many_fail(kept: Kept) -> None:
    async def publish(expected_version: int) -> None:
        await kept.ledger.append(Write(ANNA, expected_version, [VideoPublished(fact_id=uuid4(), video_id=ANNA)]))

    for version in range(10):
        await asyncio.gather(*(publish(version) for _ in range(4)), return_exceptions=True)
    positions = [entry.fact.position async for entry in kept.history.facts(HistoryFilter())]
    assert positions == list(range(1, 11))


async def test_history_is_filtered_by_account_type_time_and_position(kept: Kept) -> None:
    await kept.ledger.append(Write(ANNA, 0, [registered()]), Write(BORIS, 0, [registered(BORIS)]))
    kept.clock.moment = MONDAY + timedelta(days=1)
    await kept.ledger.append(Write(ANNA, 1, [disabled()]))

    async def positions(wanted: HistoryFilter) -> list[int]:
        return [entry.fact.position async for entry in kept.history.facts(wanted, page_size=1)]

    assert await positions(HistoryFilter(account=ANNA)) == [1, 3]
    assert await positions(HistoryFilter(type="account.registered")) == [1, 2]
    assert await positions(HistoryFilter(stream=BORIS)) == [2]
    assert await positions(HistoryFilter(after=1, up_to=2)) == [2]
    assert await positions(HistoryFilter(since=kept.clock.moment)) == [3]
    assert await positions(HistoryFilter(until=kept.clock.moment)) == [1, 2]
    assert [entry.fact.position for entry in await kept.history.of_account(ANNA, until=MONDAY)] == [1]
