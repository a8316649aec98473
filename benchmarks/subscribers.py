"""The facts that are appended: subscribers whose subscriptions are renewed, again and again."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from application.ports.ledger import UpdateIf, Write
from domain.account.account import AccountRegistered
from domain.shared.fact import Actor, Cause
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import SubscriptionRenewed, SubscriptionStarted

STARTED = datetime(2027, 3, 1, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
LEASE = timedelta(days=2)

STRIPE = Actor(kind="provider", id="stripe")
WEBHOOK = Cause(kind="webhook", id="evt_1QAbCdEfGhIjKlMnOpQrStUv")

COOKING = PlanTerms(
    plan_id=UUID("00000000-0000-4000-8000-00000000c00c"),
    name="Cooking",
    price=Money(999, "USD"),
    interval="month",
    features=("hd", "sd"),
)


@dataclass
class Subscriber:
    """One account with one subscription; `version` counts the facts of the subscription's stream."""

    version: int
    account_id: UUID = field(default_factory=uuid4)
    subscription_id: UUID = field(default_factory=uuid4)

    def joins(self) -> tuple[Write, Write]:
        """The beginning that a renewal needs in the access read model."""
        registered = AccountRegistered(
            fact_id=uuid4(), account_id=self.account_id, email="anna@example.com", name="Anna", role="viewer"
        )
        return Write(self.account_id, 0, [registered]), Write(self.subscription_id, 0, [self._started()])

    @property
    def customer_id(self) -> str:
        return f"cus_{self.account_id.hex}"

    def fence(self) -> UpdateIf:
        """The row by which the worker makes sure that nobody else settles this customer."""
        key = {"provider": "stripe", "customer_id": self.customer_id, "epoch": 1}
        return UpdateIf("customer_fences", where=key, values={"epoch": 1})

    def _started(self) -> SubscriptionStarted:
        return SubscriptionStarted(
            fact_id=uuid4(),
            actor=STRIPE,
            cause=WEBHOOK,
            account_id=self.account_id,
            subscription_id=self.subscription_id,
            provider="stripe",
            provider_reference="sub_1QAbCdEfGhIjKlMnOpQrStUv",
            customer_id=self.customer_id,
            plan=COOKING,
            price_id="price_1QAbCdEfGhIjKlMnOpQrStUv",
            status="active",
            started_at=STARTED,
            period_start=STARTED,
            period_end=STARTED + MONTH,
            trial_end=None,
            ends_at=None,
            lease_until=STARTED + MONTH + LEASE,
        )

    def renews(self) -> SubscriptionRenewed:
        """The next fact: about 530 bytes of JSON."""
        ended = STARTED + MONTH
        return SubscriptionRenewed(
            fact_id=uuid4(),
            actor=STRIPE,
            cause=WEBHOOK,
            account_id=self.account_id,
            subscription_id=self.subscription_id,
            period_start=ended,
            period_end=ended + MONTH,
            before_period_end=ended,
            lease_until=ended + MONTH + LEASE,
            trial_end=None,
        )
