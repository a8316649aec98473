"""The movable clock of the sandbox: business time goes to a moment, through everything that falls due before it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from application.errors import Unavailable


class ClockPending(Unavailable):
    """What fell due was not done in time; the message names what is pending."""


class MovableClock(Protocol):
    """Business time as an offset from real time, shared by all processes."""

    def now(self) -> datetime: ...

    async def move_to(self, moment: datetime | None) -> None:
        """Let it be that moment now; None: real time again."""
        ...


class DueMoments(Protocol):
    """Somebody who does things at moments of business time: a simulated provider, or one of our own processes."""

    async def next_due(self, *, until: datetime) -> datetime | None: ...

    async def advance(self, to: datetime | None) -> None:
        """Do what falls due up to a moment; None: only follow the clock again."""
        ...


@dataclass(frozen=True, slots=True)
class AllDue:
    """Several who do things at moments, as one: the soonest moment is everybody's."""

    parts: Sequence[DueMoments]

    async def next_due(self, *, until: datetime) -> datetime | None:
        moments = [await part.next_due(until=until) for part in self.parts]
        return min((moment for moment in moments if moment is not None), default=None)

    async def advance(self, to: datetime | None) -> None:
        for part in self.parts:
            await part.advance(to)


Backlog = Callable[[], Awaitable[int]]
"""How much there is to do of one kind."""

TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.02
MOMENTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessClock:
    """Steps through each due moment in order, so that a month passes as it would have."""

    clock: MovableClock
    due: DueMoments
    backlogs: Mapping[str, Backlog]
    """By name, in the order in which work flows from one to the next."""
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)
    patience_seconds: float = TIMEOUT_SECONDS

    async def move(self, to: datetime | None) -> datetime:
        """Business time afterwards; one move after the other.

        Raises ClockPending when it takes too long in all: time then stands where it came to, and the same call goes on.
        """
        try:
            async with asyncio.timeout(self.patience_seconds), self.moving:
                await self._move(to)
        except TimeoutError:
            pending = await self._pending() or ["moments that fall due"]
            raise ClockPending("still pending: " + ", ".join(pending)) from None
        return self.clock.now()

    async def _move(self, to: datetime | None) -> None:
        if to is not None:
            await self._through_due_moments(to)
        await self.clock.move_to(to)
        await self.due.advance(None)
        await self._settled()

    async def _through_due_moments(self, to: datetime) -> None:
        for _ in range(MOMENTS_MAX):
            moment = await self.due.next_due(until=to)
            if moment is None:
                return
            await self.clock.move_to(max(moment, self.clock.now()))
            await self.due.advance(self.clock.now())
            await self._settled()

    async def _settled(self) -> None:
        """Until all backlogs are empty in one look, from the source on."""
        while await self._pending():  # noqa: ASYNC110 - the work is other processes'; nothing here knows when
            await asyncio.sleep(POLL_SECONDS)

    async def _pending(self) -> list[str]:
        return [name for name, backlog in self.backlogs.items() if await backlog()]
