"""All use cases on adapters in memory, and how the stories of the tests begin."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from adapters.mail.addresses import EmailValidatorAddresses
from adapters.memory.account_reads import MemoryAccountReads
from adapters.memory.billing import MemoryBilling
from adapters.memory.checkout_turns import MemoryCheckoutTurns
from adapters.memory.clock import MemoryClock
from adapters.memory.customers import MemoryCustomers
from adapters.memory.inbox import MemoryInbox
from adapters.memory.intents import MemoryIntents
from adapters.memory.jobs import MemoryTranscodeJobs
from adapters.memory.ledger import MemoryLedger
from adapters.memory.platform_tasks import MemoryPlatformTasks
from adapters.memory.play_sessions import MemoryPlaySessions
from adapters.memory.reads import (
    MemoryAccessReads,
    MemoryCatalogueReads,
    MemoryGraceReads,
    MemoryPaymentReads,
    MemoryPlanReads,
    MemoryPositions,
)
from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.subscription_reads import MemorySubscriptionReads
from adapters.memory.sweeps import MemorySweeps
from adapters.memory.tables import MemoryTables
from adapters.memory.unnamed import MemoryUnnamedDeliveries
from application.account_admin import AccountAdmin
from application.audit import Audit
from application.buying import Buying
from application.captions import Captions
from application.checkouts import Checkouts, OpenedCheckout
from application.convergence import Convergence
from application.customer_deletions import CustomerDeletions
from application.customers import CustomerBinding
from application.dunning import Dunning
from application.earlier_uploads import EarlierUploads
from application.finding import Finding
from application.grants import Grants
from application.intentions import HANDS_OFF_SECONDS, Intentions
from application.janitor import Janitor
from application.payments import Payments
from application.plans import NewPlan, Plans
from application.platform_work import PlatformWork
from application.platforms import Platforms
from application.playback import Playback
from application.policies.after_erasure import AfterErasure
from application.policies.duplicates import RefundingDuplicates
from application.ports.billing import CheckoutPage, SeenSubscription
from application.ports.inbox import Customer
from application.ports.ledger import HistoryFilter
from application.projections.every import PROJECTIONS
from application.reading import ReadingYourWrites
from application.recall import Asked, Records
from application.refunds import Refunds
from application.return_urls import ReturnUrls
from application.subscription_commands import SubscriptionCommands
from application.subscriptions import Subscriptions
from application.sweeps import Sweeping
from application.trials import Trials
from application.videos import NewVideo, Videos
from application.webhooks import Webhooks
from domain.account.account import Account
from domain.shared.fact import Actor, Cause, Fact
from domain.shared.money import Money
from domain.subscription.truth import BillingPolicy
from tests.application.studio import MemoryStudio, link_of
from tests.application.ways_in import WaysIn
from tests.people import ADMIN, MONDAY

PUBLIC_URL = "https://streamly.example"
PASSWORD = "a long way to Tipperary"
BY_ADMIN = Asked(Actor("admin", str(ADMIN)), Cause("request", "req_admin"))
COOKING = NewPlan(name="Cooking", price=Money(999, "USD"), interval="month", features=("hd", "sd"), max_height=720)


class CountingIdentifiers:
    """1, 2, 3, ... as UUIDs."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> UUID:
        return UUID(int=next(self._numbers))


