"""Workers that die, or stop for a while, at one chosen step: a call of a port, just before it or just after."""

import asyncio
import dataclasses
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, TypeVar

import msgspec

When = Literal["before", "after"]

# Where a death is most awkward; else it comes anywhere among a worker's first steps.
AWKWARD: tuple[tuple[str, When], ...] = (
    ("lease", "after"),
    ("take_fence", "after"),
    ("waiting", "after"),
    ("truth_of", "after"),
    ("append", "before"),
    ("append", "after"),
    ("release", "before"),
)
STEPS = 40

T = TypeVar("T")


class Killed(BaseException):
    """The process is no more: nothing that comes after it is done, no `finally` either."""


@dataclass
class Fate:
    """What befalls one worker: at its step it is killed, or it stalls until `go_on` is set."""

    how: Literal["killed", "stalled"]
    at: int | tuple[str, When]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _steps: int = 0

    @classmethod
    def drawn(cls, rng: Random, how: Literal["killed", "stalled"]) -> "Fate":
        if how == "stalled":
            return cls(how, ("truth_of", "after"))
        return cls(how, rng.choice(AWKWARD) if rng.random() < 0.6 else rng.randint(1, STEPS))

    def __str__(self) -> str:
        return f"{self.how} at {self.at if isinstance(self.at, int) else ' '.join(reversed(self.at))}"

    async def step(self, name: str, when: When) -> None:
        self._steps += 1
        if self.reached.is_set():
            if self.how == "killed":
                raise Killed
        elif self.at in {self._steps, (name, when)}:
            self.reached.set()
            if self.how == "killed":
                raise Killed
            await self.go_on.wait()


class Mortal:
    """A port as a worker has it that will come to its fate."""

    def __init__(self, port: object, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*given: Any, **named: Any) -> Any:
            await self._fate.step(name, "before")
            answer = await found(*given, **named)
            await self._fate.step(name, "after")
            return answer

        return call


def fated(part: T, fate: Fate) -> T:
    """A use case as another process would have it, whose adapters, wherever in it they are, come to this fate."""
    changed: Any = part
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        parts = {each.name: fated(getattr(part, each.name), fate) for each in dataclasses.fields(part)}
        changed = dataclasses.replace(part, **parts)
    elif isinstance(part, msgspec.Struct):
        parts = {name: fated(getattr(part, name), fate) for name in part.__struct_fields__}
        changed = msgspec.structs.replace(part, **parts)
    elif type(part).__module__.startswith("adapters."):
        changed = Mortal(part, fate)
    return changed  # type: ignore[no-any-return]  # the same kind, as far as its callers can tell


async def until_killed(work: Awaitable[object]) -> bool:
    """Whether it came to that."""
    try:
        await work
    except Killed:
        return True
    return False
