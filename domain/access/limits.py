"""How much of what may be watched: the most generous of all that gives access at a moment."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.access.access import judge, parts
from domain.access.standing import Standing


class Limits(NamedTuple):
    """How many devices may play at once, and the tallest rendition in pixels; None for no limit."""

    streams: int | None = None
    max_height: int | None = None


NO_LIMITS = Limits()


def limits(standing: Standing, now: datetime) -> Limits:
    """Each limit by itself: one plan may give more devices, and another one a taller picture."""
    giving = [part for part in parts(standing) if judge(part, now).granted]
    return Limits(_most(part.stream_limit for part in giving), _most(part.max_height for part in giving))


def _most(given: Iterable[int | None]) -> int | None:
    most = 0
    for limit in given:
        if limit is None:
            return None
        most = max(most, limit)
    return most or None
