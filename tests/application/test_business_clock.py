"""The movable clock: a month goes by as it would have, through each moment at which something falls due."""

from datetime import datetime

import pytest

from adapters.memory.clock import MemoryClock
from application.business_clock import AllDue, BusinessClock, ClockPending
from tests.people import MONDAY, NEXT_MONTH, days

pytestmark = pytest.mark.anyio


class Diary:
    """Somebody who has things to do at moments, and notes what the clock said when they were done."""

    def __init__(self, clock: MemoryClock, *due: datetime) -> None:
        self.clock = clock
        self.due = sorted(due)
        self.done: list[tuple[datetime, datetime]] = []
        self.followed: list[datetime] = []
        self.left_to_do = 0
        self.left_over: list[int] = []

    async def next_due(self, *, until: datetime) -> datetime | None:
        return next((moment for moment in self.due if moment <= until), None)

    async def advance(self, to: datetime | None) -> None:
        if to is None:
            self.followed.append(self.clock.now())
            return
        self.left_over.append(self.left_to_do)
        falling_due = [moment for moment in self.due if moment <= to]
        self.due = [moment for moment in self.due if moment > to]
        self.done += [(moment, self.clock.now()) for moment in falling_due]
        self.left_to_do += len(falling_due)

    async def backlog(self) -> int:
        """What follows takes as many looks as there were things to do."""
        before, self.left_to_do = self.left_to_do, max(0, self.left_to_do - 1)
        return before


def clock_of(diary: Diary) -> BusinessClock:
    return BusinessClock(clock=diary.clock, due=diary, backlogs={"webhooks": diary.backlog})


async def test_each_moment_is_done_at_its_own_time_and_in_order() -> None:
    diary = Diary(MemoryClock(MONDAY), NEXT_MONTH, MONDAY + days(3), MONDAY + days(7))

    now = await clock_of(diary).move(NEXT_MONTH + days(1))

    assert now == NEXT_MONTH + days(1)
    assert diary.done == [(moment, moment) for moment in (MONDAY + days(3), MONDAY + days(7), NEXT_MONTH)]
    assert diary.followed == [NEXT_MONTH + days(1)]


async def test_what_falls_due_later_is_left() -> None:
    diary = Diary(MemoryClock(MONDAY), MONDAY + days(3), NEXT_MONTH)

    await clock_of(diary).move(MONDAY + days(3))

    assert [moment for moment, _ in diary.done] == [MONDAY + days(3)]
    assert diary.due == [NEXT_MONTH]


async def test_what_follows_from_a_moment_is_done_before_the_next_one() -> None:
    diary = Diary(MemoryClock(MONDAY), *[MONDAY + days(1)] * 3, *[MONDAY + days(2)] * 2)

    await clock_of(diary).move(MONDAY + days(3))

    assert diary.left_over == [0, 0]
    assert diary.left_to_do == 0


async def test_what_was_due_already_does_not_turn_the_clock_back() -> None:
    diary = Diary(MemoryClock(MONDAY), MONDAY - days(1))

    await clock_of(diary).move(MONDAY + days(1))

    assert diary.done == [(MONDAY - days(1), MONDAY)]


async def test_back_to_real_time_nothing_is_stepped_through() -> None:
    diary = Diary(MemoryClock(MONDAY), MONDAY + days(1))
    clock = clock_of(diary)
    await clock.move(MONDAY + days(0.5))

    assert await clock.move(None) == MONDAY
    assert diary.done == []
    assert diary.followed == [MONDAY + days(0.5), MONDAY]


async def test_what_does_not_come_to_an_end_is_named() -> None:
    diary = Diary(MemoryClock(MONDAY))

    async def stuck() -> int:
        return 1

    clock = BusinessClock(
        clock=diary.clock, due=diary, backlogs={"webhooks": diary.backlog, "transcoding": stuck}, patience_seconds=0.05
    )
    with pytest.raises(ClockPending, match="still pending: transcoding"):
        await clock.move(NEXT_MONTH)


async def test_several_who_have_things_to_do_are_stepped_through_together() -> None:
    clock = MemoryClock(MONDAY)
    stripe, dunning = Diary(clock, MONDAY + days(1), MONDAY + days(5)), Diary(clock, MONDAY + days(3))
    together = BusinessClock(clock=clock, due=AllDue((stripe, dunning)), backlogs={"webhooks": stripe.backlog})

    await together.move(MONDAY + days(9))

    assert stripe.done == [(moment, moment) for moment in (MONDAY + days(1), MONDAY + days(5))]
    assert dunning.done == [(MONDAY + days(3), MONDAY + days(3))]
    assert stripe.followed == dunning.followed == [MONDAY + days(9)]
