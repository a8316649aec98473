"""The `History` port on PostgreSQL: the ledger in its order, by an index for every filter."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.sql import SQL, Composed

from adapters.eventstore.mapper import FactMapper, Placed, opened, person_of
from adapters.postgres.errors import database_errors
from adapters.postgres.pool import Pool
from application.ports.ledger import HistoryFilter, Position, Recorded
from application.ports.vault import Vault

PAGE_SIZE_MAX = 5_000

COLUMNS = SQL("SELECT originator_id, originator_version, topic, state, notification_id FROM ledger.events")


class PostgresHistory:
    """The ledger in its order, page by page, by an index for every filter."""

    def __init__(self, pool: Pool, mapper: FactMapper, vault: Vault) -> None:
        self._pool = pool
        self._reader = FactReader(mapper, vault)

    async def facts(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded]:
        after, limit = wanted.after, min(page_size, PAGE_SIZE_MAX)
        while True:
            conditions, values = _conditions(wanted, after)
            statement = COLUMNS + SQL(" WHERE ") + conditions + SQL(" ORDER BY notification_id LIMIT %s")
            rows = await fetch(self._pool, statement, (*values, limit))
            for recorded in await self._reader.recorded(rows):
                yield recorded
            if len(rows) < limit:
                return
            after = rows[-1][4]

    async def of_account(self, account_id: UUID, *, until: datetime | None = None) -> Sequence[Recorded]:
        wanted = HistoryFilter(account=account_id)
        entries = [entry async for entry in self.facts(wanted, page_size=PAGE_SIZE_MAX)]
        return [entry for entry in entries if until is None or entry.fact.recorded_at <= until]


class FactReader:
    """Rows of the ledger to facts, with their personal fields in the clear; one question to the vault a page."""

    def __init__(self, mapper: FactMapper, vault: Vault) -> None:
        self._mapper = mapper
        self._vault = vault

    async def recorded(self, rows: Sequence[tuple[Any, ...]]) -> list[Recorded]:
        """From rows of (stream, version, tag, state, ...)."""
        facts = [self._mapper.decode(row[2], bytes(row[3])) for row in rows]
        persons = {person for fact in facts if (person := person_of(fact))}
        ciphers = await self._vault.of_persons(persons) if persons else {}
        entries = []
        for row, fact in zip(rows, facts, strict=True):
            person = person_of(fact)
            placed = Placed(row[0], row[1], fact, ciphers.get(person) if person else None)
            entries.append(Recorded(row[0], row[1], opened(placed), bytes(row[3])))
        return entries


def _conditions(wanted: HistoryFilter, after: Position) -> tuple[Composed, list[Any]]:
    conditions: list[tuple[SQL, Any]] = [(SQL("notification_id > %s"), after)]
    if wanted.up_to is not None:
        conditions.append((SQL("notification_id <= %s"), wanted.up_to))
    if wanted.stream is not None:
        conditions.append((SQL("originator_id = %s"), wanted.stream))
    if wanted.type is not None:
        conditions.append((SQL("topic = %s"), wanted.type))
    if wanted.account is not None:
        conditions.append((SQL("account_id = %s"), wanted.account))
    if wanted.since is not None:
        conditions.append((SQL("recorded_at >= %s"), wanted.since))
    if wanted.until is not None:
        conditions.append((SQL("recorded_at < %s"), wanted.until))
    return SQL(" AND ").join(condition for condition, _ in conditions), [value for _, value in conditions]


async def fetch(pool: Pool, statement: SQL | Composed, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of one statement. Raises DatabaseUnavailable."""
    with database_errors():
        async with pool.connection() as connection:
            cursor = await connection.execute(statement, values, prepare=True)
            rows: list[tuple[Any, ...]] = await cursor.fetchall()
            return rows
