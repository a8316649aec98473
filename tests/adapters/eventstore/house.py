"""A ledger on a database of its own, wired as in the product, with a vault in memory and a clock that stands still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.datastore import LedgerDatastore
from adapters.eventstore.history import PostgresHistory
from adapters.eventstore.inline import InlineReadModels
from adapters.eventstore.ledger import PostgresLedger
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.recorder import LedgerRecorder
from adapters.memory.vault import MemoryVault
from adapters.postgres.pool import new_pool
from adapters.postgres.read_model_states import STATUSES
from application.projections.every import PROJECTIONS
from tests.people import StoppedClock


@dataclass
class LedgerHouse:
    dsn: str
    ledger: PostgresLedger
    history: PostgresHistory
    recorder: LedgerRecorder
    read_models: ReadModels
    vault: MemoryVault
    clock: StoppedClock
    mapper: FactMapper


@asynccontextmanager
async def ledger_house(dsn: str, clock: StoppedClock | None = None) -> AsyncIterator[LedgerHouse]:
    clock, mapper, vault = clock or StoppedClock(), FactMapper(), MemoryVault()
    read_models = ReadModels(dsn, PROJECTIONS, mapper)
    read_models.prepare()
    datastore = LedgerDatastore(dsn)
    inline = InlineReadModels([each for each in PROJECTIONS.values() if each.inline])
    recorder = LedgerRecorder(datastore, mapper=mapper, inline=inline, business_time=clock)
    committer = GroupCommitter(recorder)
    pool = new_pool(dsn, size=4)
    await pool.open()
    try:
        ledger = PostgresLedger(pool, committer, mapper, vault)
        history = PostgresHistory(pool, mapper, vault)
        yield LedgerHouse(dsn, ledger, history, recorder, read_models, vault, clock, mapper)
    finally:
        await committer.close()
        await pool.close()
        datastore.close()


class Stand(NamedTuple):
    """How a read model stands: the columns of `STATUSES`."""

    name: str
    generation: int
    version: int
    position: int
    head: int
    trouble: str | None
    kept: list[int]
    building: list[int] | None
    rebuild_requested: bool
    rebuild_error: str | None


def stands(dsn: str) -> dict[str, Stand]:
    """Of every read model, by name."""
    with psycopg.connect(dsn) as connection:
        return {row[0]: Stand(*row) for row in connection.execute(STATUSES)}
