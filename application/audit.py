"""The auditor's questions: what was recorded, in what order, and what followed from it at a moment."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.errors import DatabaseUnavailable, NotFound, Unavailable
from application.ports.ledger import History, HistoryFilter, Position, Recorded, Unreadable
from application.projections.access import AccountStanding, Title, access
from application.projections.projection import fold_alone
from domain.access.access import ANY_PLAN, Access, Requirement, decide
from domain.access.hindsight import bears_on
from domain.facts import AnyFact
from domain.shared.fact import Actor, Cause, Fact
from domain.telling import tell

REPLAY_PAGE_SIZE = 1_000
REPLAY_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


class ReplayCutShort(Unavailable):
    """The database went away in the middle and did not come back in time; `reached` is the last position given."""

    def __init__(self, reached: Position) -> None:
        super().__init__(f"The database does not answer; what is beyond position {reached} is missing.")
        self.reached = reached


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in plain words, with who did it and what made it happen: null where the fact cannot be read so far."""

    position: int
    type: str
    at: datetime
    summary: str
    actor: Actor | None
    cause: Cause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Use cases of auditors; all of them read the ledger itself, never a read model."""

    history: History
    replay_pauses_seconds: Sequence[float] = REPLAY_PAUSES_SECONDS

    def events(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded | Unreadable]:
        """The wanted facts in order, in constant memory; those that are there when it begins."""
        return self.history.entries(wanted, page_size=page_size)

    async def bounded(self, wanted: HistoryFilter) -> HistoryFilter:
        """The same question by positions alone, and with an end."""
        return await self.history.bounded(wanted)

    async def replay(self, wanted: HistoryFilter) -> AsyncGenerator[Recorded | Unreadable, None]:
        """As `events`, each once, though the database goes away now and then; `wanted` is bounded.

        Raises ReplayCutShort when after all the pauses it is still away.
        """
        reached, pauses = wanted.after, iter(self.replay_pauses_seconds)
        while True:
            try:
                async for entry in self.events(replace(wanted, after=reached), page_size=REPLAY_PAGE_SIZE):
                    yield entry
                    reached, pauses = entry.position, iter(self.replay_pauses_seconds)
            except DatabaseUnavailable as away:
                if (pause := next(pauses, None)) is None:
                    raise ReplayCutShort(reached) from away
                await asyncio.sleep(pause)
            else:
                return

    async def timeline(self, account_id: UUID, *, after: Position = 0, limit: int | None = None) -> list[Told]:
        """One person's facts in plain words, oldest first, those beyond a position. Raises NotFound."""
        told: list[Told] = []
        page_size = REPLAY_PAGE_SIZE if limit is None else limit
        async for entry in self.events(HistoryFilter(account=account_id, after=after), page_size=page_size):
            told.append(_untold(entry) if isinstance(entry, Unreadable) else _told(entry.fact))
            if len(told) == limit:
                break
        if not told and not (after and await self.timeline(account_id, limit=1)):
            raise NotFound
        return told

    async def access_at(
        self, account_id: UUID, *, at: datetime, video_id: UUID | None = None, hindsight: bool = False
    ) -> Access:
        """The answer that playback gave, or would have given, at a moment.

        By the facts recorded up to then; with hindsight, by all that is known now about then.

        Raises:
            NotFound: no such account; or no such video, then.
            FactNotReadable: the answer needs it.
        """
        facts = await self._facts_about(account_id, at, hindsight=hindsight)
        standings = fold_alone(access, facts).by_key[AccountStanding]
        row = standings.get(account_id)
        standing = row.standing if isinstance(row, AccountStanding) else None
        required = await self._requirement(video_id, None if hindsight else at) if video_id else ANY_PLAN
        return decide(standing, required, at)

    async def _facts_about(self, account_id: UUID, at: datetime, *, hindsight: bool) -> Sequence[Fact]:
        if not (everything := await self.history.of_account(account_id)):
            raise NotFound
        facts = [entry.fact for entry in everything]
        return [fact for fact in facts if fact.recorded_at <= at or (hindsight and bears_on(fact, at))]

    async def _requirement(self, video_id: UUID, until: datetime | None) -> Requirement:
        facts = [entry.fact async for entry in self.history.facts(HistoryFilter(stream=video_id))]
        known = [fact for fact in facts if until is None or fact.recorded_at <= until]
        title = fold_alone(access, known).by_key[Title].get(video_id)
        if not isinstance(title, Title):
            raise NotFound
        return title.requirement()


def _told(fact: Fact) -> Told:
    known: AnyFact = fact  # type: ignore[assignment]
    return Told(
        position=fact.position,
        type=fact.tag(),
        at=fact.recorded_at,
        summary=tell(known),
        actor=fact.actor,
        cause=fact.cause,
    )


def _untold(unreadable: Unreadable) -> Told:
    return Told(
        position=unreadable.position,
        type=unreadable.type,
        at=unreadable.recorded_at,
        summary=f"What happened cannot be read: {unreadable.reason}.",
        actor=unreadable.actor,
        cause=unreadable.cause,
    )
