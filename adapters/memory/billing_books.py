"""What the payment provider in memory knows, and what its webhooks say."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.ports.billing import SeenCheckout, SeenPurchase, SeenSubscription
from domain.payment.truth import ProviderPayment
from domain.shared.money import Money
from domain.shared.plan_terms import Interval

PERIODS = {"month": timedelta(days=30), "year": timedelta(days=365), "once": timedelta(0)}

Seen = SeenSubscription | ProviderPayment | SeenCheckout | SeenPurchase


class Event(msgspec.Struct, frozen=True):
    """What this provider's webhooks say."""

    id: str
    type: str
    customer_id: str | None
    created_at: datetime
    about: str | None = None
    telling: SeenSubscription | None = None


@dataclass(frozen=True)
class Price:
    price: Money
    interval: Interval
    product: str = ""


@dataclass(frozen=True)
class OpenCheckout:
    """What is sold on a page that is not paid yet."""

    checkout_id: UUID
    customer_id: str
    price_id: str
    trial_days: int


@dataclass
class Known:
    """One customer's things by their references, the oldest first; and the account that it was made for."""

    account_id: UUID | None = None
    subscriptions: dict[str, SeenSubscription] = field(default_factory=dict[str, SeenSubscription])
    payments: dict[str, ProviderPayment] = field(default_factory=dict[str, ProviderPayment])
    checkouts: dict[str, SeenCheckout] = field(default_factory=dict[str, SeenCheckout])
    purchases: dict[str, SeenPurchase] = field(default_factory=dict[str, SeenPurchase])

    def owes(self, reference: str) -> bool:
        """Something for this subscription."""
        payments = self.payments.values()
        return any(one.status == "failed" and one.subscription_reference == reference for one in payments)


def anew(seen: SeenSubscription, interval: Interval, now: datetime) -> SeenSubscription:
    """It goes on, with a period of its first item that begins now."""
    return replace(selling(seen, period_start=now, period_end=now + PERIODS[interval]), status="active")


def selling(seen: SeenSubscription, **changes: Any) -> SeenSubscription:
    """The same subscription with another first item."""
    return replace(seen, items=(replace(seen.first, **changes), *seen.items[1:]))
