"""The house: from settings to the use cases, every adapter made and closed here."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.crypto.passwords import Argon2Passwords
from adapters.crypto.refresh_tokens import RandomRefreshTokens
from adapters.eventstore.history import PostgresHistory
from adapters.eventstore.live import LiveEngine
from adapters.eventstore.policies import PolicyRunner
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.rebuilds import Rebuilds
from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.local_video.platform import LocalVideo
from adapters.mail.addresses import EmailValidatorAddresses
from adapters.postgres.clock import RealClock
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.health import PostgresHealth
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.inbox_desk import PostgresInboxDesk
from adapters.postgres.listening import INBOX, READ_MODELS, Signal
from adapters.postgres.play_sessions import PostgresPlaySessions
from adapters.postgres.positions import PostgresPositions
from adapters.postgres.read_model_states import PostgresReadModelStates
from adapters.postgres.reads import PostgresAccessReads, PostgresCatalogueReads, PostgresPlanReads
from adapters.postgres.retention import PostgresRetention
from adapters.postgres.sign_ins import PostgresSignIns
from adapters.postgres.sweeps import PostgresSweeps
from adapters.postgres.unnamed import PostgresUnnamedDeliveries
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.sandbox.client import SandboxClient
from adapters.stripe.billing import StripeBilling
from application.accounts import Accounts
from application.audit import Audit
from application.business_clock import BusinessClock
from application.checkouts import Checkouts
from application.convergence import Convergence
from application.customers import CustomerBinding
from application.finding import Finding
from application.health import Health
from application.inbox_desk import InboxOperation
from application.plans import Plans
from application.playback import Playback
from application.policies.pricing import when_price_requested_settle_it
from application.policies.transcoding import when_upload_received_transcode
from application.ports.world import Clock
from application.projection_admin import ProjectionAdmin
from application.reading import ReadingYourWrites
from application.recall import Records
from application.subscriptions import Subscriptions
from application.sweeps import Sweeping
from application.videos import Videos
from application.webhooks import Webhooks
from domain.subscription.truth import BillingPolicy
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation, lay_foundation


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
    customer_binding: CustomerBinding
    finding: Finding
    health: Health
    inbox: InboxOperation
    metrics: PrometheusMetrics
    plans: Plans
    playback: Playback
    projections: ProjectionAdmin
    records: Records
    reading: ReadingYourWrites
    subscriptions: Subscriptions
    sweeping: Sweeping
    videos: Videos
    webhooks: Webhooks
    read_models: ReadModels
    live_engine: LiveEngine
    rebuilds: Rebuilds
    policies: PolicyRunner
    jobs: PostgresTranscodeJobs
    retention: PostgresRetention
    inbox_signal: Signal
    """Fires when a webhook has been kept."""


@asynccontextmanager
async def open_house(settings: Settings, dsn: str | None = None, *, prepare: bool = True) -> AsyncIterator[House]:
    """Every adapter open inside, closed after. `dsn` is a migrated database, by default DATABASE_URL.

    Without `prepare` the read models stay as they are, though another release made them: for who sees to them.

    Raises:
        MasterKeysInvalid, ValueError for other secrets that cannot be used, DatabaseUnavailable.
    """
    settings = with_development_secrets(settings)
    async with AsyncExitStack() as stack:
        base = await lay_foundation(settings, dsn or settings.database_url, stack, prepare=prepare)
        yield _house(settings, base, stack)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The adapters that several use cases share."""

    access: PostgresAccessReads
    billing: StripeBilling
    catalogue: PostgresCatalogueReads
    customers: PostgresCustomers
    inbox: PostgresInbox
    jobs: PostgresTranscodeJobs
    plans: PostgresPlanReads
    platform: LocalVideo
    positions: PostgresPositions
    states: PostgresReadModelStates
    sweeps: PostgresSweeps


