"""The `Ledger` port on PostgreSQL: the library writes, our own SELECTs read."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.sql import SQL

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.history import FACTS, FactReader, fetch
from adapters.eventstore.mapper import FactMapper, person_of
from adapters.eventstore.recorder import Append
from adapters.postgres.pool import Pool
from application.ports.ledger import (
    GuardedRow,
    Position,
    Write,
    refuse_streams_named_twice,
)
from application.ports.vault import Vault
from domain.shared.fact import Fact


class PostgresLedger:
    """Appends through the group committer, reads over the pool."""

    def __init__(self, pool: Pool, committer: GroupCommitter, mapper: FactMapper, vault: Vault) -> None:
        self._pool = pool
        self._committer = committer
        self._vault = vault
        self._reader = FactReader(mapper, vault)

    async def append(self, *writes: Write, rows: Sequence[GuardedRow] = ()) -> Position:
        """As the port says; a person's key is committed before the first fact that needs it."""
        refuse_streams_named_twice(writes)
        persons = {person for write in writes for fact in write.facts if (person := person_of(fact))}
        ciphers = await self._vault.of_persons(persons, create=True) if persons else {}
        return await self._committer.append(Append(writes, rows, ciphers))

    async def read(self, stream: UUID) -> Sequence[Fact]:
        statement = FACTS + SQL(" WHERE originator_id = %s ORDER BY originator_version")
        rows = await fetch(self._pool, statement, (stream,))
        return [recorded.fact for recorded in await self._reader.recorded(rows)]

    async def head(self) -> Position:
        rows = await fetch(self._pool, SQL("SELECT coalesce(max(notification_id), 0) FROM ledger.events"), ())
        return int(rows[0][0])
