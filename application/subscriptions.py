"""A viewer's own subscription: looked at, cancelled, taken up again, changed, and paid for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.buying import Buying, is_open
from application.intentions import SubscriptionIntent
from application.ports.billing import BillingProvider
from application.ports.ledger import Position
from application.ports.reads import AccessReads, PlanReads, SubscriptionReads
from application.ports.world import Clock
from application.projections.plans import Offer
from application.recall import Asked, Records
from application.return_urls import ReturnUrls
from application.subscription_commands import SubscriptionCommands
from domain.access.access import ANY_PLAN, Access, decide, judge, lives, terms_in
from domain.access.prepaid import Bought, bought
from domain.access.standing import Standing, Term
from domain.plan.plan import Plan
from domain.prepaid.facts import PrepaidBought, PrepaidDuplicated
from domain.shared.fact import Fact
from domain.shared.identity import derived_id
from domain.shared.plan_terms import PlanTerms
from domain.subscription.changing import AlreadyOnPlan, PlanDoesNotRenew
from domain.subscription.subscription import NoSubscription, Subscription, SubscriptionAmbiguous


class MySubscription(msgspec.Struct, frozen=True, kw_only=True):
    """The subscription or the purchase that decides, if there ever was one, and what it gives now."""

    term: Term | Bought | None
    status: str
    """The provider's word for a subscription; of a purchase `active`, or why it is not; or `none`."""
    plan: Offer | None
    """As this subscriber has it, at what she pays; whether it is sold today, and its description, are today's."""
    access: Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Use cases of subscriptions. Each command raises as the first, and tells where the ledger stands after it."""

    records: Records
    billing: BillingProvider
    buying: Buying
    commands: SubscriptionCommands
    access: AccessReads
    plans: PlanReads
    listing: SubscriptionReads
    return_urls: ReturnUrls
    business_time: Clock

    async def mine(self, account_id: UUID) -> MySubscription:
        """Never behind the ledger."""
        now = self.business_time.now()
        standing = await self.access.standing(account_id)
        term = _deciding_term(standing, now)
        plan = await self._as_sold(account_id, term) if term else None
        access = decide(standing, ANY_PLAN, now)
        return MySubscription(term=term, status=_status(term, now), plan=plan, access=access)

    async def _as_sold(self, account_id: UUID, term: Term | Bought) -> Offer | None:
        """The plan may be sold at another price today, and give something else."""
        offer = await self.plans.plan(term.plan_id)
        if offer is None:
            return None
        if isinstance(term, Term):
            return _with(offer, (await self.records.recall(Subscription, term.subscription_id)).existing().plan)
        for fact in await self.records.ledger.read(derived_id("prepaid", account_id)):
            if isinstance(fact, PrepaidBought | PrepaidDuplicated) and fact.purchase_id == term.purchase_id:
                return replace(_with(offer, fact.plan), duration_days=fact.duration_days)
        return offer

    async def cancel(
        self, account_id: UUID, *, at_period_end: bool, subscription_id: UUID | None, asked: Asked
    ) -> Position:
        """Record the intent, tell the provider, and record what came of it.

        Raises:
            NoSubscription, SubscriptionAmbiguous, SubscriptionOver, ProviderUnavailable: then the intent is recorded,
            and carried out as soon as the provider answers; ProviderRefused.
        """
        stream = await self._which(account_id, subscription_id)
        key = f"cancel-{asked.new_id('cancel', self.records.identifiers)}"
        return await self._ask(
            account_id,
            stream,
            key,
            lambda it: it.request_cancellation(at_period_end=at_period_end, idempotency_key=key),
            asked,
        )

    async def resume(self, account_id: UUID, *, subscription_id: UUID | None, asked: Asked) -> Position:
        """Take a cancellation back that is to come, or go on after a pause, which is paid for at once.

        While nobody knows what came of it, it is not asked for a second time: however often, it is one request.
        """
        stream = await self._which(account_id, subscription_id)
        key = f"resume-{asked.new_id('resume', self.records.identifiers)}"
        known = (await self.records.recall(Subscription, stream)).existing()
        before = known.wished_by if known.wish == "go_on" else None
        under_way = await self.commands.intentions.intents.find(before) if before else None
        left = under_way.key if under_way and under_way.is_left else key
        carried_out = None if under_way else before
        return await self._ask(
            account_id,
            stream,
            left,
            lambda it: it.request_resumption(idempotency_key=key, carried_out=carried_out),
            asked,
        )

    async def change(self, account_id: UUID, plan_id: UUID, *, subscription_id: UUID | None, asked: Asked) -> Position:
        """To today's price of another plan: an upgrade counts when its difference is paid, a downgrade at once.

        Of a downgrade no money goes back: what is left of the dearer plan is taken off what comes.

        Raises also:
            NotFound, PlanNotForSale, PlanDoesNotRenew, AlreadyOnPlan, CurrencyDiffers, SubscriptionEnding,
            PaymentsPaused, PaymentOutstanding, PaymentWentBack, ChangeUnderWay; SubscriptionMoved.
        """
        stream = await self._which(account_id, subscription_id)
        plan = (await self.records.recall(Plan, plan_id)).existing()
        if plan.terms.interval == "once":
            raise PlanDoesNotRenew("A plan that is bought once cannot be changed to.")
        price_id = plan.price_for_sale(self.billing.name)
        await self._refuse_twice(account_id, stream, plan_id)
        known = (await self.records.recall(Subscription, stream)).existing()
        had = (await self.records.recall(Plan, known.plan.plan_id)).existing()
        before = known.change_asked
        carried_out = None if before and await self._is_under_way(before) else before
        key = f"change-{asked.new_id('change', self.records.identifiers)}"
        return await self._ask(
            account_id,
            stream,
            key,
            lambda it: it.request_change(
                plan=plan.terms, price_id=price_id, prices=had.amounts, idempotency_key=key, carried_out=carried_out
            ),
            asked,
        )

    async def _refuse_twice(self, account_id: UUID, stream: UUID, plan_id: UUID) -> None:
        """Raises AlreadyOnPlan where another live subscription of the account sells the plan."""
        standing = await self.access.standing(account_id)
        terms = standing.terms.values() if standing else ()
        others = [term for term in terms if is_open(term) and term.subscription_id != stream]
        if any(part.plan_id == plan_id for term in others for part in terms_in(term)):
            raise AlreadyOnPlan("Another subscription of this account is to that plan already.")

    async def _is_under_way(self, key: str) -> bool:
        """Whoever asked for it is at it, or has left it to a janitor who has not come yet."""
        intent = await self.commands.intentions.intents.find(key)
        return intent is not None and not intent.is_left

    async def open_portal(self, account_id: UUID, *, return_url: str | None, asked: Asked) -> str:
        """The address of the provider's own page for this customer, good for a short while.

        Raises ReturnUrlNotAllowed, NothingBought, ProviderUnavailable, ProviderRefused.
        """
        back = self.return_urls.own(return_url, otherwise="/")

        async def as_customer(customer_id: str) -> str:
            return await self.billing.open_portal(customer_id, return_url=back)

        return await self.buying.as_customer(account_id, as_customer, asked)

    async def _ask(
        self,
        account_id: UUID,
        stream: UUID,
        key: str,
        decision: Callable[[Subscription], Sequence[Fact]],
        asked: Asked,
    ) -> Position:
        """What is so already is not asked for again; the answer is up to date all the same."""
        requested = await self.commands.intentions.intend(Subscription, stream, asked, decision)
        intents = [fact for fact in requested.facts if isinstance(fact, SubscriptionIntent)]
        for intent in intents:
            await self.commands.carry_out(intent, asked)
        if not intents:
            await self._go_on(account_id, stream, key, asked)
        return await self.records.ledger.head()

    async def _go_on(self, account_id: UUID, stream: UUID, key: str, asked: Asked) -> None:
        """What an earlier try under this key has left; and see how things stand."""
        left, since = await self.commands.intentions.by_key(stream, key)
        if isinstance(left, SubscriptionIntent):
            await self.commands.settle(left, since, asked)
        else:
            await self.commands.converge(account_id, asked)

    async def _which(self, account_id: UUID, subscription_id: UUID | None) -> UUID:
        """The one that is named, else the one that lives; one whose first payment never came only where it is alone."""
        standing = await self.access.standing(account_id)
        live = [term for term in standing.terms.values() if not term.ended_at] if standing else []
        if subscription_id is None:
            live = [term for term in live if term.status != "incomplete"] or live
        else:
            live = [term for term in live if term.subscription_id == subscription_id]
        if not live:
            raise NoSubscription("There is no live subscription.")
        if len(live) > 1:
            ids = [term.subscription_id for term in live]
            raise SubscriptionAmbiguous("Several subscriptions are live; name one of them.", subscription_ids=ids)
        return live[0].subscription_id


def _deciding_term(standing: Standing | None, now: datetime) -> Term | Bought | None:
    """What gives access longest, else what lives, else what was heard of last."""
    if standing is None:
        return None

    def rank(term: Term | Bought) -> tuple[bool, float, bool, int]:
        parts = [*terms_in(term)] if isinstance(term, Term) else [term]
        verdicts = [judge(part, now) for part in parts]
        until = max((verdict.until.timestamp() for verdict in verdicts if verdict.until), default=0.0)
        granted = any(verdict.granted for verdict in verdicts)
        newest = max(fact.position for part in parts for fact in part.facts.values())
        return granted, until, lives(term, now), newest

    had: list[Term | Bought] = [*standing.terms.values(), *bought(standing.prepaid)]
    return max(had, key=rank, default=None)


def _with(offer: Offer, terms: PlanTerms) -> Offer:
    return replace(
        offer,
        name=terms.name,
        amount=terms.price.amount,
        currency=terms.price.currency,
        interval=terms.interval,
        features=terms.features,
        stream_limit=terms.stream_limit,
        max_height=terms.max_height,
    )


def _status(term: Term | Bought | None, now: datetime) -> str:
    match term:
        case None:
            return "none"
        case Term():
            return term.final_status or term.status
        case Bought():
            return "active" if judge(term, now).granted else term.revoked or "ended"