class House:
    """The use cases, wired as in the product; `business_time` and `real_time` are moved by the tests."""

    def __init__(self, policy: BillingPolicy | None = None) -> None:
        self.policy = policy or BillingPolicy()
        self.business_time, self.real_time = MemoryClock(MONDAY), MemoryClock(MONDAY)
        self.identifiers, self.blind_index = CountingIdentifiers(), MemoryBlindIndex()
        self.tables = MemoryTables()
        self.ledger = MemoryLedger(self.business_time, self.tables, *PROJECTIONS.values())
        self.records = Records(self.ledger, self.identifiers)
        self.access, self.plan_reads = MemoryAccessReads(self.ledger), MemoryPlanReads(self.ledger)
        self.billing, self.studio = MemoryBilling(self.business_time), MemoryStudio()
        self.platforms = Platforms(self.studio)
        self.jobs, self.inbox = MemoryTranscodeJobs(), MemoryInbox(self.tables, self.real_time)
        self.customers = MemoryCustomers(self.tables, self.blind_index, self.real_time)
        self.intents = MemoryIntents(self.tables, self.real_time)
        self.intentions = Intentions(
            records=self.records, intents=self.intents, business_time=self.business_time, real_time=self.real_time
        )
        self.reading = ReadingYourWrites(MemoryPositions(self.ledger))
        self.audit = Audit(history=self.ledger)
        self.sweeps = MemorySweeps(self.tables, self.real_time)
        self.webhooks = Webhooks(
            billing=self.billing,
            platforms=self.platforms,
            inbox=self.inbox,
            sweeps=self.sweeps,
            business_time=self.business_time,
        )
        self._build_accounts()
        self._build_looking_after()
        self._build_selling()
        self._build_asking()
        self._build_showing()

    def _build_accounts(self) -> None:
        ways = self.ways = WaysIn(self.records, self.tables, self.ledger, self.real_time, self.blind_index)
        self.accounts, self.signing_in, self.sign_ins = ways.accounts, ways.signing_in, ways.sign_ins
        self.codes, self.letters, self.wording, self.vault = ways.codes, ways.letters, ways.wording, ways.vault

    def _build_looking_after(self) -> None:
        self.account_admin = AccountAdmin(
            records=self.records,
            reads=MemoryAccountReads(self.ledger, self.tables),
            blind_index=self.blind_index,
            addresses=EmailValidatorAddresses(),
            codes=self.codes,
            business_time=self.business_time,
        )
        self.grants = Grants(records=self.records, business_time=self.business_time)
        self.payments = Payments(MemoryPaymentReads(self.ledger))
        self.dunning = Dunning(
            records=self.records,
            history=self.ledger,
            graces=MemoryGraceReads(self.ledger),
            positions=MemoryPositions(self.ledger),
            business_time=self.business_time,
        )

    def _build_selling(self) -> None:
        self.plans = Plans(
            records=self.records,
            billing=self.billing,
            reads=self.plan_reads,
            blind_index=self.blind_index,
            identifiers=self.identifiers,
        )
        self.binding = CustomerBinding(records=self.records, blind_index=self.blind_index, billing=self.billing)
        self.convergence = Convergence.by(
            self.policy,
            records=self.records,
            billing=self.billing,
            inbox=self.inbox,
            customers=self.customers,
            binding=self.binding,
            access=self.access,
            business_time=self.business_time,
        )
        self.finding = Finding(
            billing=self.billing,
            inbox=self.inbox,
            customers=self.customers,
            unnamed=MemoryUnnamedDeliveries(self.tables, self.inbox, self.real_time),
            business_time=self.business_time,
        )
        self.sweeping = Sweeping(
            sweeps=self.sweeps,
            billing=self.billing,
            webhooks=self.webhooks,
            convergence=self.convergence,
            customers=self.customers,
            access=self.access,
            history=self.ledger,
            positions=MemoryPositions(self.ledger),
            business_time=self.business_time,
            customers_per_second=1_000.0,
        )

    def _build_asking(self) -> None:
        """What asks something of the provider, and the janitor behind it."""
        self.return_urls = ReturnUrls(PUBLIC_URL, (PUBLIC_URL, "https://app.example"))
        self.buying = Buying(
            records=self.records, billing=self.billing, binding=self.binding, business_time=self.business_time
        )
        self.checkouts = Checkouts(
            records=self.records,
            billing=self.billing,
            convergence=self.convergence,
            buying=self.buying,
            turns=MemoryCheckoutTurns(self.tables),
            trials=Trials(
                records=self.records,
                reads=MemoryAccountReads(self.ledger, self.tables),
                blind_index=self.blind_index,
                addresses=EmailValidatorAddresses(),
            ),
            intentions=self.intentions,
            access=self.access,
            identifiers=self.identifiers,
            business_time=self.business_time,
            return_urls=self.return_urls,
        )
        self.commands = SubscriptionCommands(
            records=self.records,
            billing=self.billing,
            convergence=self.convergence,
            intentions=self.intentions,
        )
        self.subscriptions = Subscriptions(
            records=self.records,
            billing=self.billing,
            buying=self.buying,
            commands=self.commands,
            access=self.access,
            plans=self.plan_reads,
            listing=MemorySubscriptionReads(self.ledger),
            return_urls=self.return_urls,
            business_time=self.business_time,
        )
        self.refunds = Refunds(
            records=self.records, billing=self.billing, convergence=self.convergence, intentions=self.intentions
        )
        self.janitor = Janitor(
            intentions=self.intentions,
            checkouts=self.checkouts,
            subscriptions=self.commands,
            refunds=self.refunds,
            customers=CustomerDeletions(
                records=self.records,
                billing=self.billing,
                convergence=self.convergence,
                intentions=self.intentions,
                access=self.access,
            ),
        )
        self.duplicates = RefundingDuplicates(
            records=self.records,
            intentions=self.intentions,
            access=self.access,
            history=self.ledger,
            business_time=self.business_time,
        )
        self.after_erasure = AfterErasure(
            records=self.records, intentions=self.intentions, checkouts=self.checkouts, buying=self.buying
        )

    def _build_showing(self) -> None:
        self.captions = Captions(records=self.records, platforms=self.platforms)
        self.videos = Videos(
            records=self.records,
            platforms=self.platforms,
            reads=MemoryCatalogueReads(self.ledger),
            jobs=self.jobs,
            business_time=self.business_time,
            identifiers=self.identifiers,
        )
        self.playback = Playback(
            access=self.access,
            sessions=MemoryPlaySessions(self.tables),
            platforms=self.platforms,
            business_time=self.business_time,
            identifiers=self.identifiers,
        )

        self.platform_tasks = MemoryPlatformTasks(self.real_time)
        self.platform_work = self.work_at(self.platforms)

    def work_at(self, platforms: Platforms) -> PlatformWork:
        """What is asked of these platforms."""
        return PlatformWork(
            records=self.records,
            tasks=self.platform_tasks,
            videos=replace(self.videos, platforms=platforms),
            captions=replace(self.captions, platforms=platforms),
            earlier_uploads=EarlierUploads(records=self.records, platforms=platforms),
        )

    # What has been recorded.

    async def facts(self, *, after: int = 0) -> list[Fact]:
        return [entry.fact async for entry in self.ledger.facts(HistoryFilter(after=after))]

    async def tags(self, *, after: int = 0) -> list[str]:
        return [fact.tag() for fact in await self.facts(after=after)]

    # How stories begin.

    async def registers(self, email: str = "anna@example.com", *, name: str | None = None) -> UUID:
        registered = await self.accounts.register(
            email=email, password=PASSWORD, name=name, cause=Cause("request", "req_register")
        )
        return registered.account.id

    async def sells(self, plan: NewPlan = COOKING) -> UUID:
        if plan.price_id is not None:
            self.billing.has_price(plan.price_id, plan.price, plan.interval)
        return (await self.plans.create(plan, BY_ADMIN)).plan.terms.plan_id

    async def opens_checkout(self, account_id: UUID, plan_id: UUID) -> OpenedCheckout:
        return await self.checkouts.open(
            account_id, plan_id, success_url=None, cancel_url=None, asked=asked_by(account_id)
        )

    async def subscribes(self, account_id: UUID, plan_id: UUID) -> Customer:
        """She goes through the checkout and pays, the provider says so, and that is settled."""
        opened = await self.opens_checkout(account_id, plan_id)
        self.billing.pay(page_of(opened))
        customer = await self.customer_of(account_id)
        await self.hears("checkout.session.completed", customer)
        await self.convergence.settle_waiting()
        return customer

    async def customer_of(self, account_id: UUID) -> Customer:
        account = (await self.records.recall(Account, account_id)).existing()
        return Customer(self.billing.name, account.customers[self.billing.name].bound[0])

    async def hears(self, type: str, customer: Customer, *, telling: SeenSubscription | None = None) -> None:
        """A webhook comes."""
        await self.webhooks.receive(*self.billing.delivery(type, customer.customer_id, telling=telling))

    async def subscription_seen(self, customer: Customer) -> SeenSubscription:
        """The newest subscription as the provider knows it."""
        return (await self.billing.truth_of(customer.customer_id)).subscriptions[0]

    async def shows(self, new: NewVideo) -> UUID:
        """A video from its creation to the catalogue."""
        created = await self.videos.create(new, BY_ADMIN)
        await self.uploads(created.video_id, b"film of bread")
        await self.videos.transcode(created.video_id)
        await self.videos.publish(created.video_id, BY_ADMIN)
        return created.video_id

    async def uploads(self, video_id: UUID, *chunks: bytes) -> None:
        await self.videos.receive_upload(video_id, link_of(video_id), sent(chunks), Cause("request", "req_upload"))

    async def moves_to(self, moment: datetime) -> None:
        await self.business_time.move_to(moment)

    async def janitor_comes(self) -> int:
        """Everybody who asked for something has gone; how many intents the janitor settles."""
        self.real_time.pass_by(timedelta(seconds=HANDS_OFF_SECONDS))
        return await self.janitor.settle_due()


def asked_by(account_id: UUID) -> Asked:
    return Asked(Actor("viewer", str(account_id)), Cause("request", "req_viewer"))


def page_of(opened: OpenedCheckout) -> CheckoutPage:
    return CheckoutPage(opened.url.removeprefix("memory://"), opened.url, opened.expires_at)


async def sent(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
