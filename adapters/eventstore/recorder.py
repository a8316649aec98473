"""The library's application recorder, extended: an advisory lock, dense positions, guarded rows, inline read models."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import ProgrammingError
from eventsourcing.postgres import PostgresApplicationRecorder
from msgspec.structs import replace
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from adapters.eventstore.datastore import LedgerDatastore
from adapters.eventstore.guarded_rows import RowHeld, change
from adapters.eventstore.inline import Ahead, InlineGeneration, InlineReadModels
from adapters.eventstore.literals import array_literal
from adapters.eventstore.mapper import FactMapper, Placed
from adapters.eventstore.statements import FIND, HEAD, INSERT, decode_found
from application.errors import DatabaseUnavailable, OutcomeUnknown
from application.ports.ledger import GuardedRow, RowMoved, RowTaken, StreamMoved, Write
from application.ports.vault import Cipher
from application.ports.world import Clock
from domain.shared.fact import account_of

LEDGER_LOCK = 0x6C6564676572  # "ledger"

ROW_WAIT_MS = 250
"""For so long all appends of a batch wait for a row that somebody else holds."""
HELD_ROW_WAIT_MS = 2
"""After that, when it is found out whose row it is: at most twice for every append that has to do with one."""


class Append(msgspec.Struct, frozen=True):
    """What one caller wants recorded, all or nothing; the ciphers are those of the persons that its facts name."""

    writes: Sequence[Write]
    rows: Sequence[GuardedRow]
    ciphers: Mapping[UUID, Cipher]


Outcome = int | StreamMoved | RowTaken | RowMoved | DatabaseUnavailable
"""The position of the caller's last fact, or why nothing of it was recorded."""


class Head(msgspec.Struct):
    """Where the ledger and the streams end while a transaction adds to them."""

    position: int
    recorded_at: datetime
    versions: dict[UUID, int]
    inline: Sequence[InlineGeneration]
    ahead: Ahead

    def place(self, append: Append) -> list[Placed] | StreamMoved:
        """Give the caller's facts the next places; none where a stream is not as the caller believes."""
        for write in append.writes:
            if self.versions[write.stream] != write.expected_version:
                return StreamMoved(str(write.stream))
        placed: list[Placed] = []
        for stream, version, facts in ((write.stream, write.expected_version, write.facts) for write in append.writes):
            for number, fact in enumerate(facts, start=version + 1):
                self.position += 1
                stamped = replace(fact, position=self.position, recorded_at=self.recorded_at)
                person = account_of(fact)
                cipher = append.ciphers.get(person) if person else None
                placed.append(Placed(stream, number, stamped, cipher))
            self.versions[stream] = version + len(facts)
        return placed


Admit = Callable[[Connection[Any], Sequence[Append], Head], tuple[list[Outcome], list[Placed]]]


