"""Alice at the till of a payment provider, in memory or at the simulated Stripe, for the suites that run on both."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from adapters.memory.billing import MemoryBilling
from adapters.memory.clock import MemoryClock
from adapters.stripe.billing import StripeBilling
from application.ports.billing import BillingProvider, CheckoutPage, CustomerTruth, SeenSubscription
from domain.payment.truth import ProviderPayment
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from tests.adapters.stripe.faulty import Headlong
from tests.adapters.stripe.simulated import WEBHOOK_SECRET, SimulatedStripe, simulated_stripe

ALICE = UUID("a11ce000-0000-4000-8000-000000000001")
CHECKOUT = UUID("c0ffee00-0000-4000-8000-000000000001")
PLAN = UUID("9a1d0000-0000-4000-8000-000000000001")
NOW = MemoryClock().now()

News = tuple[bytes, dict[str, str]]


class World(Protocol):
    """What happens outside of us: viewers pay or cannot, and the provider sends news."""

    def pay(self, page: CheckoutPage) -> None: ...

    def decline_the_card_of(self, customer_id: str) -> None: ...

    def pause(self, customer_id: str, seen: SeenSubscription) -> None: ...

    def sell_beside(self, customer_id: str, seen: SeenSubscription, price_id: str) -> None: ...

    def end_on(self, customer_id: str, seen: SeenSubscription, ends_at: datetime) -> None: ...

    def delivery(self, type: str, customer_id: str | None) -> News: ...


class MemoryWorld:
    """Around the provider in memory."""

    def __init__(self, billing: MemoryBilling) -> None:
        self._billing = billing
        self.pay, self.delivery = billing.pay, billing.delivery

    def decline_the_card_of(self, customer_id: str) -> None:
        self._billing.declined.add(customer_id)

    def pause(self, customer_id: str, seen: SeenSubscription) -> None:
        self._billing.tell(customer_id, replace(seen, status="paused"))

    def sell_beside(self, customer_id: str, seen: SeenSubscription, price_id: str) -> None:
        beside = replace(seen.first, reference="si_beside", price_id=price_id)
        self._billing.tell(customer_id, replace(seen, items=(*seen.items, beside)))

    def end_on(self, customer_id: str, seen: SeenSubscription, ends_at: datetime) -> None:
        self._billing.tell(customer_id, replace(seen, ends_at=ends_at))


@dataclass(frozen=True)
class StripeWorld:
    """Around the simulated Stripe."""

    simulated: SimulatedStripe

    def pay(self, page: CheckoutPage) -> None:
        self.simulated.pay(page.url)

    def decline_the_card_of(self, customer_id: str) -> None:
        self.simulated.decline_the_card_of(customer_id)

    def pause(self, customer_id: str, seen: SeenSubscription) -> None:
        self.simulated.create(f"subscriptions/{seen.reference}/pause", type="subscription")

    def sell_beside(self, customer_id: str, seen: SeenSubscription, price_id: str) -> None:
        self.simulated.create(f"subscriptions/{seen.reference}", **{"items[0][price]": price_id})

    def end_on(self, customer_id: str, seen: SeenSubscription, ends_at: datetime) -> None:
        self.simulated.create(f"subscriptions/{seen.reference}", cancel_at=f"{ends_at.timestamp():.0f}")

    def delivery(self, type: str, customer_id: str | None) -> News:
        event = {"id": "evt_1", "type": type, "created": int(NOW.timestamp()), "livemode": False}
        body = json.dumps(event | {"data": {"object": {"object": "invoice", "customer": customer_id}}}).encode()
        signed = b"%d." % NOW.timestamp() + body
        signature = hmac.new(WEBHOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
        return body, {"stripe-signature": f"t={NOW.timestamp():.0f},v1={signature}"}


@dataclass(frozen=True)
class Till:
    """Alice at the till."""

    billing: BillingProvider
    world: World

    async def price(self, interval: Interval = "month", key: str = "gold", amount: int = 999) -> str:
        return await self.billing.create_price(
            plan_id=PLAN, name="Gold", price=Money(amount, "USD"), interval=interval, idempotency_key=key
        )

    async def customer(self) -> str:
        return await self.billing.create_customer(
            account_id=ALICE, email="alice@example.com", idempotency_key="customer"
        )

    async def page(self, price_id: str, *, recurring: bool = True, trial_days: int = 0, key: str = "1") -> CheckoutPage:
        return await self.billing.open_checkout(
            checkout_id=CHECKOUT,
            account_id=ALICE,
            customer_id=await self.customer(),
            price_id=price_id,
            recurring=recurring,
            trial_days=trial_days,
            success_url="http://127.0.0.1:1/welcome",
            cancel_url="http://127.0.0.1:1/plans",
            idempotency_key=f"checkout-{key}",
        )

    async def truth(self) -> CustomerTruth:
        return await self.billing.truth_of(await self.customer())

    async def subscribed(self, *, trial_days: int = 0) -> SeenSubscription:
        self.world.pay(await self.page(await self.price(), trial_days=trial_days))
        return await self.subscription()

    async def subscription(self) -> SeenSubscription:
        [only] = (await self.truth()).subscriptions
        return only

    async def payment(self) -> ProviderPayment:
        [only] = (await self.truth()).payments
        return only


@asynccontextmanager
async def till_of(provider: str, folder: Path) -> AsyncIterator[Till]:
    """The provider is `memory` or `stripe`; its clock stands still."""
    if provider == "memory":
        memory = MemoryBilling(MemoryClock())
        yield Till(memory, MemoryWorld(memory))
        return
    with simulated_stripe(folder, NOW) as simulated:
        billing = StripeBilling(
            "sk_test_x", [WEBHOOK_SECRET], api_base=simulated.api_base, livemode=False, pace=Headlong()
        )
        yield Till(billing, StripeWorld(simulated))
        await billing.close()
