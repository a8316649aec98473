"""The append-only ledger: streams of facts, and operational rows that change in the same transaction."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from domain.shared.fact import Actor, Cause, Fact

Position = int
"""A place in the whole ledger: 1 for the first fact, without gaps; 0 before it."""

POSITION_MAX = 2**53 - 1
"""Far beyond any ledger, and the largest that every reader of JSON holds exactly."""


class Write(msgspec.Struct, frozen=True):
    """Facts to add to a stream, if it still has `expected_version` facts."""

    stream: UUID
    expected_version: int
    facts: Sequence[Fact]


def refuse_streams_named_twice(writes: Sequence[Write]) -> None:
    """For adapters: to an append there is one write to a stream, or its version would mean two things.

    Raises ValueError.
    """
    if len({write.stream for write in writes}) < len(writes):
        raise ValueError("There is one write to a stream in an append.")


class Insert(msgspec.Struct, frozen=True):
    """A row that must not be there yet, or the append is refused with RowTaken."""

    table: str
    values: Mapping[str, Any]


class InsertOnce(msgspec.Struct, frozen=True):
    """A row that may be there already; then it stays as it is."""

    table: str
    values: Mapping[str, Any]


class UpdateIf(msgspec.Struct, frozen=True):
    """Changes the rows that are still as `where` says; none, and the append is refused with RowMoved.

    A list in `where` means any of its values. With `required=False` no row is as good as one.
    """

    table: str
    where: Mapping[str, Any]
    values: Mapping[str, Any]
    required: bool = True


class Delete(msgspec.Struct, frozen=True):
    """Removes the rows that are as `where` says, if any."""

    table: str
    where: Mapping[str, Any]


GuardedRow = Insert | InsertOnce | UpdateIf | Delete


class StreamMoved(Exception):
    """Somebody else wrote to the stream first: read again and decide again."""


class RowTaken(Exception):
    """A row that had to be new is there already: a claim that somebody else holds. `table` says where."""

    def __init__(self, table: str) -> None:
        super().__init__(f"a row in {table} is taken")
        self.table = table


class RowMoved(Exception):
    """A row that had to be as it was has changed: a fence that somebody else took."""

    def __init__(self, table: str) -> None:
        super().__init__(f"a row in {table} has moved")
        self.table = table


class Recorded(msgspec.Struct, frozen=True):
    """A fact as it lies on the ledger; `stored` are the very bytes, personal fields encrypted."""

    stream: UUID
    version: int
    fact: Fact
    stored: bytes

    @property
    def position(self) -> Position:
        return self.fact.position


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """What lies at a place of the ledger that this program cannot read, and what is known of it all the same."""

    position: Position
    stream: UUID
    version: int
    type: str
    recorded_at: datetime
    actor: Actor | None
    cause: Cause | None
    stored: bytes
    reason: str


class FactNotReadable(Exception):
    """An answer needs a fact that cannot be read; without it the answer might be wrong."""

    def __init__(self, unreadable: Unreadable) -> None:
        super().__init__(f"fact {unreadable.position}: {unreadable.reason}")
        self.unreadable = unreadable


class HistoryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which facts an auditor wants; None means any. Times are of recording, `until` excluded."""

    after: Position = 0
    up_to: Position | None = None
    stream: UUID | None = None
    type: str | None = None
    account: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class Ledger(Protocol):
    """What use cases need of the ledger."""

    async def append(self, *writes: Write, rows: Sequence[GuardedRow] = ()) -> Position:
        """Record the facts of all the writes and change the rows, all or nothing; the position of the last fact.

        Without facts the rows change all the same, and the answer is the ledger's head.

        Raises:
            StreamMoved, RowTaken, RowMoved: nothing was recorded.
            LedgerBusy, DatabaseUnavailable, ReadModelMoved: nothing was recorded.
            OutcomeUnknown: the database went away and did not come back in time.
            ValueError: two writes name one stream, or a fact cannot be stored; nothing was recorded.
        """
        ...

    async def read(self, stream: UUID) -> Sequence[Fact]:
        """Every fact of the stream, oldest first; none if there is no such stream."""
        ...

    async def head(self) -> Position:
        """The position of the newest fact."""
        ...


class History(Protocol):
    """The ledger as its readers see it: in order, in pages, of any length in constant memory."""

    async def bounded(self, wanted: HistoryFilter) -> HistoryFilter:
        """The same question with positions in place of its times, and with an end: what is on the ledger by now."""
        ...

    def entries(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded | Unreadable]:
        """The wanted facts in the order of the ledger, of those that are there when it begins; none stops the rest."""
        ...

    def facts(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded]:
        """As `entries`, for whoever needs every one of them. Raises FactNotReadable, after those before it."""
        ...

    async def of_account(self, account_id: UUID, *, until: datetime | None = None) -> Sequence[Recorded]:
        """All facts about one account in order; with `until`, those recorded up to that moment.

        Raises FactNotReadable.
        """
        ...
