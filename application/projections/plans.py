"""What may be bought today."""

from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.plan.plan import PlanCreated, PriceBound


class Offer(Row, frozen=True):
    """One plan; `active` once a provider sells it."""

    plan_id: UUID
    name: str
    description: str
    amount: int
    currency: str
    interval: str
    duration_days: int | None
    trial_days: int
    features: tuple[str, ...]
    stream_limit: int | None
    max_height: int | None
    created_position: int
    active: bool = False
    price_ids: tuple[str, ...] = ()

    indexes: ClassVar[tuple[str, ...]] = ("created_position",)


plans = Projection("plans", version=2, offers=Offer)


@plans.fold(PlanCreated, into=Offer, key="terms.plan_id")
def created(_: Offer | None, fact: PlanCreated) -> Offer:
    terms = fact.terms
    return Offer(
        terms.plan_id,
        terms.name,
        fact.description,
        terms.price.amount,
        terms.price.currency,
        terms.interval,
        fact.duration_days,
        fact.trial_days,
        terms.features,
        terms.stream_limit,
        terms.max_height,
        fact.position,
    )


@plans.fold(PriceBound, into=Offer, key="plan_id")
def bound(offer: Offer | None, fact: PriceBound) -> Offer | None:
    return offer and replace(offer, active=True, price_ids=(*offer.price_ids, fact.price_id))
