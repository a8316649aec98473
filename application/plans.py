"""Plans: made, priced at the payment provider, changed, withdrawn, shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from application.errors import NotFound, ProviderRefused
from application.our_words import belongs_to_no_plan
from application.ports.billing import BillingProvider, SeenPrice
from application.ports.ledger import GuardedRow, Insert, Position, RowTaken, UpdateIf
from application.ports.reads import PlanReads
from application.ports.secrets import BlindIndex
from application.ports.world import Identifiers
from application.projections.plans import Offer
from application.recall import Asked, Recalled, Records, again_when_moved
from domain.plan.plan import Plan, PlanDetails, PlanFact, PriceBound, PriceDoesNotMatch, PriceRequested
from domain.shared.fact import Refusal
from domain.shared.money import Money
from domain.shared.plan_terms import Interval, PlanTerms


class PriceTaken(Refusal):
    """The provider's price belongs to another plan already."""


class NewPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a new plan; `price_id` binds a price that the provider has already."""

    name: str
    description: str = ""
    price: Money
    interval: Interval
    features: tuple[str, ...] = ()
    trial_days: int = 0
    duration_days: int | None = None
    stream_limit: int | None = None
    max_height: int | None = None
    price_id: str | None = None


class PlanChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says anew; what is left out stays. How often it is paid, and for how long, never changes.

    `price` has the provider make another price, unless `price_id` names one that it has: that is sold from now on.
    """

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    features: tuple[str, ...] | UnsetType = UNSET
    trial_days: int | UnsetType = UNSET
    stream_limit: int | UnsetType | None = UNSET
    max_height: int | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    price: Money | UnsetType = UNSET
    price_id: str | UnsetType = UNSET

    def details(self, before: PlanDetails) -> PlanDetails:
        given = {name: getattr(self, name) for name in PlanDetails.__struct_fields__}
        after = replace(before, **{name: value for name, value in given.items() if value is not UNSET})
        return replace(after, features=tuple(dict.fromkeys(after.features)))