class LedgerRecorder(PostgresApplicationRecorder):
    """Appends for many callers in one transaction; whoever conflicts fails alone.

    A transaction-scoped advisory lock stands in place of the library's table lock, which waits behind VACUUM and
    ANALYZE (measured: 1 append in 1.4 s against 1,313). Under it versions and positions are read, never guessed, so
    that positions have no gaps and the order of positions is the order of commits.

    Statements go in a pipeline: the database is waited for only where what follows depends on its answer.
    """

    def __init__(
        self, datastore: LedgerDatastore, *, mapper: FactMapper, inline: InlineReadModels, business_time: Clock
    ) -> None:
        super().__init__(datastore, events_table_name="events")
        self.lock_table_statements = [b"SELECT pg_advisory_xact_lock(%d)" % LEDGER_LOCK]
        self.mapper = mapper
        self.inline = inline
        self.business_time = business_time

    def record(self, appends: Sequence[Append]) -> list[Outcome]:
        """Record what can be recorded, in one transaction, in the order given; an answer for each.

        Raises:
            eventsourcing.persistence.PersistenceError, Unavailable: `adapters/eventstore/commit_outcome.py` says
            whether the transaction may have been committed all the same; then `committed` tells.
        """
        try:
            return self._record(appends, partial(self._admit, wait_ms=ROW_WAIT_MS))
        except (RowTaken, RowMoved, RowHeld) as refused:
            if len(appends) == 1:
                return [_outcome(refused)]
        except ProgrammingError:
            if not self.inline.forget():
                raise
        return self._record(appends, self._admit_apart)

    def _record(self, appends: Sequence[Append], admit: Admit) -> list[Outcome]:
        with self._locked() as connection:
            head = self._head(connection, appends)
            outcomes, placed = admit(connection, appends, head)
            self._write(connection, head, placed)
            return outcomes

    @contextmanager
    def _locked(self) -> Iterator[Connection[Any]]:
        """A transaction that holds the ledger's lock; what raises rolls it back."""
        with self.datastore.get_connection() as connection, connection.pipeline():
            connection.execute("BEGIN")
            self._lock_table(connection.cursor())
            yield connection
            connection.execute("COMMIT")

    def _head(self, connection: Connection[Any], appends: Sequence[Append]) -> Head:
        writes = [write for append in appends for write in append.writes]
        streams = list({write.stream for write in writes})
        asked = connection.cursor(row_factory=tuple_row).execute(HEAD, (_array(streams),), prepare=True)
        ahead = self.inline.ask(connection, [fact for write in writes for fact in write.facts])
        answer = asked.fetchone()
        assert answer is not None, "one row, whatever there is"
        found, now = decode_found(answer[0]), self.business_time.now()
        last, recorded_at = (found.last.position, max(found.last.recorded_at, now)) if found.last else (0, now)
        return Head(last, recorded_at, dict(zip(streams, found.versions, strict=True)), found.inline, ahead)

    def _admit(
        self, connection: Connection[Any], appends: Sequence[Append], head: Head, *, wait_ms: int
    ) -> tuple[list[Outcome], list[Placed]]:
        """Places for the facts of those whose streams have not moved. Raises RowTaken, RowMoved, RowHeld for all."""
        outcomes: list[Outcome] = []
        placed: list[Placed] = []
        rows: list[GuardedRow] = []
        for append in appends:
            places = head.place(append)
            if isinstance(places, StreamMoved):
                outcomes.append(places)
                continue
            outcomes.append(head.position)
            placed += places
            rows += append.rows
        if rows:
            # What is refused together is tried again apart: only what is alone is told why.
            change(connection, rows, wait_ms=wait_ms, in_order=len(appends) == 1)
        return outcomes, placed

    def _admit_apart(
        self, connection: Connection[Any], appends: Sequence[Append], head: Head
    ) -> tuple[list[Outcome], list[Placed]]:
        """Halves, and halves of these, until whoever is refused is alone."""
        before = replace(head, versions=dict(head.versions))
        # Until it is synced psycopg takes the connection for an idle one: it would begin, and commit, in place of a
        # savepoint, and the lock would be gone before the facts are in.
        with connection.pipeline():
            pass
        assert connection.info.transaction_status == TransactionStatus.INTRANS, "the ledger's lock is held"
        try:
            with connection.transaction():
                return self._admit(connection, appends, head, wait_ms=HELD_ROW_WAIT_MS)
        except (RowTaken, RowMoved, RowHeld) as refused:
            head.position, head.versions = before.position, before.versions
            if len(appends) == 1:
                return [_outcome(refused)], []
        middle = len(appends) // 2
        outcomes, placed = self._admit_apart(connection, appends[:middle], head)
        more_outcomes, more_placed = self._admit_apart(connection, appends[middle:], head)
        return outcomes + more_outcomes, placed + more_placed

    def _write(self, connection: Connection[Any], head: Head, placed: Sequence[Placed]) -> None:
        """The database records the facts while what follows from them is folded here."""
        if placed:
            written = self.inline.written_here(head.inline)
            self._insert_placed(connection, placed)
            self.inline.follow(connection, written, [entry.fact for entry in placed], head.ahead)

    def _insert_placed(self, connection: Connection[Any], placed: Sequence[Placed]) -> None:
        before, recorded_at = placed[0].fact.position - 1, placed[0].fact.recorded_at
        columns = (
            _array([entry.originator_id for entry in placed]),
            _array([entry.originator_version for entry in placed]),
            _array([entry.fact.tag() for entry in placed]),
            [self.mapper.encode(entry) for entry in placed],
            _array([account_of(entry.fact) for entry in placed]),
        )
        connection.execute(INSERT, (before, recorded_at, *columns, self.channel_name), prepare=True)

    def committed(self, appends: Sequence[Append]) -> list[int | OutcomeUnknown | None]:
        """The position of each caller's last fact, if the transaction that was cut off did go through, else None.

        OutcomeUnknown where there was no fact by which to tell. Looked up under the ledger's lock, so that a commit
        still under way has ended either way.
        """
        lasts = [_last_write(append) for append in appends]
        streams = [write.stream for write in lasts if write]
        versions = [write.expected_version + len(write.facts) for write in lasts if write]
        with self._locked() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            rows = cursor.execute(FIND, (_array(streams), _array(versions))).fetchall()
        positions = {fact.fact_id: fact.position for fact in (self.mapper.decode(tag, state) for tag, state in rows)}
        return [
            positions.get(write.facts[-1].fact_id) if write else OutcomeUnknown("The connection was lost.")
            for write in lasts
        ]


def _last_write(append: Append) -> Write | None:
    """The one that holds the caller's last fact; None where there are rows alone."""
    return next((write for write in reversed(append.writes) if write.facts), None)


def _outcome(refused: RowTaken | RowMoved | RowHeld) -> Outcome:
    if isinstance(refused, RowHeld):
        return DatabaseUnavailable("Somebody else holds a row that this changes too; nothing was recorded.")
    return refused


def _array(values: Sequence[Any]) -> str:
    return array_literal(values).decode()
