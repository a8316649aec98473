"""Many that wait, a few at once: whoever is slow holds up nobody, and whoever is told to stop leaves nothing behind."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import pytest

from application.in_turn import in_turn

pytestmark = pytest.mark.anyio


class Door:
    """Where people wait; one who is slow is let go only when the test says so."""

    def __init__(self, *people: str) -> None:
        self.waiting, self.done, self.called_off = [*people], list[str](), list[str]()
        self.at_once, self.inside, self.released = 0, 0, asyncio.Event()

    async def next(self, room: int, busy: AbstractSet[str]) -> Sequence[str]:
        return [one for one in self.waiting if one not in busy][:room]

    async def do(self, person: str) -> bool:
        self.inside += 1
        self.at_once = max(self.at_once, self.inside)
        try:
            await (self.released.wait() if person.startswith("slow") else asyncio.sleep(0))
        except asyncio.CancelledError:
            self.called_off.append(person)
            raise
        finally:
            self.inside -= 1
        if person == "troubled":
            raise LookupError(person)
        self.waiting.remove(person)
        self.done.append(person)
        return True


async def until(*, door: Door, done: int) -> None:
    async with asyncio.timeout(2):
        while len(door.done) < done:
            await asyncio.sleep(0.001)


async def test_a_slow_one_holds_up_nobody() -> None:
    door = Door("slow", *(f"quick {number}" for number in range(20)))

    turns = asyncio.create_task(in_turn(door.next, door.do, at_once=2))
    await until(door=door, done=20)

    assert (door.at_once, turns.done()) == (2, False)
    door.released.set()
    assert await turns == 21


async def test_who_comes_while_others_are_under_way_is_seen() -> None:
    door = Door("slow")
    turns = asyncio.create_task(in_turn(door.next, door.do, at_once=2))
    await asyncio.sleep(0.01)

    door.waiting.append("late")
    await until(door=door, done=1)

    assert door.done == ["late"]
    door.released.set()
    assert await turns == 2


async def test_who_is_told_to_stop_calls_off_what_is_under_way() -> None:
    door = Door("slow one", "slow two")
    turns = asyncio.create_task(in_turn(door.next, door.do, at_once=8))
    await asyncio.sleep(0.01)

    turns.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turns

    assert (sorted(door.called_off), door.inside) == (["slow one", "slow two"], 0)


async def test_trouble_ends_it_and_leaves_nothing_under_way() -> None:
    door = Door("slow", "troubled")

    with pytest.raises(LookupError):
        await in_turn(door.next, door.do, at_once=8)

    assert (door.called_off, door.inside) == (["slow"], 0)


async def test_one_of_whom_nothing_comes_does_not_keep_it_going() -> None:
    door = Door()

    async def nothing(_: str) -> bool:
        return False

    door.waiting.append("stubborn")
    async with asyncio.timeout(2):
        assert await in_turn(door.next, nothing, at_once=8) == 0
