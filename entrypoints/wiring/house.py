"""The house: from settings to the use cases, every adapter made and closed here."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from adapters.crypto.vault import PostgresVault
from adapters.eventstore.history import PostgresHistory
from adapters.eventstore.live import LiveEngine
from adapters.eventstore.policies import PolicyRunner
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.rebuilds import Rebuilds
from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.postgres.duplicates import PostgresDuplicates
from adapters.postgres.health import PostgresHealth
from adapters.postgres.inbox_desk import PostgresInboxDesk
from adapters.postgres.listening import INBOX, READ_MODELS, Signal
from adapters.postgres.policy_states import PostgresPolicyStates
from adapters.postgres.queue_waits import PostgresQueueWaits
from adapters.postgres.retention import PostgresRetention
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.sandbox.client import SandboxClient
from application.account_admin import AccountAdmin
from application.accounts import Accounts
from application.audit import Audit
from application.business_clock import AllDue, BusinessClock
from application.captions import Captions
from application.checkouts import Checkouts
from application.convergence import Convergence
from application.customers import CustomerBinding
from application.dunning import Dunning
from application.emails import Emails
from application.erasing import Erasing, ErasureRequests
from application.exporting import Exporting
from application.finding import Finding
from application.following_videos import FollowingVideos
from application.grants import Grants
from application.health import Health
from application.inbox_desk import InboxOperation
from application.intentions import Intentions
from application.janitor import Janitor
from application.mailbox import Mailbox
from application.new_passwords import NewPasswords
from application.payments import Payments
from application.phones import Phones
from application.plans import Plans
from application.playback import Playback
from application.policies.policy import Policy
from application.ports.idempotency import KeptAnswers
from application.ports.world import Clock
from application.projection_admin import ProjectionAdmin
from application.reading import ReadingYourWrites
from application.recall import Records
from application.refunds import Refunds
from application.resumable_uploads import ResumableUploads
from application.signing_in import SigningIn
from application.subscriptions import Subscriptions
from application.sweeps import Sweeping
from application.throttling import Throttling
from application.tracing import Spans
from application.videos import Videos
from application.webhooks import Webhooks
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings
from entrypoints.wiring import billing, gates
from entrypoints.wiring.foundation import Foundation, lay_foundation
from entrypoints.wiring.letters import Correspondence, correspondence
from entrypoints.wiring.measured import Steps, in_steps
from entrypoints.wiring.people import People, people
from entrypoints.wiring.policies import every_policy
from entrypoints.wiring.ports import Ports, ports_of
from entrypoints.wiring.privacy import Privacy, privacy
from entrypoints.wiring.selling import selling
from entrypoints.wiring.watching import Watching, watching


@dataclass(frozen=True, kw_only=True)
class House:
    """The use cases, wired; and what the worker runs beside them."""

    settings: Settings
    account_admin: AccountAdmin
    audit: Audit
    business_clock: BusinessClock | None
    business_time: Clock
    checkouts: Checkouts
    convergence: Convergence
    customer_binding: CustomerBinding
    dunning: Dunning
    finding: Finding
    grants: Grants
    health: Health
    inbox: InboxOperation
    janitor: Janitor
    metrics: PrometheusMetrics
    people: People
    payments: Payments
    plans: Plans
    privacy: Privacy
    projections: ProjectionAdmin
    records: Records
    reading: ReadingYourWrites
    refunds: Refunds
    subscriptions: Subscriptions
    spans: Spans
    sweeping: Sweeping
    throttling: Throttling
    kept_answers: KeptAnswers
    watching: Watching
    webhooks: Webhooks
    read_models: ReadModels
    live_engine: LiveEngine
    rebuilds: Rebuilds
    policies: PolicyRunner
    post: Correspondence
    jobs: PostgresTranscodeJobs
    retention: PostgresRetention
    inbox_signal: Signal
    """Fires when a webhook has been kept."""
    platform_signal: Signal
    """Fires when this process has asked something of a video platform."""

    @property
    def accounts(self) -> Accounts:
        return self.people.accounts

    @property
    def emails(self) -> Emails:
        return self.people.emails

    @property
    def new_passwords(self) -> NewPasswords:
        return self.people.new_passwords

    @property
    def phones(self) -> Phones:
        return self.people.phones

    @property
    def signing_in(self) -> SigningIn:
        return self.people.signing_in

    @property
    def erasure_requests(self) -> ErasureRequests:
        return self.privacy.requests

    @property
    def erasing(self) -> Erasing:
        return self.privacy.erasing

    @property
    def exporting(self) -> Exporting:
        return self.privacy.exporting

    @property
    def vault(self) -> PostgresVault:
        return self.privacy.vault

    @property
    def intentions(self) -> Intentions:
        return self.janitor.intentions

    @property
    def steps(self) -> Steps:
        return Steps(self.spans, self.metrics)

    @property
    def following_videos(self) -> FollowingVideos:
        return self.watching.following_videos

    @property
    def playback(self) -> Playback:
        return self.watching.playback

    @property
    def resumable_uploads(self) -> ResumableUploads:
        return self.watching.resumable_uploads

    @property
    def captions(self) -> Captions:
        return self.watching.captions

    @property
    def videos(self) -> Videos:
        return self.watching.videos

    @property
    def mailbox(self) -> Mailbox | None:
        return self.post.mailbox


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


def _house(settings: Settings, base: Foundation, stack: AsyncExitStack) -> House:
    ports = ports_of(settings, base, stack)
    binding = CustomerBinding(records=base.records, blind_index=base.blind_index, billing=ports.billing)
    convergence, plans = billing.convergence(settings, base, ports, binding), billing.plans(base, ports)
    webhooks, dunning = billing.webhooks(base, ports), billing.dunning(base, ports)
    sold, post = selling(settings, base, ports, convergence, binding), correspondence(settings, base, stack)
    folk, films = people(settings, base, post, stack), watching(settings, base, ports)
    policies = every_policy(ports, plans, dunning, sold, films)
    return House(
        settings=settings,
        account_admin=gates.account_admin(base, post.codes),
        audit=Audit(history=PostgresHistory(base.pool, base.mapper, base.vault)),
        business_clock=_business_clock(settings, base, ports, dunning, stack),
        business_time=base.business_time,
        checkouts=sold.checkouts,
        convergence=convergence,
        customer_binding=binding,
        dunning=dunning,
        grants=Grants(records=base.records, business_time=base.business_time),
        health=_health(settings, base, ports, post, policies),
        metrics=base.metrics,
        payments=Payments(ports.payments),
        plans=plans,
        privacy=privacy(settings, base, ports, folk, post, sold.subscriptions),
        projections=ProjectionAdmin(ports.states),
        records=base.records,
        reading=ReadingYourWrites(ports.positions),
        janitor=sold.janitor,
        refunds=sold.refunds,
        spans=base.spans,
        subscriptions=sold.subscriptions,
        watching=films,
        webhooks=webhooks,
        finding=billing.finding(base, ports),
        inbox=InboxOperation(desk=PostgresInboxDesk(base.pool)),
        people=folk,
        sweeping=billing.sweeping(settings, base, ports, convergence, webhooks),
        throttling=gates.throttling(settings, base),
        kept_answers=gates.kept_answers(base),
        read_models=base.read_models,
        live_engine=LiveEngine(base.dsn, base.read_models),
        rebuilds=Rebuilds(base.read_models, ports.states, base.listener.signal(READ_MODELS)),
        policies=PolicyRunner(base.dsn, in_steps(Steps(base.spans, base.metrics), policies), base.mapper),
        post=post,
        jobs=ports.jobs,
        retention=PostgresRetention(base.pool),
        inbox_signal=base.listener.signal(INBOX),
        platform_signal=ports.platform_tasks.asked,
    )


def _health(settings: Settings, base: Foundation, ports: Ports, post: Correspondence, policies: list[Policy]) -> Health:
    return Health(
        database=PostgresHealth(base.pool),
        positions=ports.positions,
        read_models=ports.states,
        policies=PostgresPolicyStates(base.pool, policies),
        inbox=ports.inbox,
        intents=ports.intents,
        duplicates=PostgresDuplicates(base.pool),
        desk=PostgresInboxDesk(base.pool),
        sweeps=ports.sweeps,
        letters=post.letters,
        jobs=ports.jobs,
        platform_tasks=ports.platform_tasks,
        waits=PostgresQueueWaits(base.pool),
        lag_max=settings.ready_lag_max,
        waits_max={
            **dict.fromkeys(("webhooks", "intents", "letters", "erasures"), settings.ready_wait_seconds_max),
            "transcoding": settings.ready_transcoding_seconds_max,
        },
    )


def _business_clock(
    settings: Settings, base: Foundation, ports: Ports, dunning: Dunning, stack: AsyncExitStack
) -> BusinessClock | None:
    if base.movable is None:
        return None
    sandbox = SandboxClient(settings.sandbox_address)
    stack.push_async_callback(sandbox.close)
    backlogs = {"deliveries": sandbox.pending, "webhooks": ports.inbox.unsettled, "transcoding": ports.jobs.unfinished}
    return BusinessClock(clock=base.movable, due=AllDue((sandbox, dunning)), backlogs=backlogs)