class PricedPlan(msgspec.Struct, frozen=True):
    """A plan as it is shown to admins, and where the ledger stands."""

    plan: Plan
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Use cases of plans."""

    records: Records
    billing: BillingProvider
    reads: PlanReads
    blind_index: BlindIndex
    identifiers: Identifiers

    async def create(self, new: NewPlan, asked: Asked) -> PricedPlan:
        """Record the plan and the wish for a price, have the provider make it, and bind it.

        Raises:
            PrepaidHasNoTrial, PrepaidNeedsDuration, PriceDoesNotMatch, PriceTaken: nothing is recorded.
            ProviderUnavailable: with a price given, nothing is; else the plan is, sold once the provider answers.
            ProviderRefused: the same, but that it is not sold until it gets another price.
        """
        plan_id = asked.new_id("plan", self.identifiers)
        if asked.seed and (await self.records.recall(Plan, plan_id)).state is not None:
            await self.settle_price(plan_id, asked)
            return await self._priced(plan_id)
        terms = PlanTerms(
            plan_id=plan_id,
            name=new.name,
            price=new.price,
            interval=new.interval,
            features=tuple(dict.fromkeys(new.features)),
            stream_limit=new.stream_limit,
            max_height=new.max_height,
        )
        made = Plan.create(
            terms, description=new.description, trial_days=new.trial_days, duration_days=new.duration_days
        )
        plan = Plan.evolve(None, made[0])
        if new.price_id is not None:
            seen = await self._price_given(new.price_id, plan, new.price)
            priced = plan.bind_price(provider=self.billing.name, price_id=new.price_id, price=seen.price)
        else:
            key = f"price-{terms.plan_id}"
            priced = plan.request_price(provider=self.billing.name, price=new.price, idempotency_key=key)
        await self._append(Recalled(terms.plan_id, None, 0), [*made, *priced], asked)
        if new.price_id is None:
            await self.settle_price(terms.plan_id, asked)
        return await self._priced(terms.plan_id)

    async def change(self, plan_id: UUID, change: PlanChange, asked: Asked) -> PricedPlan:
        """Record what is new of it, all or nothing; then have the provider make the price that it is to get.

        Of two changes at once both count; of two new prices the one that was asked for last. The price that it has is
        made anew where the provider does not sell at it any more.

        Raises:
            NotFound, PrepaidHasNoTrial, PriceDoesNotMatch, PriceTaken, StreamMoved: nothing is recorded.
            ProviderUnavailable, ProviderRefused: with a price named, or that which it has, nothing is; else all but
                the new price.
        """
        key = f"price-{plan_id}-{self.identifiers.new()}"
        plan = await self._plan(plan_id)
        seen = None if change.price_id is UNSET else await self._price_given(change.price_id, plan, change.price)
        gone = await self._gone(plan) if seen is None and change.price == plan.terms.price else None
        await self._decide(plan_id, asked, lambda plan: self._changes(plan, change, seen, gone, key))
        if seen is None and change.price is not UNSET:
            await self.settle_price(plan_id, asked)
        return await self._priced(plan_id)

    async def _gone(self, plan: Plan) -> str | None:
        """The price id that it is sold at, if the provider does not sell at it any more."""
        if (sold := plan.sold_at(self.billing.name)) is None:
            return None
        try:
            await self.billing.price(sold)
        except ProviderRefused:
            return sold
        return None

    async def _price_given(self, price_id: str, plan: Plan, price: Money | UnsetType) -> SeenPrice:
        """What the ledger says of a price must be what buyers pay."""
        seen = await self.billing.price(price_id)
        if seen.interval != plan.terms.interval or price not in {UNSET, seen.price}:
            raise PriceDoesNotMatch(f"{self.billing.name} sells {price_id} at {seen.price} ({seen.interval}).")
        return seen

    def _changes(
        self, plan: Plan, change: PlanChange, seen: SeenPrice | None, gone: str | None, key: str
    ) -> list[PlanFact]:
        facts = plan.revise(change.details(plan.details))
        if change.active is not UNSET:
            facts += plan.sell(active=change.active)
        if seen is not None and change.price_id is not UNSET:
            facts += plan.bind_price(provider=self.billing.name, price_id=change.price_id, price=seen.price)
        elif change.price is not UNSET:
            facts += plan.request_price(provider=self.billing.name, price=change.price, idempotency_key=key, gone=gone)
        return facts

    async def _priced(self, plan_id: UUID) -> PricedPlan:
        return PricedPlan(await self._plan(plan_id), await self.records.ledger.head())

    async def settle_price(self, plan_id: UUID, asked: Asked) -> None:
        """Have the provider make the price that waits for it; done again with the same key, nothing is made twice.

        Raises:
            NotFound, ProviderUnavailable; ProviderRefused, which is recorded, so that nobody asks for it again.
        """
        plan = await self._plan(plan_id)
        request = plan.requested.get(self.billing.name)
        if request is None:
            return
        try:
            price_id = await self._made(plan, request)
        except ProviderRefused as refused:
            reason = str(refused)
            await self._decide(plan_id, asked, lambda plan: plan.refuse_price(request, reason))
            raise
        await self._decide(plan_id, asked, lambda plan: plan.fulfil_price(request, price_id))

    async def _made(self, plan: Plan, request: PriceRequested) -> str:
        return await self.billing.create_price(
            plan_id=plan.terms.plan_id,
            name=plan.terms.name,
            price=request.price,
            interval=plan.terms.interval,
            beside=plan.sold_at(self.billing.name),
            idempotency_key=request.idempotency_key,
        )

    async def _decide(self, plan_id: UUID, asked: Asked, decision: Callable[[Plan], Sequence[PlanFact]]) -> None:
        async def once() -> None:
            recalled = await self.records.recall(Plan, plan_id)
            await self._append(recalled, decision(recalled.existing()), asked)

        await again_when_moved(once)

    async def _append(self, recalled: Recalled[Plan], facts: Sequence[PlanFact], asked: Asked) -> None:
        """With a claim on each price that is new to the plan: it sells this one alone."""
        known = recalled.state.prices.get(self.billing.name, ()) if recalled.state else ()
        new = [fact.price_id for fact in facts if isinstance(fact, PriceBound) and fact.price_id not in known]
        rows: list[GuardedRow] = [row for id in new for row in (self._claim(id, recalled.stream), self._due(id))]
        try:
            await self.records.append(asked, (recalled, facts), rows=rows)
        except RowTaken:
            raise PriceTaken(f"The price {', '.join(new)} belongs to another plan.") from None

    def _claim(self, price_id: str, plan_id: UUID) -> Insert:
        kind = f"{self.billing.name}_price"
        return Insert("claims", {"kind": kind, "blind_index": self.blind_index.of(kind, price_id), "owner": plan_id})

    def _due(self, price_id: str) -> UpdateIf:
        """What was sold at this price before anybody knew of which plan it is."""
        why = belongs_to_no_plan(self.billing.name, price_id)
        parked = {"provider": self.billing.name, "status": "parked", "error": why}
        return UpdateIf("inbox", where=parked, values={"status": "received"}, required=False)

    async def _plan(self, plan_id: UUID) -> Plan:
        return (await self.records.recall(Plan, plan_id)).existing()

    async def page(self, *, before: int | None, limit: int) -> Sequence[Offer]:
        """What may be bought today, newest first."""
        return await self.reads.page(before=before, limit=limit)

    async def offer(self, plan_id: UUID) -> Offer:
        """Raises NotFound."""
        if (offer := await self.reads.plan(plan_id)) is None:
            raise NotFound
        return offer
