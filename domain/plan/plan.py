"""A plan: what may be bought, for how much, and what it gives."""

from typing import Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import Fact, Refusal
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms


class PlanDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may say anew of a plan; its price, and whether it is sold, have facts of their own."""

    name: str
    description: str
    features: tuple[str, ...]
    stream_limit: int | None
    max_height: int | None
    trial_days: int


class PlanCreated(Fact, frozen=True, tag="plan.created"):
    terms: PlanTerms
    description: str
    trial_days: int
    duration_days: int | None
    """How long a prepaid plan (`interval: once`) gives access."""


class PlanRevised(Fact, frozen=True, tag="plan.changed"):
    """Who buys it gets it so from now on; who has it, when the provider is asked about them next."""

    plan_id: UUID
    before: PlanDetails
    after: PlanDetails


class PriceRequested(Fact, frozen=True, tag="plan.price_requested"):
    """The intent, before the provider is asked: a crash in between is settled with the same key."""

    plan_id: UUID
    provider: str
    price: Money
    idempotency_key: str


class PriceRefused(Fact, frozen=True, tag="plan.price_refused"):
    """The provider would not make the price that was asked for under this key."""

    plan_id: UUID
    provider: str
    price: Money
    idempotency_key: str
    reason: str


class PriceBound(Fact, frozen=True, tag="plan.price_bound"):
    """Buyers pay this price at the provider; older prices stay honoured for those who have them."""

    plan_id: UUID
    provider: str
    price_id: str
    price: Money


class PriceRetired(Fact, frozen=True, tag="plan.price_retired"):
    """Not sold any more; who pays this price goes on paying it."""

    plan_id: UUID
    provider: str
    price_id: str
    price: Money


class PlanWithdrawn(Fact, frozen=True, tag="plan.withdrawn"):
    """Nobody can buy it any more; who has it keeps it."""

    plan_id: UUID


class PlanReturned(Fact, frozen=True, tag="plan.returned"):
    """Withdrawn before, it can be bought again."""

    plan_id: UUID


PlanFact = (
    PlanCreated | PlanRevised | PriceRequested | PriceRefused | PriceBound | PriceRetired | PlanWithdrawn | PlanReturned
)


class PlanNotForSale(Refusal):
    """The plan has no price at the provider yet, or was withdrawn."""


class PrepaidNeedsDuration(Refusal):
    """A plan bought once must say for how many days; one that renews must not."""


class PrepaidHasNoTrial(Refusal):
    """What is bought once begins with no free days."""


class PriceDoesNotMatch(Refusal):
    """The provider's price is of another amount, currency or interval than the plan."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a plan, folded from its facts; `terms.price` is what buyers pay, or will once there is a price."""

    terms: PlanTerms
    description: str
    trial_days: int
    duration_days: int | None
    prices: dict[str, tuple[str, ...]] = {}
    """The price ids at each provider; the last one is sold, the others are honoured."""
    amounts: dict[str, Money] = {}
    """What one costs at each of them, by their ids."""
    requested: dict[str, PriceRequested] = {}
    """The price that each provider has yet to make."""
    withdrawn: bool = False

    @staticmethod
    def create(terms: PlanTerms, *, description: str, trial_days: int, duration_days: int | None) -> list[PlanFact]:
        if (terms.interval == "once") != (duration_days is not None):
            raise PrepaidNeedsDuration("Give duration_days with interval `once`, and with no other.")
        if terms.interval == "once" and trial_days:
            raise PrepaidHasNoTrial("Give no trial_days with interval `once`.")
        return [PlanCreated(terms=terms, description=description, trial_days=trial_days, duration_days=duration_days)]

    @property
    def details(self) -> PlanDetails:
        return PlanDetails(
            name=self.terms.name,
            description=self.description,
            features=self.terms.features,
            stream_limit=self.terms.stream_limit,
            max_height=self.terms.max_height,
            trial_days=self.trial_days,
        )

    def revise(self, details: PlanDetails) -> list[PlanFact]:
        """Raises PrepaidHasNoTrial; days that it has from before may stay, and count for nothing."""
        if details == self.details:
            return []
        if self.terms.interval == "once" and details.trial_days not in {0, self.trial_days}:
            raise PrepaidHasNoTrial("A plan that is bought once has no trial_days.")
        return [PlanRevised(plan_id=self.terms.plan_id, before=self.details, after=details)]

    def sell(self, *, active: bool) -> list[PlanFact]:
        """Withdraw it, or offer it again."""
        if active != self.withdrawn:
            return []
        return [PlanReturned(plan_id=self.terms.plan_id) if active else PlanWithdrawn(plan_id=self.terms.plan_id)]

    def request_price(
        self, *, provider: str, price: Money, idempotency_key: str, gone: str | None = None
    ) -> list[PlanFact]:
        """None when it is sold at this price, or the provider is to make it already; the newest wish counts.

        `gone` is a price id at which the provider sells no more: in its place one of the same amount is made.
        """
        requested, sold = self.requested.get(provider), self.sold_at(provider)
        if requested is None and sold not in {None, gone} and price == self.terms.price:
            return []
        if requested is not None and price == requested.price:
            return []
        return [
            PriceRequested(plan_id=self.terms.plan_id, provider=provider, price=price, idempotency_key=idempotency_key)
        ]

    def fulfil_price(self, request: PriceRequested, price_id: str) -> list[PlanFact]:
        """Sell at the price that was made; nothing when another has been asked for since, or bound."""
        if not self._waits_for(request):
            return []
        return self.bind_price(provider=request.provider, price_id=price_id, price=request.price)

    def refuse_price(self, request: PriceRequested, reason: str) -> list[PlanFact]:
        if not self._waits_for(request):
            return []
        return [
            PriceRefused(
                plan_id=self.terms.plan_id,
                provider=request.provider,
                price=request.price,
                idempotency_key=request.idempotency_key,
                reason=reason,
            )
        ]

    def _waits_for(self, request: PriceRequested) -> bool:
        requested = self.requested.get(request.provider)
        return requested is not None and requested.idempotency_key == request.idempotency_key

    def bind_price(self, *, provider: str, price_id: str, price: Money) -> list[PlanFact]:
        """Sell at this price of the provider's from now on; the one that was sold so far is honoured."""
        plan_id, sold = self.terms.plan_id, self.sold_at(provider)
        if sold == price_id and provider not in self.requested:
            return []
        bound = PriceBound(plan_id=plan_id, provider=provider, price_id=price_id, price=price)
        if sold is None or sold == price_id:
            return [bound]
        return [PriceRetired(plan_id=plan_id, provider=provider, price_id=sold, price=self.terms.price), bound]

    def sold_at(self, provider: str) -> str | None:
        """The provider's price that it is sold at, or was before it was withdrawn."""
        return next(reversed(self.prices.get(provider, ())), None)

    def price_for_sale(self, provider: str) -> str:
        """The provider's price that a buyer pays today. Raises PlanNotForSale."""
        if self.withdrawn:
            raise PlanNotForSale("This plan is not sold any more.")
        if (sold := self.sold_at(provider)) is None:
            raise PlanNotForSale("This plan has no price at the payment provider.")
        return sold

    @classmethod
    def evolve(cls, state: Self | None, fact: PlanFact) -> "Plan":
        if isinstance(fact, PlanCreated):
            return cls(
                terms=fact.terms,
                description=fact.description,
                trial_days=fact.trial_days,
                duration_days=fact.duration_days,
            )
        assert state is not None, "a plan is created first"
        match fact:
            case PlanRevised():
                return _revised(state, fact.after)
            case PriceRequested():
                return replace(state, requested={**state.requested, fact.provider: fact})
            case PriceRefused():
                return replace(state, requested=_without(state.requested, fact.provider))
            case PriceBound():
                return _bound(state, fact)
            case PriceRetired():
                return state
            case PlanWithdrawn():
                return replace(state, withdrawn=True)
            case PlanReturned():
                return replace(state, withdrawn=False)
            case _:
                assert_never(fact)


def _revised(plan: Plan, details: PlanDetails) -> Plan:
    terms = replace(
        plan.terms,
        name=details.name,
        features=details.features,
        stream_limit=details.stream_limit,
        max_height=details.max_height,
    )
    return replace(plan, terms=terms, description=details.description, trial_days=details.trial_days)


def _bound(plan: Plan, fact: PriceBound) -> Plan:
    """One that was honoured is sold again, and is there once."""
    others = tuple(known for known in plan.prices.get(fact.provider, ()) if known != fact.price_id)
    return replace(
        plan,
        terms=replace(plan.terms, price=fact.price),
        prices={**plan.prices, fact.provider: (*others, fact.price_id)},
        amounts={**plan.amounts, fact.price_id: fact.price},
        requested=_without(plan.requested, fact.provider),
    )


def _without(requested: dict[str, PriceRequested], provider: str) -> dict[str, PriceRequested]:
    return {known: request for known, request in requested.items() if known != provider}
