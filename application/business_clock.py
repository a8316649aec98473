"""The movable clock of the sandbox: business time goes to a moment, through everything that falls due before it."""

from dataclasses import dataclass
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
    """Somebody who does things at moments of business time: a simulated provider."""

    async def next_due(self, *, until: datetime) -> datetime | None: ...

    async def advance(self, to: datetime) -> None: ...


class Quiet(Protocol):
    """Waits until nothing is left to be done for the moment."""

    async def wait(self, *, timeout_seconds: float) -> tuple[str, ...]:
        """The names of what is still pending when time ran out; empty when all is done."""
        ...


TIMEOUT_SECONDS = 30.0
MOMENTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessClock:
    """Steps through each due moment in order, so that a month passes as it would have."""

    clock: MovableClock
    due: DueMoments
    quiet: Quiet

    async def move(self, to: datetime | None) -> datetime:
        """Business time afterwards. Raises ClockPending after 30 s of waiting."""
        if to is not None:
            await self._through_due_moments(to)
        await self.clock.move_to(to)
        await self.due.advance(self.clock.now())
        await self._settled()
        return self.clock.now()

    async def _through_due_moments(self, to: datetime) -> None:
        for _ in range(MOMENTS_MAX):
            moment = await self.due.next_due(until=to)
            if moment is None:
                return
            await self.clock.move_to(max(moment, self.clock.now()))
            await self.due.advance(moment)
            await self._settled()

    async def _settled(self) -> None:
        pending = await self.quiet.wait(timeout_seconds=TIMEOUT_SECONDS)
        if pending:
            raise ClockPending("still pending: " + ", ".join(pending))
