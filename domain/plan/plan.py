"""A plan: what may be bought, for how much, and what it gives."""

from typing import Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import Fact, Refusal
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms


class PlanCreated(Fact, frozen=True, tag="plan.created"):
    terms: PlanTerms
    description: str
    trial_days: int
    duration_days: int | None
    """How long a prepaid plan (`interval: once`) gives access."""


class PriceRequested(Fact, frozen=True, tag="plan.price_requested"):
    """The intent, before the provider is asked: a crash in between is settled with the same key."""

    plan_id: UUID
    provider: str
    price: Money
    idempotency_key: str


class PriceBound(Fact, frozen=True, tag="plan.price_bound"):
    """Buyers pay this price at the provider; older prices stay honoured for those who have them."""

    plan_id: UUID
    provider: str
    price_id: str
    price: Money


PlanFact = PlanCreated | PriceRequested | PriceBound


class PlanNotForSale(Refusal):
    """The plan has no price at the provider yet, or was withdrawn."""


class PrepaidNeedsDuration(Refusal):
    """A plan bought once must say for how many days; one that renews must not."""


class PriceDoesNotMatch(Refusal):
    """The provider's price is of another amount, currency or interval than the plan."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a plan, folded from its facts."""

    terms: PlanTerms
    description: str
    trial_days: int
    duration_days: int | None
    prices: dict[str, tuple[str, ...]] = {}
    """The price ids at each provider, oldest first; the last one is sold."""

    @staticmethod
    def create(terms: PlanTerms, *, description: str, trial_days: int, duration_days: int | None) -> list[PlanFact]:
        if (terms.interval == "once") != (duration_days is not None):
            raise PrepaidNeedsDuration("Give duration_days with interval `once`, and with no other.")
        return [PlanCreated(terms=terms, description=description, trial_days=trial_days, duration_days=duration_days)]

    def request_price(self, *, provider: str, idempotency_key: str) -> list[PlanFact]:
        return [
            PriceRequested(
                plan_id=self.terms.plan_id, provider=provider, price=self.terms.price, idempotency_key=idempotency_key
            )
        ]

    def bind_price(self, *, provider: str, price_id: str) -> list[PlanFact]:
        if price_id in self.prices.get(provider, ()):
            return []
        return [PriceBound(plan_id=self.terms.plan_id, provider=provider, price_id=price_id, price=self.terms.price)]

    def price_for_sale(self, provider: str) -> str:
        """The provider's price that a buyer pays today. Raises PlanNotForSale."""
        if self.terms.interval == "once":
            raise PlanNotForSale("Prepaid plans cannot be bought yet.")
        if not (prices := self.prices.get(provider)):
            raise PlanNotForSale("This plan has no price at the payment provider.")
        return prices[-1]

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
            case PriceRequested():
                return state
            case PriceBound():
                known = state.prices.get(fact.provider, ())
                return replace(state, prices={**state.prices, fact.provider: (*known, fact.price_id)})
            case _:
                assert_never(fact)
