"""The ledger in memory: the same rules as the real one, for tests of the application."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from adapters.memory.tables import MemoryTables
from application.ports.ledger import (
    GuardedRow,
    HistoryFilter,
    Position,
    Recorded,
    StreamMoved,
    Unreadable,
    Write,
    refuse_streams_named_twice,
)
from application.ports.world import Clock
from application.projections.projection import Batch, Projection
from domain.shared.fact import UNRECORDED, Fact, account_of


class MemoryLedger:
    """Plays `Ledger` and `History`; the inline projections are kept in `read_models`."""

    def __init__(self, business_time: Clock, tables: MemoryTables, *projections: Projection) -> None:
        self._business_time = business_time
        self._tables = tables
        self._recorded: list[Recorded] = []
        self._versions: dict[UUID, int] = defaultdict(int)
        self._last = UNRECORDED
        self.read_models = {projection.name: Batch(projection) for projection in projections}

    async def append(self, *writes: Write, rows: Sequence[GuardedRow] = ()) -> Position:
        refuse_streams_named_twice(writes)
        for write in writes:
            if self._versions[write.stream] != write.expected_version:
                raise StreamMoved(str(write.stream))
        self._tables.change(rows)
        self._last = max(self._last, self._business_time.now())
        for write in writes:
            for fact in write.facts:
                self._record(write.stream, fact)
        return len(self._recorded)

    def _record(self, stream: UUID, fact: Fact) -> None:
        self._versions[stream] += 1
        stamped = replace(fact, position=len(self._recorded) + 1, recorded_at=self._last)
        self._recorded.append(Recorded(stream, self._versions[stream], stamped, b""))
        for read_model in self.read_models.values():
            read_model.fold([stamped])

    async def read(self, stream: UUID) -> Sequence[Fact]:
        return [entry.fact for entry in self._recorded if entry.stream == stream]

    async def head(self) -> Position:
        return len(self._recorded)

    async def bounded(self, wanted: HistoryFilter) -> HistoryFilter:
        up_to = len(self._recorded) if wanted.up_to is None else wanted.up_to
        after = wanted.after if wanted.since is None else max(wanted.after, self._recorded_before(wanted.since))
        if wanted.until is not None:
            up_to = min(up_to, self._recorded_before(wanted.until))
        return replace(wanted, after=after, up_to=up_to, since=None, until=None)

    def _recorded_before(self, moment: datetime) -> Position:
        return sum(entry.fact.recorded_at < moment for entry in self._recorded)

    async def entries(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded | Unreadable]:
        async for entry in self.facts(wanted, page_size=page_size):
            yield entry

    async def facts(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded]:
        for entry in self._recorded[:]:
            if _is_wanted(entry, wanted):
                yield entry

    async def of_account(self, account_id: UUID, *, until: datetime | None = None) -> Sequence[Recorded]:
        entries = [entry for entry in self._recorded if account_of(entry.fact) == account_id]
        return [entry for entry in entries if until is None or entry.fact.recorded_at <= until]


def _is_wanted(entry: Recorded, wanted: HistoryFilter) -> bool:
    fact = entry.fact
    return (
        fact.position > wanted.after
        and (wanted.up_to is None or fact.position <= wanted.up_to)
        and (wanted.stream is None or entry.stream == wanted.stream)
        and (wanted.type is None or fact.tag() == wanted.type)
        and (wanted.account is None or account_of(fact) == wanted.account)
        and (wanted.since is None or fact.recorded_at >= wanted.since)
        and (wanted.until is None or fact.recorded_at < wanted.until)
    )
