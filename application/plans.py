"""Plans: made, priced at the payment provider, shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from application.errors import NotFound
from application.ports.billing import BillingProvider
from application.ports.ledger import InsertOnce, Position
from application.ports.reads import PlanReads
from application.ports.secrets import BlindIndex
from application.ports.world import Identifiers
from application.projections.plans import Offer
from application.recall import Asked, Decided, Recalled, Records, again_when_moved
from domain.plan.plan import Plan
from domain.shared.money import Money
from domain.shared.plan_terms import Interval, PlanTerms


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
            PrepaidNeedsDuration; ProviderUnavailable: the plan is there, not for sale until `bind_price` is done again.
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
        facts = Plan.create(
            terms, description=new.description, trial_days=new.trial_days, duration_days=new.duration_days
        )
        await self.records.append(asked, (Recalled(terms.plan_id, None, 0), facts))
        position = await self.bind_price(terms.plan_id, asked, price_id=new.price_id)
        return CreatedPlan(await self._plan(terms.plan_id), position)

    async def bind_price(self, plan_id: UUID, asked: Asked, *, price_id: str | None = None) -> Position:
        """Have the provider make the plan's price, unless one is given, and bind it; done twice, it happens once."""
        if price_id is None:
            price_id = await self._make_price(plan_id, asked)
        bound = price_id

        async def once() -> Decided:
            recalled = await self.records.recall(Plan, plan_id)
            facts = recalled.existing().bind_price(provider=self.billing.name, price_id=bound)
            return await self.records.append(asked, (recalled, facts), rows=[self._claim(bound, plan_id)])

        return (await again_when_moved(once)).position

    async def _make_price(self, plan_id: UUID, asked: Asked) -> str:
        key = f"price-{plan_id}"
        provider = self.billing.name
        await self.records.decide(
            Plan, plan_id, asked, lambda plan: plan.request_price(provider=provider, idempotency_key=key)
        )
        terms = (await self._plan(plan_id)).terms
        return await self.billing.create_price(
            plan_id=plan_id, name=terms.name, price=terms.price, interval=terms.interval, idempotency_key=key
        )

    def _claim(self, price_id: str, plan_id: UUID) -> InsertOnce:
        kind = f"{self.billing.name}_price"
        return InsertOnce(
            "claims", {"kind": kind, "blind_index": self.blind_index.of(kind, price_id), "owner": plan_id}
        )

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
