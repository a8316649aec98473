"""The house: from settings to the use cases, every adapter made and closed here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.crypto.blind_index import HmacBlindIndex
from adapters.crypto.master_keys import MasterKeys
from adapters.crypto.passwords import Argon2Passwords
from adapters.crypto.refresh_tokens import RandomRefreshTokens
from adapters.crypto.vault import PostgresVault
from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.datastore import LedgerDatastore
from adapters.eventstore.inline import InlineReadModels
from adapters.eventstore.ledger import PostgresHistory, PostgresLedger
from adapters.eventstore.live import LiveEngine
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.policies import PolicyRunner
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.recorder import LedgerRecorder
from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.local_video.platform import LocalVideo
from adapters.mail.addresses import EmailValidatorAddresses
from adapters.postgres.clock import PostgresMovableClock, RealClock
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.listening import INBOX, READ_MODELS, Listener, Signal
from adapters.postgres.play_sessions import PostgresPlaySessions
from adapters.postgres.pool import Pool, new_pool
from adapters.postgres.positions import PostgresPositions
from adapters.postgres.reads import PostgresAccessReads, PostgresCatalogueReads, PostgresPlanReads
from adapters.postgres.sign_ins import PostgresSignIns
from adapters.sandbox.client import SandboxClient
from adapters.stripe.billing import StripeBilling
from application.accounts import Accounts
from application.audit import Audit
from application.business_clock import BusinessClock
from application.checkouts import Checkouts
from application.convergence import Convergence
from application.health import Health
from application.plans import Plans
from application.playback import Playback
from application.policies.transcoding import when_upload_received_transcode
from application.ports.world import Clock
from application.projections.every import PROJECTIONS
from application.reading import ReadingYourWrites
from application.recall import Records
from application.subscriptions import Subscriptions
from application.videos import Videos
from application.webhooks import Webhooks
from domain.subscription.truth import BillingPolicy
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings, listed


class RandomIdentifiers:
    """Version 4 UUIDs: 122 bits that nobody can guess."""

    def new(self) -> UUID:
        return uuid4()


@dataclass(frozen=True, kw_only=True)
class House:
    """The use cases, wired; and what the worker runs beside them."""

    settings: Settings
    accounts: Accounts
    audit: Audit
    business_clock: BusinessClock | None
    business_time: Clock
    checkouts: Checkouts
    convergence: Convergence
    health: Health
    plans: Plans
    playback: Playback
    records: Records
    reading: ReadingYourWrites
    subscriptions: Subscriptions
    videos: Videos
    webhooks: Webhooks
    read_models: ReadModels
    live_engine: LiveEngine
    policies: PolicyRunner
    jobs: PostgresTranscodeJobs
    inbox_signal: Signal
    """Fires when a webhook has been kept."""


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What every use case stands on."""

    dsn: str
    pool: Pool
    listener: Listener
    mapper: FactMapper
    vault: PostgresVault
    master_keys: MasterKeys
    blind_index: HmacBlindIndex
    records: Records
    read_models: ReadModels
    business_time: Clock
    movable: PostgresMovableClock | None


@asynccontextmanager
async def open_house(settings: Settings, dsn: str | None = None) -> AsyncIterator[House]:
    """Every adapter open inside, closed after. `dsn` is a migrated database, by default DATABASE_URL.

    Raises:
        MasterKeysInvalid, ValueError for other secrets that cannot be used, DatabaseUnavailable.
    """
    settings = with_development_secrets(settings)
    async with AsyncExitStack() as stack:
        base = await _foundation(settings, dsn or settings.database_url, stack)
        yield await _house(settings, base, stack)


async def _foundation(settings: Settings, dsn: str, stack: AsyncExitStack) -> Foundation:
    pool = await _opened(dsn, stack)
    master_keys = MasterKeys.parse(settings.master_keys)
    vault_pool = await _opened(settings.vault_database_url, stack) if settings.vault_database_url else pool
    vault = PostgresVault(vault_pool, master_keys)
    await vault.check()
    movable = PostgresMovableClock(dsn) if settings.sandbox_clock else None
    if movable is not None:
        stack.callback(movable.close)
    mapper = FactMapper()
    read_models = ReadModels(dsn, PROJECTIONS, mapper)
    await asyncio.to_thread(read_models.prepare)
    business_time = movable or RealClock()
    ledger = await _ledger(dsn, pool, mapper, vault, business_time, stack)
    return Foundation(
        dsn=dsn,
        pool=pool,
        listener=await stack.enter_async_context(Listener(dsn, READ_MODELS, INBOX)),
        mapper=mapper,
        vault=vault,
        master_keys=master_keys,
        blind_index=HmacBlindIndex(master_keys),
        records=Records(ledger, RandomIdentifiers()),
        read_models=read_models,
        business_time=business_time,
        movable=movable,
    )


async def _opened(dsn: str, stack: AsyncExitStack) -> Pool:
    pool = new_pool(dsn)
    await pool.open()
    stack.push_async_callback(pool.close)
    return pool


