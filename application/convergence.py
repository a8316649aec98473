"""Convergence: whatever arrived, the provider is asked, and the ledger records how its answer differs."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.errors import ProviderBusy, ProviderUnavailable
from application.our_words import Plans, in_our_words, money_back, sold
from application.ports.billing import BillingProvider, SeenCheckout, SeenSubscription
from application.ports.inbox import Customer, Customers, Inbox, Waiting
from application.ports.ledger import GuardedRow, RowMoved, StreamMoved, UpdateIf
from application.ports.world import Clock
from application.recall import Asked, Recalled, Records
from domain.payment.payment import Payment, ProviderPayment
from domain.plan.plan import Plan
from domain.shared.fact import Actor, Cause, Fact
from domain.shared.identity import derived_id
from domain.subscription.checkout import Checkout
from domain.subscription.subscription import Subscription
from domain.subscription.truth import TERMINAL, BillingPolicy, MoneyBack

log = logging.getLogger(__name__)

RETRY_DELAYS_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
ATTEMPTS = 4
CUSTOMERS_AT_ONCE = 8
# Longer than asking the provider may take.
LEASE_SECONDS = 90.0
LEASE_TRIES = 100
LEASE_PAUSE_SECONDS = 0.05

Decision = tuple[Recalled[object], Sequence[Fact]]


class PriceUnknown(Exception):
    """The provider sells a price that belongs to none of our plans; all else about the customer has been recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """Settles what is known of one customer; any number of workers may do it at once, the last fence wins."""

    records: Records
    billing: BillingProvider
    inbox: Inbox
    customers: Customers
    policy: BillingPolicy
    business_time: Clock

    async def settle_waiting(self, *, limit: int = 50) -> int:
        """Settle the customers whose deliveries are due, several at once, and say how many that were."""
        customers = await self.inbox.customers_waiting(limit=limit)
        at_once = asyncio.Semaphore(CUSTOMERS_AT_ONCE)
        busy: set[str] = set()

        async def settle_one(customer: Customer) -> bool:
            async with at_once:
                if customer.provider in busy:
                    return False
                try:
                    return await self._settle_or_put_off(customer)
                except ProviderBusy as trouble:
                    # No try has failed: nobody's turn came, and the rest need not ask to be told the same.
                    busy.add(customer.provider)
                    await self.inbox.leave_alone(customer.provider, seconds=trouble.retry_after_seconds)
                    return False

        return sum(await asyncio.gather(*map(settle_one, customers)))

    async def _settle_or_put_off(self, customer: Customer) -> bool:
        """False when another worker is asking about this customer."""
        holder = await self.customers.lease(customer, seconds=LEASE_SECONDS)
        if holder is None:
            return False
        try:
            await self._settle_or_note(customer)
        finally:
            await self.customers.release(customer, holder)
        return True

    async def _settle_or_note(self, customer: Customer) -> None:
        try:
            await self.settle(customer)
        except ProviderBusy:
            raise
        except (ProviderUnavailable, PriceUnknown) as trouble:
            log.warning("a customer is put off: %s", trouble, extra={"provider": customer.provider})
            await self.inbox.retry_later(customer, error=str(trouble), delays_seconds=RETRY_DELAYS_SECONDS)
        except Exception as trouble:
            log.exception("a customer could not be settled", extra={"provider": customer.provider})
            await self.inbox.retry_later(customer, error=repr(trouble), delays_seconds=RETRY_DELAYS_SECONDS)

    async def settle_now(self, customer: Customer, asked: Asked) -> None:
        """Settle on behalf of somebody who waits for what came of a command; workers keep away meanwhile.

        Raises:
            As `settle`.
        """
        holder = await self._lease_soon(customer)
        try:
            await self.settle(customer, asked=asked)
        finally:
            if holder is not None:
                await self.customers.release(customer, holder)

    async def _lease_soon(self, customer: Customer) -> UUID | None:
        """A worker that is asking is waited for, for a while; then the fence alone decides whose answer counts."""
        for _ in range(LEASE_TRIES):
            if (holder := await self.customers.lease(customer, seconds=LEASE_SECONDS)) is not None:
                return holder
            await asyncio.sleep(LEASE_PAUSE_SECONDS)
        return None

    async def settle(self, customer: Customer, *, asked: Asked | None = None) -> None:
        """Ask the provider for the truth about this customer, and record the difference.

        Raises:
            ProviderUnavailable; PriceUnknown, with the rest recorded; StreamMoved when others kept writing.
        """
        account_id = await self.customers.account_of(customer)
        if account_id is None:
            await self.inbox.park(customer, why="customer_unknown")
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._ask_and_record(customer, account_id, asked)
            except RowMoved:
                # A newer fence: whoever took it asks after us, so its answer is the better one. But somebody who
                # waits for what came of a command must see it recorded, so then we ask once more.
                if asked is None or attempt == ATTEMPTS:
                    return
            except StreamMoved:
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    async def _ask_and_record(self, customer: Customer, account_id: UUID, asked: Asked | None) -> None:
        """The fence first, then what is waiting, then the question: the answer settles all that came before it."""
        epoch = await self.customers.take_fence(customer)
        waiting = await self.inbox.waiting(customer)
        truth = await self.billing.truth_of(customer.customer_id)
        plans = await self._plans(customer.provider, truth.subscriptions)
        unknown = [seen for seen in truth.subscriptions if seen.status not in TERMINAL and not sold(seen, plans)]
        heard_at = self._heard_at(waiting)
        decisions = [
            *[
                await self._subscription(
                    seen, plans, money_back(seen, truth.payments, heard_at), customer, account_id, heard_at
                )
                for seen in reversed(truth.subscriptions)
            ],
            *[await self._payment(seen, account_id) for seen in reversed(truth.payments)],
            *[await self._checkout(seen) for seen in reversed(truth.checkouts)],
        ]
        asked = asked or self._asked_by(customer, waiting)
        settled = () if unknown else waiting
        await self.records.append(asked, *decisions, rows=self._rows(customer, epoch, settled))
        if unknown:
            price_id = unknown[0].first.price_id
            raise PriceUnknown(f"{customer.provider} sells {price_id}, which belongs to no plan")

    async def _plans(self, provider: str, subscriptions: Sequence[SeenSubscription]) -> Plans:
        """The plans that the prices belong to, by the prices' ids; a price of no plan is not among them."""
        prices = {item.price_id for seen in subscriptions for item in seen.items}
        known = {price_id: await self.customers.plan_of_price(provider, price_id) for price_id in sorted(prices)}
        return {
            price_id: (await self.records.recall(Plan, plan_id)).existing().terms
            for price_id, plan_id in known.items()
            if plan_id
        }

    async def _subscription(
        self,
        seen: SeenSubscription,
        plans: Plans,
        back: tuple[MoneyBack, ...],
        customer: Customer,
        account_id: UUID,
        heard_at: datetime,
    ) -> Decision:
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

    def _heard_at(self, waiting: Sequence[Waiting]) -> datetime:
        """When the provider last spoke, which is nearer to what happened than when we came to listen."""
        now = self.business_time.now()
        return min(now, max((delivery.created_at for delivery in waiting), default=now))

    async def _payment(self, seen: ProviderPayment, account_id: UUID) -> Decision:
        stream = derived_id("payment", seen.provider, seen.reference)
        recalled = await self.records.recall(Payment, stream)
        now = self.business_time.now()
        return recalled, Payment.observe(recalled.state, seen, payment_id=stream, account_id=account_id, now=now)

    async def _checkout(self, seen: SeenCheckout) -> Decision:
        recalled = await self.records.recall(Checkout, seen.checkout_id)
        if recalled.state is None or seen.status == "open":
            return recalled, ()
        if seen.status == "completed":
            return recalled, recalled.state.complete(provider_reference=seen.reference)
        return recalled, recalled.state.expire(provider_reference=seen.reference)

    def _asked_by(self, customer: Customer, waiting: Sequence[Waiting]) -> Asked:
        """The newest delivery is the cause; with none waiting it was a sweep."""
        actor = Actor("provider", customer.provider)
        return Asked(actor, Cause("webhook", waiting[-1].event_id) if waiting else Cause("sweep", customer.provider))

    def _rows(self, customer: Customer, epoch: int, waiting: Sequence[Waiting]) -> list[GuardedRow]:
        key = {"provider": customer.provider, "customer_id": customer.customer_id, "epoch": epoch}
        rows: list[GuardedRow] = [UpdateIf("customer_fences", where=key, values={"epoch": epoch})]
        if waiting:
            rows.append(
                UpdateIf(
                    "inbox",
                    where={"id": [delivery.id for delivery in waiting]},
                    values={"status": "done", "settled_at": self.business_time.now(), "error": None},
                    required=False,
                )
            )
        return rows
