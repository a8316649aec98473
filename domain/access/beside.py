"""What a subscription gives beside its plan, each thing for as long as it is paid for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.access.deciding import Deciding, deciding
from domain.access.gives import gives
from domain.subscription.facts import AccessRevoked, FurtherItem, ItemRestored, ItemRevoked, RevokedFor
from domain.subscription.revocations import Revocation


class Further(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of them, with a period of its own, and money of its own."""

    price_id: str
    plan_id: UUID
    plan_name: str
    features: tuple[str, ...]
    stream_limit: int | None = None
    max_height: int | None = None
    period_end: datetime
    lease_until: datetime
    revoked: RevokedFor | None = None
    facts: dict[Literal["money"], Deciding] = {}
    """The newest fact on what became of the money for it."""


def now_sold(items: tuple[FurtherItem, ...], before: tuple[Further, ...]) -> tuple[Further, ...]:
    """As the items are now; what became of the money for one that was there before is as it was."""
    known = {one.price_id: one for one in before}
    return tuple(_further(item, known) for item in items)


def _further(item: FurtherItem, known: Mapping[str, Further]) -> Further:
    before = known.get(item.price_id)
    return Further(
        price_id=item.price_id,
        **gives(item.plan),
        period_end=item.period_end,
        lease_until=item.lease_until,
        revoked=before.revoked if before else None,
        facts=before.facts if before else {},
    )


def after_money_moved(further: tuple[Further, ...], fact: Revocation) -> tuple[Further, ...]:
    """A fact about all that is sold concerns each of them."""
    return tuple(
        replace(one, revoked=why_revoked(fact), facts={"money": deciding(fact)})
        if concerns(fact, one.price_id)
        else one
        for one in further
    )


def concerns(fact: Revocation, price_id: str) -> bool:
    """Whether it is about the item at this price."""
    return not isinstance(fact, ItemRevoked | ItemRestored) or fact.price_id == price_id


def why_revoked(fact: Revocation) -> RevokedFor | None:
    """None where access is given back."""
    return fact.why if isinstance(fact, AccessRevoked | ItemRevoked) else None
