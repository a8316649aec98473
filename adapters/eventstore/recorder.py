"""The library's application recorder, extended: an advisory lock, dense positions, guarded rows, inline read models."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from msgspec.structs import replace
from psycopg import Connection, Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL

from adapters.eventstore.datastore import LedgerDatastore
from adapters.eventstore.guarded_rows import change
from adapters.eventstore.inline import InlineReadModels
from adapters.eventstore.mapper import FactMapper, Placed
from application.errors import OutcomeUnknown
from application.ports.ledger import GuardedRow, RowMoved, RowTaken, StreamMoved, Write
from application.ports.vault import Cipher
from application.ports.world import Clock
from domain.shared.fact import Fact, account_of

LEDGER_LOCK = 0x6C6564676572  # "ledger"


class Append(msgspec.Struct, frozen=True):
    """What one caller wants recorded, all or nothing; the ciphers are those of the persons that its facts name."""

    writes: Sequence[Write]
    rows: Sequence[GuardedRow]
    ciphers: Mapping[UUID, Cipher]


Outcome = int | StreamMoved | RowTaken | RowMoved
"""The position of the caller's last fact, or why nothing of it was recorded."""


class Head(msgspec.Struct):
    """Where the ledger ends while a transaction adds to it."""

    position: int
    recorded_at: datetime


class LedgerRecorder(PostgresApplicationRecorder):
    """Appends for many callers in one transaction; whoever conflicts fails alone.

    A transaction-scoped advisory lock stands in place of the library's table lock, which waits behind VACUUM and
    ANALYZE (measured: 1 append in 1.4 s against 1,313). Under it versions and positions are read, never guessed, so
    that positions have no gaps and the order of positions is the order of commits.
    """

    INSERT: ClassVar[SQL] = SQL(
        "INSERT INTO ledger.events (originator_id, originator_version, topic, state, notification_id, recorded_at,"
        " account_id) SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::bigint[],"
        " %b::timestamptz[], %b::uuid[])"
    )

    FIND: ClassVar[SQL] = SQL(
        "SELECT topic, state FROM ledger.events WHERE (originator_id, originator_version) IN"
        " (SELECT * FROM unnest(%b::uuid[], %b::bigint[]))"
    )

    def __init__(
        self, datastore: LedgerDatastore, *, mapper: FactMapper, inline: InlineReadModels, business_time: Clock
    ) -> None:
        super().__init__(datastore, events_table_name="events")
        self.lock_table_statements = [
            self.lock_table_statements[0],
            SQL("SELECT pg_advisory_xact_lock({})").format(LEDGER_LOCK),
        ]
        self.mapper = mapper
        self.inline = inline
        self.business_time = business_time

    def record(self, appends: Sequence[Append]) -> list[Outcome]:
        """Record what can be recorded, in one transaction, in the order given; an answer for each.

        Raises:
            eventsourcing.persistence.PersistenceError, Unavailable: `adapters/eventstore/commit_outcome.py` says
            whether the transaction may have been committed all the same; then `committed` tells.
        """
        with self.datastore.get_connection() as connection, connection.transaction():
            cursor = connection.cursor()
            self._lock_table(cursor)
            head = self._head(cursor)
            versions = self._versions(cursor, appends)
            placed: list[Placed] = []
            outcomes = [self._admit(connection, append, versions, head, placed) for append in appends]
            if placed:
                # First, since it refuses what an older process would write.
                self.inline.follow(cursor, [entry.fact for entry in placed], head.position)
                self._notify_channel(cursor)
                self._insert_placed(cursor, placed)
            return outcomes

    def _head(self, cursor: Cursor[DictRow]) -> Head:
        cursor.execute(
            "SELECT notification_id, recorded_at FROM ledger.events ORDER BY notification_id DESC LIMIT 1", prepare=True
        )
        last, now = cursor.fetchone(), self.business_time.now()
        return Head(last["notification_id"], max(last["recorded_at"], now)) if last else Head(0, now)

    def _versions(self, cursor: Cursor[DictRow], appends: Sequence[Append]) -> dict[UUID, int]:
        streams = list({write.stream for append in appends for write in append.writes})
        found = cursor.execute(
            "SELECT stream, (SELECT max(originator_version) FROM ledger.events WHERE originator_id = stream) AS version"
            " FROM unnest(%b::uuid[]) AS stream",
            (streams,),
            prepare=True,
        )
        return defaultdict(int, {row["stream"]: row["version"] or 0 for row in found})

    def _admit(
        self,
        connection: Connection[DictRow],
        append: Append,
        versions: dict[UUID, int],
        head: Head,
        placed: list[Placed],
    ) -> Outcome:
        """Change the caller's rows and give its facts their places, or say why not and leave everything as it was."""
        if moved := next((write for write in append.writes if versions[write.stream] != write.expected_version), None):
            return StreamMoved(str(moved.stream))
        if append.rows:
            try:
                with connection.transaction():
                    change(connection.cursor(), append.rows)
            except (RowTaken, RowMoved) as refused:
                return refused
        for write in append.writes:
            for fact in write.facts:
                versions[write.stream] += 1
                placed.append(self._place(fact, write.stream, versions[write.stream], head, append.ciphers))
        return head.position

    def _place(self, fact: Fact, stream: UUID, version: int, head: Head, ciphers: Mapping[UUID, Cipher]) -> Placed:
        head.position += 1
        stamped = replace(fact, position=head.position, recorded_at=head.recorded_at)
        person = account_of(fact)
        return Placed(stream, version, stamped, ciphers.get(person) if person else None)

    def _insert_placed(self, cursor: Cursor[DictRow], placed: Sequence[Placed]) -> None:
        stored: list[StoredEvent] = [self.mapper.to_stored_event(entry) for entry in placed]
        columns: tuple[list[Any], ...] = (
            [event.originator_id for event in stored],
            [event.originator_version for event in stored],
            [event.topic for event in stored],
            [event.state for event in stored],
            [entry.fact.position for entry in placed],
            [entry.fact.recorded_at for entry in placed],
            [account_of(entry.fact) for entry in placed],
        )
        cursor.execute(self.INSERT, columns, prepare=True)

    def committed(self, appends: Sequence[Append]) -> list[int | OutcomeUnknown | None]:
        """The position of each caller's last fact, if the transaction that was cut off did go through, else None.

        OutcomeUnknown where there was no fact by which to tell. Looked up under the ledger's lock, so that a commit
        still under way has ended either way.
        """
        lasts = [_last_write(append) for append in appends]
        places = [(write.stream, write.expected_version + len(write.facts)) for write in lasts if write]
        with self.datastore.get_connection() as connection, connection.transaction():
            cursor = connection.cursor()
            self._lock_table(cursor)
            cursor.execute(self.FIND, ([stream for stream, _ in places], [version for _, version in places]))
            facts = [self.mapper.decode(row["topic"], bytes(row["state"])) for row in cursor.fetchall()]
        positions = {fact.fact_id: fact.position for fact in facts}
        return [
            positions.get(write.facts[-1].fact_id) if write else OutcomeUnknown("The connection was lost.")
            for write in lasts
        ]


def _last_write(append: Append) -> Write | None:
    """The one that holds the caller's last fact; None where there are rows alone."""
    return next((write for write in reversed(append.writes) if write.facts), None)
