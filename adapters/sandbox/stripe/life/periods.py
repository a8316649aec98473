"""Billing periods: every boundary is counted from the anchor, so that 31 January gives 28 February and 31 March."""

from calendar import monthrange
from datetime import UTC, datetime

DAY_SECONDS = 86_400
FIXED = {"day": DAY_SECONDS, "week": 7 * DAY_SECONDS}
MONTHS = {"month": 1, "year": 12}


def next_boundary(anchor: int, *, after: int, interval: str, count: int) -> int:
    """The first boundary later than `after` (at or behind the anchor); all in Unix seconds, counted in UTC."""
    if interval in FIXED:
        length = FIXED[interval] * count
        return anchor + ((after - anchor) // length + 1) * length
    months = MONTHS[interval] * count
    cycles = _months_between(anchor, after) // months
    while (boundary := _months_later(anchor, cycles * months)) <= after:
        cycles += 1
    return boundary


def _months_between(first: int, second: int) -> int:
    """Whole calendar months by the calendar alone: never more than a month too many for the day of the month."""
    one, other = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(second, UTC)
    return max(0, (other.year - one.year) * 12 + other.month - one.month - 1)


def _months_later(anchor: int, months: int) -> int:
    """The anchor's day and time, that many months on; clamped to the last day of a month that is too short."""
    moment = datetime.fromtimestamp(anchor, UTC)
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    day = min(moment.day, monthrange(year, month)[1])
    return int(moment.replace(year=year, month=month, day=day).timestamp())
