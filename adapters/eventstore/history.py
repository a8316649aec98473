"""The `History` port on PostgreSQL: the ledger in its order, page by page, along one index that the filter decides."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from psycopg.sql import SQL, Composed

from adapters.eventstore.mapper import FactMapper, FactUnreadable, Placed, opened, person_of
from adapters.eventstore.ways import COLUMNS, HEAD, OF_STREAM_UP_TO, PAGE_SIZE_MAX, RECORDED_BEFORE, Way, way_of
from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.ledger import FactNotReadable, HistoryFilter, Position, Recorded, Unreadable
from application.ports.vault import Cipher, SealBroken, Vault
from domain.shared.fact import Actor, Cause, Fact

Row = Sequence[Any]

FACTS = SQL("SELECT {columns} FROM ledger.events").format(columns=SQL(COLUMNS))

RECORDED_AT = SQL("SELECT recorded_at FROM ledger.events WHERE notification_id = %s")

UNREADABLE = (FactUnreadable, SealBroken, ValueError)
"""Another tag or shape, a seal that is not the person's, or what is no text."""


class PostgresHistory:
    """A reader holds a connection for as long as a page is read, and none in between."""

    def __init__(self, pool: Pool, mapper: FactMapper, vault: Vault) -> None:
        self._pool = pool
        self._reader = FactReader(mapper, vault)

    async def bounded(self, wanted: HistoryFilter) -> HistoryFilter:
        after = wanted.after
        up_to = wanted.up_to if wanted.up_to is not None else await self._number(HEAD, ())
        if wanted.since is not None:
            after = max(after, await self._recorded_before(wanted.since))
        if wanted.until is not None:
            up_to = min(up_to, await self._recorded_before(wanted.until))
        return replace(wanted, after=after, up_to=up_to, since=None, until=None)

    async def _recorded_before(self, moment: datetime) -> Position:
        return await self._number(RECORDED_BEFORE, {"moment": moment})

    async def facts(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded]:
        async with aclosing(self.entries(wanted, page_size=page_size)) as entries:
            async for entry in entries:
                if isinstance(entry, Unreadable):
                    raise FactNotReadable(entry)
                yield entry

    async def entries(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncGenerator[Recorded | Unreadable]:
        way, limit = await self._way(wanted), min(page_size, PAGE_SIZE_MAX)
        while not way.is_over:
            statement, values = way.page(limit)
            # Never prepared: a generic plan would not know how far it is to the end.
            rows = await fetch(self._pool, statement, values, prepare=False)
            found, way = way.walked(rows, limit)
            for entry in await self._reader.entries(found):
                yield await self._described(*entry) if isinstance(entry, tuple) else entry

    async def _described(self, row: Sequence[Any], reason: str) -> Unreadable:
        ((recorded_at,),) = await fetch(self._pool, RECORDED_AT, (row[4],))
        stored = bytes(row[3])
        known = _known_of(stored)
        return Unreadable(
            stream=row[0],
            version=row[1],
            type=row[2],
            position=row[4],
            recorded_at=recorded_at,
            actor=known.actor,
            cause=known.cause,
            stored=stored,
            reason=reason,
        )

    async def _way(self, wanted: HistoryFilter) -> Way:
        bounds = await self.bounded(wanted)
        assert bounds.up_to is not None, "it is bounded"
        beyond, last = bounds.after, bounds.up_to
        if wanted.stream is not None:
            beyond, last = [await self._version_at(wanted.stream, position) for position in (beyond, last)]
        return way_of(stream=wanted.stream, account=wanted.account, type=wanted.type, beyond=beyond, last=last)

    async def _version_at(self, stream: UUID, position: Position) -> int:
        """The version of the stream's last fact up to a position."""
        return await self._number(OF_STREAM_UP_TO, {"stream": stream, "position": position})

    async def of_account(self, account_id: UUID, *, until: datetime | None = None) -> Sequence[Recorded]:
        wanted = HistoryFilter(account=account_id)
        entries = [entry async for entry in self.facts(wanted, page_size=PAGE_SIZE_MAX)]
        return [entry for entry in entries if until is None or entry.fact.recorded_at <= until]

    async def _number(self, statement: Composed | SQL, values: Any) -> int:
        ((number,),) = await fetch(self._pool, statement, values)
        return int(number)


class FactReader:
    """Rows of the ledger to facts, with their personal fields in the clear; one question to the vault a page."""

    def __init__(self, mapper: FactMapper, vault: Vault) -> None:
        self._mapper = mapper
        self._vault = vault

    async def recorded(self, rows: Sequence[Row]) -> list[Recorded]:
        """From rows of (stream, version, tag, state, ...). Raises FactUnreadable, SealBroken."""
        facts = [self._mapper.decode(row[2], bytes(row[3])) for row in rows]
        ciphers = await self._ciphers(facts)
        return [_opened(row, fact, ciphers) for row, fact in zip(rows, facts, strict=True)]

    async def entries(self, rows: Sequence[Row]) -> list[Recorded | tuple[Row, str]]:
        """The same, though a row that cannot be read is given back with the reason."""
        try:
            return [*await self.recorded(rows)]
        except UNREADABLE:
            return [await self._one(row) for row in rows]

    async def _one(self, row: Row) -> Recorded | tuple[Row, str]:
        try:
            (recorded,) = await self.recorded([row])
        except UNREADABLE as trouble:
            return row, str(trouble) or type(trouble).__name__
        return recorded

    async def _ciphers(self, facts: Sequence[Fact]) -> Mapping[UUID, Cipher]:
        persons = {person for fact in facts if (person := person_of(fact))}
        return await self._vault.of_persons(persons) if persons else {}


def _opened(row: Row, fact: Fact, ciphers: Mapping[UUID, Cipher]) -> Recorded:
    person = person_of(fact)
    placed = Placed(row[0], row[1], fact, ciphers.get(person) if person else None)
    return Recorded(row[0], row[1], opened(placed), bytes(row[3]))


class _Known(msgspec.Struct):
    """What facts of all shapes have in common."""

    actor: Actor | None = None
    cause: Cause | None = None


def _known_of(stored: bytes) -> _Known:
    try:
        return msgspec.json.decode(stored, type=_Known)
    except ValueError:
        return _Known()


async def fetch(pool: Pool, statement: SQL | Composed, values: Any, *, prepare: bool = True) -> list[tuple[Any, ...]]:
    """All rows of one statement. Raises DatabaseUnavailable."""
    async with connected(pool) as connection:
        cursor = await connection.execute(statement, values, prepare=prepare)
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
        return rows
