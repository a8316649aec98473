"""What the list of sweeps keeps to: run against PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.contracts.operations import Operations, operations_in
from tests.contracts.test_inbox import ANNA, BORIS
from tests.people import ANNA as ANNAS_ACCOUNT

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "postgres"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "database") as operations:
        yield operations


async def test_a_sweep_that_waits_is_the_one_that_is_asked_for(house: Operations) -> None:
    asked = await house.sweeps.request("customers", cause="admin")

    assert await house.sweeps.request("customers", cause="command") == asked
    assert (await house.sweeps.request("undelivered", cause="admin")).id != asked.id


async def test_one_that_is_asked_for_while_another_is_under_way_waits_for_it(house: Operations) -> None:
    first = await house.sweeps.request("customers", cause="admin")
    taken = await house.sweeps.take(head=7, seconds=60)
    assert taken is not None
    under_way, holder = taken
    assert (under_way.id, under_way.status, under_way.head) == (first.id, "under_way", 7)

    second = await house.sweeps.request("customers", cause="admin")

    assert second.id != first.id
    assert await house.sweeps.take(head=8, seconds=60) is None
    await house.sweeps.finish(under_way, holder, status="done")
    taken = await house.sweeps.take(head=8, seconds=60)
    assert taken is not None
    assert (taken[0].id, taken[0].head) == (second.id, 8)


async def test_a_cause_that_had_its_sweep_gets_no_second_one(house: Operations) -> None:
    first = await house.sweeps.request("customers", cause="webhook evt_1", once=True)
    taken = await house.sweeps.take(head=0, seconds=60)
    assert taken is not None
    await house.sweeps.finish(*taken, status="done")

    assert (await house.sweeps.request("customers", cause="webhook evt_1", once=True)).id == first.id
    assert (await house.sweeps.request("customers", cause="webhook evt_2", once=True)).id != first.id


async def test_a_sweep_comes_by_itself_when_its_time_has_come_again(house: Operations) -> None:
    await house.sweeps.request_when_due("undelivered", every_seconds=300)
    await house.sweeps.request_when_due("undelivered", every_seconds=0)
    taken = await house.sweeps.take(head=0, seconds=60)
    assert taken is not None
    await house.sweeps.finish(*taken, status="done")
    await house.sweeps.request_when_due("undelivered", every_seconds=300)
    assert len(await house.sweeps.page(before=None, limit=10)) == 1

    await house.sweeps.request_when_due("undelivered", every_seconds=0)
    assert len(await house.sweeps.page(before=None, limit=10)) == 2


async def test_a_killed_worker_leaves_its_sweep_where_it_was_to_the_next_one(house: Operations) -> None:
    await house.sweeps.request("customers", cause="admin")
    taken = await house.sweeps.take(head=7, seconds=0)
    assert taken is not None
    sweep, killed = taken
    there = replace(sweep, reached="sub_9", examined=9, repairs=1, repaired={ANNAS_ACCOUNT: (8, 9)})
    assert await house.sweeps.note(there, killed, seconds=0)

    again = await house.sweeps.take(head=20, seconds=60)

    assert again is not None
    assert again[0] == there
    assert not await house.sweeps.note(replace(there, reached="sub_1"), killed, seconds=60)
    await house.sweeps.finish(there, killed, status="failed")
    assert await house.sweeps.sweep(sweep.id) == there


async def test_one_that_was_put_off_is_left_for_so_long(house: Operations) -> None:
    await house.sweeps.request("customers", cause="admin")
    taken = await house.sweeps.take(head=7, seconds=60)
    assert taken is not None
    await house.sweeps.put_off(*taken, error="no answer", seconds=60)

    assert await house.sweeps.take(head=7, seconds=60) is None
    (shown,) = await house.sweeps.page(before=None, limit=10)
    assert (shown.status, shown.error) == ("under_way", "no answer")


async def test_sweeps_are_listed_the_newest_first_and_added_up(house: Operations) -> None:
    for number in range(3):
        await house.sweeps.request("customers", cause="admin")
        taken = await house.sweeps.take(head=0, seconds=60)
        assert taken is not None
        sweep, holder = taken
        assert await house.sweeps.note(replace(sweep, repairs=number, kept=2), holder, seconds=60)
        await house.sweeps.finish(sweep, holder, status="done")

    newest, *_ = await house.sweeps.page(before=None, limit=1)
    assert [each.id for each in await house.sweeps.page(before=newest.id, limit=1)] == [newest.id - 1]
    totals = (await house.sweeps.totals())["customers"]
    assert (totals.finished, totals.repairs, totals.kept) == (3, 3, 6)
    assert totals.last_finished_at is not None


async def test_a_customer_is_marked_when_a_sweep_has_asked_about_it(house: Operations) -> None:
    for customer in (BORIS, ANNA):
        await house.customers.take_fence(customer)
    assert await house.sweeps.unswept("stripe", 1, after=None, limit=10) == [ANNA, BORIS]

    await house.sweeps.mark_swept(ANNA, 1)

    assert await house.sweeps.is_swept(ANNA, 1)
    assert not await house.sweeps.is_swept(ANNA, 2)
    assert await house.sweeps.unswept("stripe", 1, after=None, limit=10) == [BORIS]
    assert await house.sweeps.unswept("stripe", 2, after="cus_anna", limit=10) == [BORIS]
    assert await house.sweeps.unswept("stripe", 2, after=None, limit=1) == [ANNA]
    assert await house.sweeps.sweep(uuid4().int % 1000) is None


async def test_whom_it_passed_over_is_noted(house: Operations) -> None:
    await house.sweeps.request("customers", cause="admin")
    taken = await house.sweeps.take(head=0, seconds=60)
    assert taken is not None

    assert await house.sweeps.note(replace(taken[0], passed_over=3), taken[1], seconds=60)

    [known] = await house.sweeps.page(before=None, limit=9)
    assert known.passed_over == 3
