"""What a subscription gives beside its plan, each thing for as long as it is paid for."""

from datetime import datetime
from uuid import UUID

import msgspec

from domain.access.gives import gives
from domain.subscription.facts import FurtherItem


class Further(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of them, with a period of its own."""

    price_id: str
    plan_id: UUID
    plan_name: str
    features: tuple[str, ...]
    stream_limit: int | None = None
    max_height: int | None = None
    period_end: datetime
    lease_until: datetime


def now_sold(items: tuple[FurtherItem, ...]) -> tuple[Further, ...]:
    return tuple(
        Further(price_id=item.price_id, **gives(item.plan), period_end=item.period_end, lease_until=item.lease_until)
        for item in items
    )
