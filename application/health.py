"""Whether it runs: the database answers, the read models follow, the queues move."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import msgspec

from application.errors import Unavailable
from application.ports.inbox import Inbox
from application.ports.jobs import TranscodeJobs
from application.ports.reads import Positions

TIMEOUT_SECONDS = 3.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand; `lags` in facts behind the ledger, `queues` in things not done yet."""

    database: bool
    lags: dict[str, int] = {}
    queues: dict[str, int] = {}


class Database(Protocol):
    """What everything is kept in."""

    async def check(self) -> None:
        """Raises DatabaseUnavailable, in time, when nothing can be written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Asked by load balancers and by people, so it always answers, and soon."""

    database: Database
    positions: Positions
    inbox: Inbox
    jobs: TranscodeJobs

    async def readiness(self) -> Readiness:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._asked()
        except (Unavailable, TimeoutError):
            return Readiness(database=False)

    async def _asked(self) -> Readiness:
        await self.database.check()
        return Readiness(
            database=True,
            lags=await self.positions.lags(),
            queues={"webhooks": await self.inbox.unsettled(), "transcoding": await self.jobs.unfinished()},
        )
