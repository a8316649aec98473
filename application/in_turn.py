"""Doing a thing for each of many that wait, so many at once, such that a slow one holds up nobody but itself."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any, TypeVar

LOOK_SECONDS = 0.1
"""How soon somebody who comes while others are under way is seen, and how long one who was done is left alone."""

T = TypeVar("T")


async def in_turn(
    waiting: Callable[[int, AbstractSet[T]], Awaitable[Sequence[T]]],
    do: Callable[[T], Coroutine[Any, Any, bool]],
    *,
    at_once: int,
) -> int:
    """Until nobody waits; whoever is done makes room for the next at once. The sum of what `do` said.

    `waiting` is asked for so many and told whom not to name. What `do` raises ends all of it; when it is cancelled,
    all that is under way has been cancelled, and is over, when it returns.
    """
    clock = asyncio.get_running_loop().time
    under_way, rested, count = dict[asyncio.Task[bool], T](), dict[T, float](), 0
    try:
        while True:
            rested = {one: since for one, since in rested.items() if clock() - since < LOOK_SECONDS}
            if room := at_once - len(under_way):
                busy = {*under_way.values(), *rested}
                under_way |= {asyncio.create_task(do(one)): one for one in await waiting(room, busy)}
            if not under_way:
                return count
            done, _ = await asyncio.wait(under_way, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                rested[under_way.pop(task)] = clock()
                count += task.result()
    finally:
        await _called_off(list(under_way))


async def _called_off(tasks: Sequence[asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
