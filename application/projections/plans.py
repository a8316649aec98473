"""What may be bought today."""

from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.plan.plan import PlanCreated, PlanReturned, PlanRevised, PlanWithdrawn, PriceBound


class Offer(Row, frozen=True):
    """One plan; `active` while it can be bought: a provider sells it, and it is not withdrawn."""

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
    withdrawn: bool = False
    price_ids: tuple[str, ...] = ()
    """The last one is sold, the others are honoured."""

    indexes: ClassVar[tuple[str, ...]] = ("created_position",)


plans = Projection("plans", version=3, offers=Offer)


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


@plans.fold(PlanRevised, into=Offer, key="plan_id")
def revised(offer: Offer | None, fact: PlanRevised) -> Offer | None:
    return offer and replace(
        offer,
        name=fact.after.name,
        description=fact.after.description,
        trial_days=fact.after.trial_days,
        features=fact.after.features,
        stream_limit=fact.after.stream_limit,
        max_height=fact.after.max_height,
    )


@plans.fold(PriceBound, into=Offer, key="plan_id")
def bound(offer: Offer | None, fact: PriceBound) -> Offer | None:
    if offer is None:
        return None
    others = (known for known in offer.price_ids if known != fact.price_id)
    return replace(
        offer,
        active=not offer.withdrawn,
        amount=fact.price.amount,
        currency=fact.price.currency,
        price_ids=(*others, fact.price_id),
    )


@plans.fold(PlanWithdrawn, into=Offer, key="plan_id")
def withdrawn(offer: Offer | None, _: PlanWithdrawn) -> Offer | None:
    return offer and replace(offer, active=False, withdrawn=True)


@plans.fold(PlanReturned, into=Offer, key="plan_id")
def returned(offer: Offer | None, _: PlanReturned) -> Offer | None:
    return offer and replace(offer, active=bool(offer.price_ids), withdrawn=False)