async def _ledger(
    dsn: str, pool: Pool, mapper: FactMapper, vault: PostgresVault, business_time: Clock, stack: AsyncExitStack
) -> PostgresLedger:
    datastore = LedgerDatastore(dsn)
    stack.callback(datastore.close)
    inline = InlineReadModels([projection for projection in PROJECTIONS.values() if projection.inline])
    recorder = LedgerRecorder(datastore, mapper=mapper, inline=inline, business_time=business_time)
    committer = GroupCommitter(recorder)
    stack.push_async_callback(committer.close)
    return PostgresLedger(pool, committer, mapper, vault)


async def _house(settings: Settings, base: Foundation, stack: AsyncExitStack) -> House:
    identifiers = base.records.identifiers
    billing = _billing(settings)
    stack.push_async_callback(billing.close)
    platform = LocalVideo(
        settings.data_dir / "video",
        public_url=settings.address,
        signing_keys={"m1": base.master_keys.lasting_key("media")},
    )
    inbox, customers = PostgresInbox(base.pool, base.vault), PostgresCustomers(base.pool, base.blind_index)
    access, plan_reads = PostgresAccessReads(base.pool), PostgresPlanReads(base.pool)
    positions = PostgresPositions(base.pool, base.listener)
    jobs = PostgresTranscodeJobs(base.pool)
    convergence = Convergence(
        records=base.records,
        billing=billing,
        inbox=inbox,
        customers=customers,
        policy=BillingPolicy(
            grace=timedelta(days=settings.grace_days_past_due),
            lease_slack=timedelta(days=settings.lease_slack_days),
            pause_collection_grants=settings.pause_collection_grants,
        ),
        business_time=base.business_time,
    )
    return House(
        settings=settings,
        accounts=_accounts(settings, base, stack),
        audit=Audit(history=PostgresHistory(base.pool, base.mapper, base.vault)),
        business_clock=_business_clock(settings, base, inbox, jobs, stack),
        business_time=base.business_time,
        checkouts=Checkouts(
            records=base.records,
            billing=billing,
            access=access,
            blind_index=base.blind_index,
            identifiers=identifiers,
            business_time=base.business_time,
            public_url=settings.address,
            own_origins=(settings.address, *listed(settings.cors_origins)),
        ),
        convergence=convergence,
        health=Health(positions=positions, inbox=inbox, jobs=jobs),
        plans=Plans(
            records=base.records,
            billing=billing,
            reads=plan_reads,
            blind_index=base.blind_index,
            identifiers=identifiers,
        ),
        playback=Playback(
            access=access,
            sessions=PostgresPlaySessions(base.pool),
            platform=platform,
            business_time=base.business_time,
            identifiers=identifiers,
        ),
        records=base.records,
        reading=ReadingYourWrites(positions),
        subscriptions=Subscriptions(
            records=base.records,
            billing=billing,
            convergence=convergence,
            access=access,
            plans=plan_reads,
            business_time=base.business_time,
        ),
        videos=Videos(
            records=base.records,
            platform=platform,
            reads=PostgresCatalogueReads(base.pool),
            jobs=jobs,
            business_time=base.business_time,
            identifiers=identifiers,
        ),
        webhooks=Webhooks(billing=billing, inbox=inbox, business_time=base.business_time),
        read_models=base.read_models,
        live_engine=LiveEngine(base.dsn, base.read_models),
        policies=PolicyRunner(base.dsn, [when_upload_received_transcode(jobs)], base.mapper),
        jobs=jobs,
        inbox_signal=base.listener.signal(INBOX),
    )


def _billing(settings: Settings) -> StripeBilling:
    return StripeBilling(
        settings.stripe_secret_key,
        listed(settings.stripe_webhook_secrets),
        api_base=settings.stripe_api_base or None,
        livemode="_live_" in settings.stripe_secret_key,
    )


def _accounts(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Accounts:
    passwords = Argon2Passwords()
    stack.callback(passwords.close)
    return Accounts(
        records=base.records,
        sign_ins=PostgresSignIns(base.pool),
        passwords=passwords,
        access_tokens=JwtAccessTokens(_signing_keys(settings), settings.address),
        refresh_tokens=RandomRefreshTokens(),
        blind_index=base.blind_index,
        addresses=EmailValidatorAddresses(),
        real_time=RealClock(),
        identifiers=base.records.identifiers,
    )


def _signing_keys(settings: Settings) -> dict[str, bytes]:
    """By id; the first signs, all are accepted."""
    if not settings.jwt_keys:
        return {"k1": settings.jwt_secret.encode()}
    pairs = [entry.partition(":") for entry in listed(settings.jwt_keys)]
    return {kid: secret.encode() for kid, _, secret in pairs}


def _business_clock(
    settings: Settings,
    base: Foundation,
    inbox: PostgresInbox,
    jobs: PostgresTranscodeJobs,
    stack: AsyncExitStack,
) -> BusinessClock | None:
    if base.movable is None:
        return None
    sandbox = SandboxClient(settings.sandbox_address)
    stack.push_async_callback(sandbox.close)
    backlogs = {"deliveries": sandbox.pending, "webhooks": inbox.unsettled, "transcoding": jobs.unfinished}
    return BusinessClock(clock=base.movable, due=sandbox, backlogs=backlogs)
