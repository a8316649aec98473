"""A viewer's own subscription: looked at, and cancelled."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.convergence import Convergence, PriceUnknown
from application.ports.billing import BillingProvider
from application.ports.inbox import Customer
from application.ports.ledger import Position
from application.ports.reads import AccessReads, PlanReads
from application.ports.world import Clock
from application.projections.plans import Offer
from application.recall import Asked, Records
from domain.access.access import ANY_PLAN, Access, decide, judge
from domain.access.prepaid import Bought, bought
from domain.access.standing import Standing, Term
from domain.account.account import Account
from domain.subscription.facts import CancellationRequested
from domain.subscription.subscription import NoSubscription, Subscription, SubscriptionAmbiguous


class MySubscription(msgspec.Struct, frozen=True, kw_only=True):
    """The subscription or the purchase that decides, if there ever was one, and what it gives now."""

    term: Term | Bought | None
    status: str
    """The provider's word for a subscription; of a purchase `active`, or why it is not; or `none`."""
    plan: Offer | None
    access: Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Use cases of subscriptions."""

    records: Records
    billing: BillingProvider
    convergence: Convergence
    access: AccessReads
    plans: PlanReads
    business_time: Clock

    async def mine(self, account_id: UUID) -> MySubscription:
        """Never behind the ledger."""
        now = self.business_time.now()
        standing = await self.access.standing(account_id)
        term = _deciding_term(standing, now)
        plan = await self.plans.plan(term.plan_id) if term else None
        access = decide(standing, ANY_PLAN, now)
        return MySubscription(term=term, status=_status(term, now), plan=plan, access=access)

    async def cancel(
        self, account_id: UUID, *, at_period_end: bool, subscription_id: UUID | None, asked: Asked
    ) -> Position:
        """Record the intent, tell the provider, and record what came of it.

        Raises:
            NoSubscription, SubscriptionAmbiguous, SubscriptionOver, ProviderUnavailable.
        """
        stream = await self._which(account_id, subscription_id)
        key = f"cancel-{self.records.identifiers.new()}"
        requested = await self.records.decide(
            Subscription,
            stream,
            asked,
            lambda it: it.request_cancellation(at_period_end=at_period_end, idempotency_key=key),
        )
        for fact in requested.facts:
            if isinstance(fact, CancellationRequested):
                await self._tell(stream, fact)
        await self._settle(account_id, asked)
        return await self.records.ledger.head()

    async def _which(self, account_id: UUID, subscription_id: UUID | None) -> UUID:
        standing = await self.access.standing(account_id)
        live = [term.subscription_id for term in standing.terms.values() if not term.ended_at] if standing else []
        if subscription_id is not None:
            live = [known for known in live if known == subscription_id]
        if not live:
            raise NoSubscription("There is no live subscription to cancel.")
        if len(live) > 1:
            raise SubscriptionAmbiguous("Several subscriptions are live; name one of them.", subscription_ids=live)
        return live[0]

    async def _tell(self, stream: UUID, intent: CancellationRequested) -> None:
        subscription = (await self.records.recall(Subscription, stream)).existing()
        await self.billing.cancel(
            subscription.provider_reference,
            at_period_end=intent.at_period_end,
            idempotency_key=intent.idempotency_key,
        )

    async def _settle(self, account_id: UUID, asked: Asked) -> None:
        account = (await self.records.recall(Account, account_id)).existing()
        customer = Customer(self.billing.name, account.customers[self.billing.name])
        # What else this customer has at a price that we do not know is the worker's to come back to.
        with suppress(PriceUnknown):
            await self.convergence.settle_now(customer, asked)


def _deciding_term(standing: Standing | None, now: datetime) -> Term | Bought | None:
    """What gives access longest, else what was heard of last."""
    if standing is None:
        return None

    def rank(term: Term | Bought) -> tuple[bool, float, int]:
        verdict = judge(term, now)
        until = verdict.until.timestamp() if verdict.until else 0.0
        return verdict.granted, until, max(fact.position for fact in term.facts.values())

    had: list[Term | Bought] = [*standing.terms.values(), *bought(standing.prepaid)]
    return max(had, key=rank, default=None)


def _status(term: Term | Bought | None, now: datetime) -> str:
    match term:
        case None:
            return "none"
        case Term():
            return term.final_status or term.status
        case Bought():
            return "active" if judge(term, now).granted else term.revoked or "ended"
