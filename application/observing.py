"""What one word of the provider's means for one stream of the ledger: the facts that are missing on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.our_words import Plans, in_our_words
from application.ports.billing import SeenCheckout, SeenSubscription
from application.ports.inbox import Customer, Customers
from application.ports.world import Clock
from application.recall import Recalled, Records
from domain.payment.payment import Payment, ProviderPayment
from domain.plan.plan import Plan
from domain.shared.fact import Fact
from domain.shared.identity import derived_id
from domain.subscription.checkout import Checkout
from domain.subscription.subscription import Subscription
from domain.subscription.truth import BillingPolicy, MoneyBack

Decision = tuple[Recalled[object], Sequence[Fact]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """Recalls what the ledger holds, and compares; nothing is recorded."""

    records: Records
    customers: Customers
    policy: BillingPolicy
    business_time: Clock

    async def plans_of(self, provider: str, subscriptions: Sequence[SeenSubscription]) -> Plans:
        """The plans that the prices belong to, by the prices' ids; a price of no plan is not among them."""
        prices = {item.price_id for seen in subscriptions for item in seen.items}
        known = {price_id: await self.customers.plan_of_price(provider, price_id) for price_id in sorted(prices)}
        return {
            price_id: (await self.records.recall(Plan, plan_id)).existing().terms
            for price_id, plan_id in known.items()
            if plan_id
        }

    async def subscription(
        self,
        seen: SeenSubscription,
        plans: Plans,
        back: tuple[MoneyBack, ...] | None,
        customer: Customer,
        account_id: UUID,
        heard_at: datetime,
    ) -> Decision:
        """`back` None: nothing is known of where the money is, and what was known of it stays."""
        stream = derived_id("subscription", customer.provider, seen.reference)
        recalled = await self.records.recall(Subscription, stream)
        truth = in_our_words(seen, plans, back, recalled.state, customer)
        if truth is None:
            return recalled, ()
        facts = Subscription.observe(
            recalled.state,
            truth,
            subscription_id=stream,
            account_id=account_id,
            policy=self.policy,
            now=heard_at,
        )
        return recalled, facts

    async def payment(self, seen: ProviderPayment, account_id: UUID) -> Decision:
        stream = derived_id("payment", seen.provider, seen.reference)
        recalled = await self.records.recall(Payment, stream)
        now = self.business_time.now()
        return recalled, Payment.observe(recalled.state, seen, payment_id=stream, account_id=account_id, now=now)

    async def checkout(self, seen: SeenCheckout) -> Decision:
        recalled = await self.records.recall(Checkout, seen.checkout_id)
        if recalled.state is None or seen.status == "open":
            return recalled, ()
        if seen.status == "completed":
            return recalled, recalled.state.complete(provider_reference=seen.reference)
        return recalled, recalled.state.expire(provider_reference=seen.reference)
