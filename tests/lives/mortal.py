"""Workers that die, are cancelled, or stop for a while, at one chosen step: a call of a port, or soon after it."""

import asyncio
import dataclasses
import inspect
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, TypeVar

import msgspec

When = Literal["before", "after"]
How = Literal["killed", "cancelled", "stalled"]

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
AWKWARD_FOR_SWEEPS: tuple[tuple[str, When], ...] = (
    ("take", "after"),
    ("undelivered_events", "after"),
    ("keep", "after"),
    ("subscribers", "after"),
    ("is_swept", "after"),
    ("append", "before"),
    ("append", "after"),
    ("mark_swept", "before"),
    ("mark_swept", "after"),
    ("note", "before"),
    ("note", "after"),
)
STEPS = 40
AWKWARD_SHARE = 0.6
TURNS = (0, 1, 2, 3, 5, 10, 30, 100, 300)
"""Of the event loop, from the step to the cancellation: so it comes at any await inside a call, or behind it."""

T = TypeVar("T")


class Killed(BaseException):
    """The process is no more: nothing that comes after it is done, no `finally` either."""


@dataclass
class Fate:
    """What befalls one worker: at its step it is killed, or cancelled soon after, or it stalls until `go_on` is set."""

    how: How
    at: int | tuple[str, When]
    turns: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _steps: int = 0
    _worker: asyncio.Future[object] | None = None
    _cancelling: asyncio.Task[None] | None = None

    @classmethod
    def drawn(cls, rng: Random, how: How, awkward: Sequence[tuple[str, When]] = AWKWARD) -> "Fate":
        if how == "stalled":
            return cls(how, ("truth_of", "after"))
        at = rng.choice(awkward) if rng.random() < AWKWARD_SHARE else rng.randint(1, STEPS)
        return cls(how, at, rng.choice(TURNS))

    def __str__(self) -> str:
        later = f", {self.turns} turns later" if self.how == "cancelled" else ""
        return f"{self.how} at {self.at if isinstance(self.at, int) else ' '.join(reversed(self.at))}{later}"

    async def befalls(self, work: Coroutine[Any, Any, object]) -> bool:
        """Whether it came to that before the work was done."""
        self._worker = asyncio.ensure_future(work)
        try:
            await asyncio.wait([self._worker])
        finally:
            self._worker.cancel()
        if self._cancelling is not None:
            await self._cancelling
        if self._worker.cancelled() or isinstance(self._worker.exception(), Killed):
            return True
        self._worker.result()
        return False

    async def _cancel(self) -> None:
        assert self._worker is not None, "only a worker that works can be cancelled"
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self._worker.cancel()

    async def step(self, name: str, when: When) -> None:
        self._steps += 1
        if self.reached.is_set():
            if self.how == "killed":
                raise Killed
        elif self.at in {self._steps, (name, when)}:
            self.reached.set()
            if self.how == "killed":
                raise Killed
            if self.how == "stalled":
                await self.go_on.wait()
            else:
                self._cancelling = asyncio.create_task(self._cancel())


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
