"""Billing periods by the calendar: counted from the anchor, clamped to short months, and never standing still."""

from calendar import monthrange
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from adapters.sandbox.stripe.life.periods import next_boundary
from tests.adapters.sandbox.stripe.harness import at, unix


def boundaries(anchor: str, interval: str, count: int, how_many: int) -> list[str]:
    start = unix(at(anchor))
    found = [start]
    for _ in range(how_many):
        found.append(next_boundary(start, after=found[-1], interval=interval, count=count))
    return [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%d %H:%M") for one in found[1:]]


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "expected"),
    [
        ("2026-01-31T12:00", "month", 1, ["2026-02-28 12:00", "2026-03-31 12:00", "2026-04-30 12:00"]),
        ("2028-01-31T00:00", "month", 1, ["2028-02-29 00:00", "2028-03-31 00:00", "2028-04-30 00:00"]),
        ("2026-11-30T23:59", "month", 3, ["2027-02-28 23:59", "2027-05-30 23:59", "2027-08-30 23:59"]),
        ("2028-02-29T08:00", "year", 1, ["2029-02-28 08:00", "2030-02-28 08:00", "2031-02-28 08:00"]),
        ("2026-12-30T08:00", "week", 2, ["2027-01-13 08:00", "2027-01-27 08:00", "2027-02-10 08:00"]),
        ("2026-02-27T08:00", "day", 1, ["2026-02-28 08:00", "2026-03-01 08:00", "2026-03-02 08:00"]),
    ],
)
def test_periods_follow_the_anchor(anchor: str, interval: str, count: int, expected: list[str]) -> None:
    assert boundaries(anchor, interval, count, 3) == expected


@given(
    anchor=some.integers(0, 2**32),
    elapsed=some.integers(0, 10**9),
    interval=some.sampled_from(["month", "year"]),
    count=some.integers(1, 12),
)
def test_the_next_boundary_is_the_first_one_later_and_on_the_anchors_day(
    anchor: int, elapsed: int, interval: str, count: int
) -> None:
    boundary = next_boundary(anchor, after=anchor + elapsed, interval=interval, count=count)

    start, end = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(boundary, UTC)
    months = (end.year - start.year) * 12 + end.month - start.month
    assert boundary > anchor + elapsed
    assert months % (count * (12 if interval == "year" else 1)) == 0
    assert end.day == min(start.day, monthrange(end.year, end.month)[1])
    assert end.time() == start.time()
    before = next_boundary(
        anchor,
        after=max(anchor, boundary - 32 * 86_400 * (12 if interval == "year" else 1) * count),
        interval=interval,
        count=count,
    )
    assert before == boundary or before <= anchor + elapsed
