"""Plans: made, priced at the payment provider, shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from application.errors import NotFound
from application.our_words import belongs_to_no_plan
from application.ports.billing import BillingProvider
from application.ports.ledger import GuardedRow, Insert, Position, RowTaken, UpdateIf
from application.ports.reads import PlanReads
from application.ports.secrets import BlindIndex
from application.ports.world import Identifiers
from application.projections.plans import Offer
from application.recall import Asked, Recalled, Records, again_when_moved
from domain.plan.plan import Plan, PlanFact, PriceDoesNotMatch
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


class CreatedPlan(msgspec.Struct, frozen=True):
    """A new plan as it is shown, and where the ledger stands after it."""

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

    async def create(self, new: NewPlan, asked: Asked) -> CreatedPlan:
        """Record the plan and the wish for a price, have the provider make it, and bind it.

        Raises:
            PrepaidNeedsDuration, PriceDoesNotMatch, PriceTaken: nothing is recorded.
            ProviderUnavailable: with a price given, nothing is; else the plan is, sold once the provider answers.
        """
        terms = PlanTerms(
            plan_id=self.identifiers.new(),
            name=new.name,
            price=new.price,
            interval=new.interval,
            features=new.features,
            stream_limit=new.stream_limit,
            max_height=new.max_height,
        )
        made = Plan.create(
            terms, description=new.description, trial_days=new.trial_days, duration_days=new.duration_days
        )
        unmade = Recalled[Plan](terms.plan_id, None, 0)
        if new.price_id is not None:
            await self._refuse_other_price(new.price_id, terms)
            position = await self._bind(unmade, new.price_id, asked, made=made)
        else:
            await self.records.append(asked, (unmade, made))
            position = await self.bind_price(terms.plan_id, asked)
        return CreatedPlan(await self._plan(terms.plan_id), position)

    async def _refuse_other_price(self, price_id: str, terms: PlanTerms) -> None:
        """What the ledger says of a price must be what buyers pay."""
        seen = await self.billing.price(price_id)
        if (seen.price, seen.interval) != (terms.price, terms.interval):
            raise PriceDoesNotMatch(f"{self.billing.name} sells {price_id} at {seen.price} ({seen.interval}).")

    async def settle_price(self, plan_id: UUID, asked: Asked) -> None:
        """Finish what a failed provider or a crash left half-done; with the same key, nothing is made twice."""
        plan = await self._plan(plan_id)
        if not plan.prices.get(self.billing.name):
            price_id = await self._price_at_provider(plan.terms)
            await self.bind_price(plan_id, asked, price_id=price_id)

    async def bind_price(self, plan_id: UUID, asked: Asked, *, price_id: str | None = None) -> Position:
        """Bind a price that is given; else have the provider make the plan's first one. Done twice, it happens once.

        Raises:
            NotFound, PriceTaken, ProviderUnavailable.
        """
        bound = price_id or await self._first_price(plan_id, asked)

        async def once() -> Position:
            return await self._bind(await self.records.recall(Plan, plan_id), bound, asked)

        return await again_when_moved(once)

    async def _first_price(self, plan_id: UUID, asked: Asked) -> str:
        plan, provider, key = await self._plan(plan_id), self.billing.name, _price_key(plan_id)
        if prices := plan.prices.get(provider):
            return prices[-1]
        await self.records.decide(
            Plan, plan_id, asked, lambda it: it.request_price(provider=provider, idempotency_key=key)
        )
        return await self._price_at_provider(plan.terms)

    async def _price_at_provider(self, terms: PlanTerms) -> str:
        return await self.billing.create_price(
            plan_id=terms.plan_id,
            name=terms.name,
            price=terms.price,
            interval=terms.interval,
            idempotency_key=_price_key(terms.plan_id),
        )

    async def _bind(
        self, recalled: Recalled[Plan], price_id: str, asked: Asked, *, made: Sequence[PlanFact] = ()
    ) -> Position:
        """Bind a price, in one append with what `made` the plan where it is new."""
        plan = recalled.state
        for fact in made:
            plan = Plan.evolve(plan, fact)
        if plan is None:
            raise NotFound
        bound = plan.bind_price(provider=self.billing.name, price_id=price_id)
        rows: list[GuardedRow] = [self._claim(price_id, recalled.stream), self._due(price_id)] if bound else []
        try:
            return (await self.records.append(asked, (recalled, [*made, *bound]), rows=rows)).position
        except RowTaken:
            raise PriceTaken(f"The price {price_id} belongs to another plan.") from None

    def _due(self, price_id: str) -> UpdateIf:
        """What was sold at this price before anybody knew of which plan it is."""
        why = belongs_to_no_plan(self.billing.name, price_id)
        parked = {"provider": self.billing.name, "status": "parked", "error": why}
        return UpdateIf("inbox", where=parked, values={"status": "received"}, required=False)

    def _claim(self, price_id: str, plan_id: UUID) -> Insert:
        kind = f"{self.billing.name}_price"
        return Insert("claims", {"kind": kind, "blind_index": self.blind_index.of(kind, price_id), "owner": plan_id})

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


def _price_key(plan_id: UUID) -> str:
    """One price to a plan, however often it is asked for."""
    return f"price-{plan_id}"
