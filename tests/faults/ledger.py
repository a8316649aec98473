"""The ledger as it lies there, read at one moment, and what must be true of it whatever happened."""

from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.shared.fact import UNRECORDED, Cause
from tests.faults.writer import CLAIM, FENCE

FACTS = (
    "SELECT notification_id, originator_id, originator_version, topic, state FROM ledger.events"
    " ORDER BY notification_id"
)
PAGE_SIZE = 5_000


class Stamp(msgspec.Struct, frozen=True):
    """What every stored fact has."""

    type: str
    position: int
    fact_id: UUID
    cause: Cause
    recorded_at: datetime = UNRECORDED


class Fact(NamedTuple):
    """A row of the ledger and the stored fact in it."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes
    stamp: Stamp


class Snapshot:
    """All facts, and the rows that were changed with them, at one moment."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self.facts = list(self._facts(connection))
            claims = connection.execute("SELECT blind_index, owner FROM ops.claims WHERE kind = %s", [CLAIM])
            self.claims = {bytes(name).decode(): owner for name, owner in claims}
            fences = connection.execute(
                "SELECT customer_id, epoch FROM ops.customer_fences WHERE provider = %s", [FENCE]
            )
            self.fences: dict[str, int] = dict(fences.fetchall())
        self.place = {fact.stamp.fact_id: fact.position for fact in self.facts}
        self.caused: dict[str, list[int]] = defaultdict(list)
        for fact in self.facts:
            if fact.stamp.cause.kind == "request":
                self.caused[fact.stamp.cause.id].append(fact.position)

    @staticmethod
    def _facts(connection: Connection[TupleRow]) -> "list[Fact]":
        decode = msgspec.json.Decoder(Stamp).decode
        with connection.cursor(name="all_facts", binary=True) as cursor:
            cursor.itersize = PAGE_SIZE
            cursor.execute(FACTS)
            return [
                Fact(position, stream, version, topic, state, decode(state))
                for position, stream, version, topic, state in cursor
            ]

    def troubles(self) -> list[str]:
        """What is wrong with it in itself."""
        return [*self._gaps(), *self._doubled(), *self._misplaced(), *self._holes_in_streams()]

    def _gaps(self) -> list[str]:
        positions = [0, *(fact.position for fact in self.facts)]
        return [
            f"gap in the ledger: {one} is followed by {other}" for one, other in pairwise(positions) if other != one + 1
        ]

    def _doubled(self) -> list[str]:
        counted = Counter(fact.stamp.fact_id for fact in self.facts)
        return [f"fact {fact_id} is there {count} times" for fact_id, count in counted.items() if count > 1]

    def _misplaced(self) -> list[str]:
        """What the stored bytes say of themselves is where they lie; time never runs back."""
        wrong = [
            f"the fact at {fact.position} ({fact.topic}) says that it is at {fact.stamp.position} ({fact.stamp.type})"
            for fact in self.facts
            if (fact.stamp.position, fact.stamp.type) != (fact.position, fact.topic)
        ]
        return wrong + [
            f"the fact at {other.position} was recorded before the one at {one.position}"
            for one, other in pairwise(self.facts)
            if other.stamp.recorded_at < one.stamp.recorded_at
        ]

    def _holes_in_streams(self) -> list[str]:
        """In the order of the ledger, each stream counts 1, 2, 3 ..."""
        versions: Counter[UUID] = Counter()
        wrong = []
        for fact in self.facts:
            versions[fact.stream] += 1
            if fact.version != versions[fact.stream]:
                wrong.append(
                    f"stream {fact.stream} has {fact.version} at {fact.position}, in place of {versions[fact.stream]}"
                )
                versions[fact.stream] = fact.version
        return wrong
