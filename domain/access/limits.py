"""How much of what may be watched: the most generous of all that gives access."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from domain.access.access import Part


class Limits(NamedTuple):
    """How many devices may play at once, and the tallest rendition in pixels; None for no limit."""

    streams: int | None = None
    max_height: int | None = None


def limits(giving: Collection[Part]) -> Limits:
    """Each limit by itself: one plan may give more devices, and another one a taller picture."""
    return Limits(_most(part.stream_limit for part in giving), _most(part.max_height for part in giving))


def _most(given: Iterable[int | None]) -> int | None:
    most = 0
    for limit in given:
        if limit is None:
            return None
        most = max(most, limit)
    return most or None
