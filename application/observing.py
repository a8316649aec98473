"""What one word of the provider's means for one stream of the ledger: the facts that are missing on it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from application.money_for_items import money_back_at_once
from application.our_words import Plans, held_up, in_our_words
from application.ports.billing import CustomerTruth, PaidAtOnce, SeenCheckout, SeenPurchase, SeenSubscription
from application.ports.inbox import Customer, Customers
from application.ports.reads import AccessReads
from application.ports.world import Clock
from application.recall import Recalled, Records
from domain.access.standing import Standing
from domain.payment.payment import Payment
from domain.payment.truth import ProviderPayment
from domain.plan.plan import Plan
from domain.prepaid.facts import PrepaidBought, PrepaidDuplicated
from domain.prepaid.prepaid import PaidPurchase, Prepaid, Purchase, Revocation
from domain.shared.fact import Fact
from domain.shared.identity import derived_id
from domain.shared.plan_terms import PlanTerms
from domain.subscription.checkout import Checkout
from domain.subscription.subscription import Subscription
from domain.subscription.truth import BillingPolicy

log = logging.getLogger(__name__)

Decision = tuple[Recalled[object], Sequence[Fact]]


@dataclass(frozen=True, slots=True)
class Bought:
    """What was bought for a number of days, and the money for it."""

    purchase_id: UUID
    plan: PlanTerms
    duration_days: int
    paid: PaidAtOnce


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """Recalls what the ledger holds, and compares; nothing is recorded."""

    records: Records
    customers: Customers
    access: AccessReads
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
        payments: Sequence[ProviderPayment] | None,
        customer: Customer,
        account_id: UUID,
        heard_at: datetime,
    ) -> Decision:
        """No facts of one that is held up; `payments` as `in_our_words` takes them."""
        stream = derived_id("subscription", customer.provider, seen.reference)
        recalled = await self.records.recall(Subscription, stream)
        now = self.business_time.now()
        truth = in_our_words(
            seen, plans, payments, recalled.state, customer, policy=self.policy, heard_at=heard_at, now=now
        )
        if truth is None or held_up(seen, plans):
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

    async def others(self, subscriptions: Sequence[Decision], standing: Standing | None) -> list[Decision]:
        """The account's other live ones: those of its other customers, and what the provider lists no more."""
        live = {term.subscription_id for term in standing.terms.values() if term.ended_at is None} if standing else ()
        own = {recalled.stream for recalled, _ in subscriptions}
        return [(await self.records.recall(Subscription, stream), ()) for stream in sorted(live) if stream not in own]

    async def payment(self, seen: ProviderPayment, account_id: UUID) -> Decision:
        stream = derived_id("payment", seen.provider, seen.reference)
        recalled = await self.records.recall(Payment, stream)
        now = self.business_time.now()
        return recalled, Payment.observe(recalled.state, seen, payment_id=stream, account_id=account_id, now=now)

    async def bought_before(self, account_id: UUID, provider: str) -> list[Bought]:
        """What is on the ledger as bought there for a number of days, with the payment that it was paid by."""
        return [
            Bought(fact.purchase_id, fact.plan, fact.duration_days, PaidAtOnce(fact.payment_reference, fact.paid_at))
            for fact in await self.records.ledger.read(derived_id("prepaid", account_id))
            if isinstance(fact, PrepaidBought | PrepaidDuplicated) and fact.provider == provider
        ]

    async def prepaid(
        self,
        truth: CustomerTruth,
        earlier: Sequence[Bought],
        customer: Customer,
        account_id: UUID,
        heard_at: datetime,
    ) -> Decision:
        """All that an account has bought for a number of days: its purchases lie one after another.

        `earlier` is what is known of them and not listed, whose payments are in the truth.
        """
        stream = derived_id("prepaid", account_id)
        seen_here = [await self._bought_here(checkout, account_id) for checkout in truth.checkouts]
        here = [one for one in seen_here if one is not None]
        if not (here or truth.purchases or earlier):
            return Recalled(stream, None, 0), ()
        recalled = await self.records.recall(Prepaid, stream)
        known = recalled.state.purchases if recalled.state else {}
        bought = [
            *here,
            *[one for seen in truth.purchases for one in await self._bought_elsewhere(seen, customer.provider, known)],
            *earlier,
        ]
        paid = [self._purchase(one, truth.payments, customer.provider, heard_at) for one in bought]
        facts = Prepaid.observe(recalled.state, paid, account_id=account_id, now=heard_at)
        for fact in facts:
            if isinstance(fact, PrepaidDuplicated):
                log.warning("something was paid for twice", extra={"account": str(account_id)})
        return recalled, facts

    async def _bought_here(self, seen: SeenCheckout, account_id: UUID) -> Bought | None:
        """None of a checkout that is not paid, or begins a subscription, or is not ours or not this account's."""
        if seen.paid is None:
            return None
        checkout = (await self.records.recall(Checkout, seen.checkout_id)).state
        if checkout is None or checkout.account_id != account_id:
            return None
        plan = (await self.records.recall(Plan, checkout.plan.plan_id)).existing()
        if plan.duration_days is None:
            return None
        return Bought(checkout.id, checkout.plan, plan.duration_days, seen.paid)

    async def _bought_elsewhere(
        self, seen: SeenPurchase, provider: str, known: Mapping[UUID, Purchase]
    ) -> Iterable[Bought]:
        """The days of each plan of ours that it sold, as often as that was sold: a purchase each, of one payment."""
        bought: dict[UUID, Bought] = {}
        for one in seen.sold:
            plan_id = await self.customers.plan_of_price(provider, one.price_id)
            plan = (await self.records.recall(Plan, plan_id)).existing() if plan_id else None
            if plan is None or plan.duration_days is None:
                continue
            own, more = plan.terms.plan_id, plan.duration_days * one.quantity
            new = Bought(
                _purchase_id(seen, provider, own, known), replace(plan.terms, price=one.price), more, seen.paid
            )
            bought[own] = new if own not in bought else _together(bought[own], new)
        return bought.values()

    def _purchase(
        self, bought: Bought, payments: Sequence[ProviderPayment], provider: str, heard_at: datetime
    ) -> PaidPurchase:
        return PaidPurchase(
            purchase_id=bought.purchase_id,
            provider=provider,
            payment_reference=bought.paid.payment_reference,
            plan=bought.plan,
            duration_days=bought.duration_days,
            paid_at=bought.paid.paid_at or heard_at,
            revoked=self._revocation(bought.paid, payments, heard_at),
            refund_duplicate=self.policy.double_checkout == "refund_newer",
        )

    def _revocation(
        self, paid: PaidAtOnce, payments: Sequence[ProviderPayment], heard_at: datetime
    ) -> Revocation | None:
        own = next((payment for payment in payments if payment.reference == paid.payment_reference), None)
        back = money_back_at_once(own, self.policy.revokes, heard_at) if own is not None else None
        return Revocation(back.why, back.since) if back is not None else None

    async def checkout(self, seen: SeenCheckout) -> Decision:
        recalled = await self.records.recall(Checkout, seen.checkout_id)
        if recalled.state is None:
            return recalled, ()
        if seen.status == "open":
            return recalled, _opened(recalled.state, seen)
        if seen.status == "completed":
            return recalled, recalled.state.complete(provider_reference=seen.reference)
        return recalled, recalled.state.expire(provider_reference=seen.reference)


def _purchase_id(seen: SeenPurchase, provider: str, plan_id: UUID, known: Mapping[UUID, Purchase]) -> UUID:
    """Of what a page sold there was one purchase once, of the first plan; that one keeps its id."""
    first = derived_id("purchase", provider, seen.reference)
    if first in known and known[first].plan_id == plan_id:
        return first
    return derived_id("purchase", provider, seen.reference, str(plan_id))


def _together(one: Bought, other: Bought) -> Bought:
    """The same plan at two of its prices."""
    price = replace(one.plan.price, amount=one.plan.price.amount + other.plan.price.amount)
    return replaced(one, plan=replace(one.plan, price=price), duration_days=one.duration_days + other.duration_days)


def _opened(checkout: Checkout, seen: SeenCheckout) -> Sequence[Fact]:
    """One whose opening nobody has heard of."""
    page = seen.page
    return checkout.open(provider_reference=page.reference, url=page.url, expires_at=page.expires_at) if page else ()
