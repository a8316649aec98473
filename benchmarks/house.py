"""Our ledger, wired as in the product: group committer, inline access read model, real clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.datastore import LedgerDatastore
from adapters.eventstore.inline import InlineReadModels
from adapters.eventstore.ledger import PostgresLedger
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.recorder import LedgerRecorder
from adapters.memory.vault import MemoryVault
from adapters.postgres.clock import RealClock
from adapters.postgres.pool import Pool, new_pool
from application.projections.every import PROJECTIONS


@dataclass(frozen=True)
class House:
    """What the benchmarks call of it."""

    dsn: str
    pool: Pool
    ledger: PostgresLedger
    read_models: ReadModels


@asynccontextmanager
async def open_house(dsn: str, *, inline: bool = True) -> AsyncIterator[House]:
    """With `inline=False` appends write the ledger alone, and no read model."""
    mapper = FactMapper()
    read_models = ReadModels(dsn, PROJECTIONS, mapper)
    read_models.prepare()
    written_inline = InlineReadModels([each for each in PROJECTIONS.values() if each.inline and inline])
    datastore = LedgerDatastore(dsn)
    committer = GroupCommitter(
        LedgerRecorder(datastore, mapper=mapper, inline=written_inline, business_time=RealClock())
    )
    pool = new_pool(dsn)
    await pool.open()
    try:
        yield House(dsn, pool, PostgresLedger(pool, committer, mapper, MemoryVault()), read_models)
    finally:
        await committer.close()
        await pool.close()
        datastore.close()
