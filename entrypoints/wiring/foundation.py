"""What every use case stands on: pool, vault, ledger, read models and clock, opened here and closed with the stack."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

from adapters.crypto.blind_index import HmacBlindIndex
from adapters.crypto.master_keys import MasterKeys
from adapters.crypto.vault import PostgresVault
from adapters.eventstore.datastore import LedgerDatastore
from adapters.eventstore.inline import InlineReadModels
from adapters.eventstore.ledger import PostgresLedger
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.postgres.clock import PostgresMovableClock, RealClock
from adapters.postgres.listening import INBOX, READ_MODELS, READ_MODELS_SWAPPED, Listener
from adapters.postgres.live_generations import LiveGenerations
from adapters.postgres.pool import Pool, new_pool
from adapters.prometheus.metrics import PrometheusMetrics
from application.ports.world import Clock
from application.projections.every import PROJECTIONS
from application.recall import Records
from application.tracing import Spans
from entrypoints.settings import Settings
from entrypoints.wiring.measured import MeasuredCommitter, MeasuredRecorder
from entrypoints.wiring.traced import traced


class RandomIdentifiers:
    """Version 4 UUIDs: 122 bits that nobody can guess."""

    def new(self) -> UUID:
        return uuid4()


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What every use case stands on."""

    dsn: str
    pool: Pool
    lookups: Pool
    """What every request and every piece of a video asks: rows by their keys, apart from whatever takes longer."""
    listener: Listener
    live: LiveGenerations
    mapper: FactMapper
    vault: PostgresVault
    master_keys: MasterKeys
    blind_index: HmacBlindIndex
    records: Records
    read_models: ReadModels
    metrics: PrometheusMetrics
    spans: Spans
    business_time: Clock
    movable: PostgresMovableClock | None


async def lay_foundation(settings: Settings, dsn: str, stack: AsyncExitStack, *, prepare: bool) -> Foundation:
    """With `prepare`, read models that this program lacks or has newer steps for are made first."""
    pool, lookups = await _opened(dsn, stack), await _opened(dsn, stack, for_lookups=True)
    master_keys = MasterKeys.parse(settings.master_keys)
    vault_pool = await _opened(settings.vault_database_url, stack) if settings.vault_database_url else pool
    vault = PostgresVault(vault_pool, master_keys)
    await vault.check()
    movable = PostgresMovableClock(dsn) if settings.sandbox_clock else None
    if movable is not None:
        stack.callback(movable.close)
    mapper = FactMapper()
    read_models = ReadModels(dsn, PROJECTIONS, mapper)
    if prepare:
        await asyncio.to_thread(read_models.prepare)
    business_time = movable or RealClock()
    metrics = PrometheusMetrics()
    ledger = await _ledger(dsn, pool, mapper, vault, business_time, metrics, stack)
    listener = await stack.enter_async_context(Listener(dsn, READ_MODELS, READ_MODELS_SWAPPED, INBOX))
    return Foundation(
        dsn=dsn,
        pool=pool,
        lookups=lookups,
        listener=listener,
        live=LiveGenerations(pool, listener.signal(READ_MODELS_SWAPPED)),
        mapper=mapper,
        vault=vault,
        master_keys=master_keys,
        blind_index=HmacBlindIndex(master_keys),
        records=Records(ledger, RandomIdentifiers()),
        read_models=read_models,
        metrics=metrics,
        spans=await traced(settings, stack),
        business_time=business_time,
        movable=movable,
    )


async def _opened(dsn: str, stack: AsyncExitStack, *, for_lookups: bool = False) -> Pool:
    pool = new_pool(dsn, for_lookups=for_lookups)
    await pool.open()
    stack.push_async_callback(pool.close)
    return pool


async def _ledger(
    dsn: str,
    pool: Pool,
    mapper: FactMapper,
    vault: PostgresVault,
    business_time: Clock,
    metrics: PrometheusMetrics,
    stack: AsyncExitStack,
) -> PostgresLedger:
    datastore = LedgerDatastore(dsn)
    stack.callback(datastore.close)
    inline = InlineReadModels([projection for projection in PROJECTIONS.values() if projection.inline])
    recorder = MeasuredRecorder(datastore, mapper=mapper, inline=inline, business_time=business_time, metrics=metrics)
    committer = MeasuredCommitter(recorder, metrics)
    stack.push_async_callback(committer.close)
    return PostgresLedger(pool, committer, mapper, vault)
