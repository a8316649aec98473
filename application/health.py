"""Whether it runs: the database answers, the read models and the policies follow, the queues move."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from application.errors import Unavailable
from application.ports.inbox import Inbox, InboxDesk
from application.ports.intents import Intents
from application.ports.jobs import TranscodeJobs
from application.ports.letters import LetterCounts, Letters
from application.ports.platform_tasks import PlatformTasks, TasksOfPlatform
from application.ports.policies import PolicyStates, PolicyStatus
from application.ports.read_models import ReadModelStates, ReadModelStatus
from application.ports.reads import Positions
from application.ports.sweeps import SweepKind, Sweeps, SweepTotals

TIMEOUT_SECONDS = 3.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand; `head` is the ledger's, `queues` in things not done yet."""

    database: bool
    head: int = 0
    read_models: Sequence[ReadModelStatus] = ()
    policies: Sequence[PolicyStatus] = ()
    queues: dict[str, int] = {}
    inbox: Mapping[str, int] = {}
    """Deliveries by their status, those that are not done."""
    sweeps: Mapping[SweepKind, SweepTotals] = {}
    letters: LetterCounts = LetterCounts()
    """To be sent; the queue of the same name counts those that have failed within a day too."""
    duplicates: int = 0
    """Second live subscriptions of an account to one plan that have been found."""
    failed_intents: int = 0
    """What was asked of the payment provider, and nobody sees to any more: that is for people to do."""
    failed_transcodes: int = 0
    """Videos that could not be made ready for a reason of ours, until they are uploaded again or deleted."""
    platforms: Sequence[TasksOfPlatform] = ()
    """What video platforms are still to do; what one cannot do now is tried again, and takes no server away."""
    waits: Mapping[str, float] = {}
    """By queue, how many seconds ago that was due which has waited longest; 0 where nothing is due."""
    lagging: tuple[str, ...] = ()
    """The read models and policies that are further behind than they may be."""
    overdue: tuple[str, ...] = ()
    """The queues in which something has waited for longer than it may."""

    @property
    def status(self) -> Literal["ok", "degraded", "unavailable"]:
        """A degraded read model or policy lacks a fact or more, and all the rest goes on: it takes no server away."""
        if not self.database or self.lagging or self.overdue:
            return "unavailable"
        states = {each.state for each in self.read_models} | {each.state for each in self.policies}
        return "degraded" if "degraded" in states else "ok"


class Database(Protocol):
    """What everything is kept in."""

    async def check(self) -> None:
        """Raises DatabaseUnavailable, in time, when nothing can be written."""
        ...


class QueueWaits(Protocol):
    """How long what is due has waited."""

    async def longest(self) -> Mapping[str, float]:
        """In seconds, by queue; 0 where nothing is due."""
        ...


class Duplicates(Protocol):
    """Second live subscriptions of an account to one plan."""

    async def found(self) -> int:
        """How many, since the beginning."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Asked by load balancers and by people, so it always answers, and soon."""

    database: Database
    positions: Positions
    read_models: ReadModelStates
    policies: PolicyStates
    inbox: Inbox
    intents: Intents
    duplicates: Duplicates
    desk: InboxDesk
    sweeps: Sweeps
    letters: Letters
    jobs: TranscodeJobs
    platform_tasks: PlatformTasks
    waits: QueueWaits
    lag_max: int
    """In facts; beyond it what the read models answer is too old to be served."""
    waits_max: Mapping[str, float]
    """In seconds, by queue: beyond it nobody sees to it, or not enough of them."""

    async def readiness(self) -> Readiness:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._asked()
        except (Unavailable, TimeoutError):
            return Readiness(database=False)

    async def _asked(self) -> Readiness:
        await self.database.check()
        statuses, policies = await self.read_models.statuses(), await self.policies.statuses()
        waits = await self.waits.longest()
        letters = await self.letters.counts()
        return Readiness(
            database=True,
            head=await self.positions.head(),
            read_models=statuses,
            policies=policies,
            queues={**await self._queues(), "letters": letters.waiting + letters.failed},
            letters=letters,
            inbox=await self.desk.counts(),
            sweeps=await self.sweeps.totals(),
            duplicates=await self.duplicates.found(),
            failed_intents=await self.intents.failed(),
            failed_transcodes=await self.jobs.failed(),
            platforms=await self.platform_tasks.unfinished(),
            waits=waits,
            lagging=tuple(name for name, lag in _lags(statuses, policies) if lag > self.lag_max),
            overdue=tuple(queue for queue, seconds in waits.items() if seconds > self.waits_max[queue]),
        )

    async def _queues(self) -> dict[str, int]:
        return {
            "webhooks": await self.inbox.unsettled(),
            "intents": await self.intents.unsettled(),
            "transcoding": await self.jobs.unfinished(),
        }


def _lags(read_models: Sequence[ReadModelStatus], policies: Sequence[PolicyStatus]) -> list[tuple[str, int]]:
    return [(each.name, each.lag) for each in read_models] + [(each.name, each.lag) for each in policies]