def _ports(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Ports:
    billing = StripeBilling(
        settings.stripe_secret_key,
        listed(settings.stripe_webhook_secrets),
        api_base=settings.stripe_api_base or None,
        livemode="_live_" in settings.stripe_secret_key,
    )
    stack.push_async_callback(billing.close)
    return Ports(
        access=PostgresAccessReads(base.pool, base.live),
        billing=billing,
        catalogue=PostgresCatalogueReads(base.pool, base.live),
        customers=PostgresCustomers(base.pool, base.blind_index),
        inbox=PostgresInbox(base.pool, base.vault),
        jobs=PostgresTranscodeJobs(base.pool),
        plans=PostgresPlanReads(base.pool, base.live),
        platform=LocalVideo(
            settings.data_dir / "video",
            public_url=settings.address,
            signing_keys={"m1": base.master_keys.lasting_key("media")},
        ),
        positions=PostgresPositions(base.pool, base.listener),
        states=PostgresReadModelStates(base.pool),
        sweeps=PostgresSweeps(base.pool),
    )


def _house(settings: Settings, base: Foundation, stack: AsyncExitStack) -> House:
    ports = _ports(settings, base, stack)
    binding = CustomerBinding(records=base.records, blind_index=base.blind_index, provider=ports.billing.name)
    convergence, plans = _convergence(settings, base, ports, binding), _plans(base, ports)
    webhooks = _webhooks(base, ports)
    policies = [when_upload_received_transcode(ports.jobs), when_price_requested_settle_it(plans)]
    return House(
        settings=settings,
        accounts=_accounts(settings, base, stack),
        audit=Audit(history=PostgresHistory(base.pool, base.mapper, base.vault)),
        business_clock=_business_clock(settings, base, ports, stack),
        business_time=base.business_time,
        checkouts=_checkouts(settings, base, ports, convergence, binding),
        convergence=convergence,
        customer_binding=binding,
        health=_health(settings, base, ports),
        metrics=base.metrics,
        plans=plans,
        playback=_playback(base, ports),
        projections=ProjectionAdmin(ports.states),
        records=base.records,
        reading=ReadingYourWrites(ports.positions),
        subscriptions=_subscriptions(base, ports, convergence),
        videos=_videos(base, ports),
        webhooks=webhooks,
        finding=_finding(base, ports),
        inbox=InboxOperation(desk=PostgresInboxDesk(base.pool)),
        sweeping=_sweeping(settings, base, ports, convergence, webhooks),
        read_models=base.read_models,
        live_engine=LiveEngine(base.dsn, base.read_models),
        rebuilds=Rebuilds(base.read_models, ports.states, base.listener.signal(READ_MODELS)),
        policies=PolicyRunner(base.dsn, policies, base.mapper),
        jobs=ports.jobs,
        retention=PostgresRetention(base.pool),
        inbox_signal=base.listener.signal(INBOX),
    )


def _convergence(settings: Settings, base: Foundation, ports: Ports, binding: CustomerBinding) -> Convergence:
    return Convergence.by(
        BillingPolicy(
            grace=timedelta(days=settings.grace_days_past_due),
            lease_slack=timedelta(days=settings.lease_slack_days),
            pause_collection_grants=settings.pause_collection_grants,
            full_refund_revokes=settings.full_refund_revokes,
            dispute_open_suspends=settings.dispute_open_suspends,
            dispute_lost_revokes=settings.dispute_lost_revokes,
        ),
        records=base.records,
        billing=ports.billing,
        inbox=ports.inbox,
        customers=ports.customers,
        binding=binding,
        business_time=base.business_time,
    )


def _checkouts(
    settings: Settings, base: Foundation, ports: Ports, convergence: Convergence, binding: CustomerBinding
) -> Checkouts:
    return Checkouts(
        records=base.records,
        billing=ports.billing,
        convergence=convergence,
        binding=binding,
        access=ports.access,
        identifiers=base.records.identifiers,
        business_time=base.business_time,
        public_url=settings.address,
        own_origins=(settings.address, *listed(settings.cors_origins)),
    )


def _health(settings: Settings, base: Foundation, ports: Ports) -> Health:
    return Health(
        database=PostgresHealth(base.pool),
        positions=ports.positions,
        read_models=ports.states,
        inbox=ports.inbox,
        desk=PostgresInboxDesk(base.pool),
        sweeps=ports.sweeps,
        jobs=ports.jobs,
        lag_max=settings.ready_lag_max,
    )


def _webhooks(base: Foundation, ports: Ports) -> Webhooks:
    return Webhooks(billing=ports.billing, inbox=ports.inbox, sweeps=ports.sweeps, business_time=base.business_time)


def _finding(base: Foundation, ports: Ports) -> Finding:
    return Finding(
        billing=ports.billing,
        inbox=ports.inbox,
        unnamed=PostgresUnnamedDeliveries(base.pool),
        business_time=base.business_time,
    )


def _sweeping(
    settings: Settings, base: Foundation, ports: Ports, convergence: Convergence, webhooks: Webhooks
) -> Sweeping:
    return Sweeping(
        sweeps=ports.sweeps,
        billing=ports.billing,
        webhooks=webhooks,
        convergence=convergence,
        customers=ports.customers,
        access=ports.access,
        history=PostgresHistory(base.pool, base.mapper, base.vault),
        positions=ports.positions,
        business_time=base.business_time,
        customers_per_second=settings.sweep_customers_per_second,
    )


def _plans(base: Foundation, ports: Ports) -> Plans:
    return Plans(
        records=base.records,
        billing=ports.billing,
        reads=ports.plans,
        blind_index=base.blind_index,
        identifiers=base.records.identifiers,
    )


def _playback(base: Foundation, ports: Ports) -> Playback:
    return Playback(
        access=ports.access,
        sessions=PostgresPlaySessions(base.pool),
        platform=ports.platform,
        business_time=base.business_time,
        identifiers=base.records.identifiers,
    )


def _subscriptions(base: Foundation, ports: Ports, convergence: Convergence) -> Subscriptions:
    return Subscriptions(
        records=base.records,
        billing=ports.billing,
        convergence=convergence,
        access=ports.access,
        plans=ports.plans,
        business_time=base.business_time,
    )


def _videos(base: Foundation, ports: Ports) -> Videos:
    return Videos(
        records=base.records,
        platform=ports.platform,
        reads=ports.catalogue,
        jobs=ports.jobs,
        business_time=base.business_time,
        identifiers=base.records.identifiers,
    )


def _accounts(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Accounts:
    passwords = Argon2Passwords()
    stack.callback(passwords.close)
    return Accounts(
        records=base.records,
        sign_ins=PostgresSignIns(base.pool, base.live),
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


def _business_clock(settings: Settings, base: Foundation, ports: Ports, stack: AsyncExitStack) -> BusinessClock | None:
    if base.movable is None:
        return None
    sandbox = SandboxClient(settings.sandbox_address)
    stack.push_async_callback(sandbox.close)
    backlogs = {"deliveries": sandbox.pending, "webhooks": ports.inbox.unsettled, "transcoding": ports.jobs.unfinished}
    return BusinessClock(clock=base.movable, due=sandbox, backlogs=backlogs)
