"""The terms of a plan as they were when somebody bought it."""

from typing import Literal
from uuid import UUID

import msgspec

from domain.shared.money import Money

Interval = Literal["month", "year", "once"]


class PlanTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What was sold: carried by every fact that needs it, since a plan may change afterwards."""

    plan_id: UUID
    name: str
    price: Money
    interval: Interval
    features: tuple[str, ...] = ()
    stream_limit: int | None = None
    """How many devices may play at once; None for no limit."""
    max_height: int | None = None
    """The tallest rendition in pixels; None for no limit."""
