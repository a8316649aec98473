"""What the provider says of a subscription, in our words: an end with the period, clocks apart."""

from datetime import timedelta

import pytest

from tests.application.what_is_sold import apron, cooking, sold
from tests.people import MONDAY, NEXT_MONTH


def test_what_ends_with_its_period_ends_with_that_of_the_plans_item() -> None:
    assert sold(apron, cooking, ends_with_period=True).ends_at == NEXT_MONTH
    assert sold(apron, cooking).ends_at is None


@pytest.mark.parametrize(
    ("status", "starts_in", "started"),
    [
        pytest.param("active", timedelta(seconds=20), timedelta(), id="our clock is behind"),
        pytest.param("trialing", timedelta(minutes=5), timedelta(), id="in a trial, by as much as a signature may be"),
        pytest.param("active", timedelta(hours=-1), timedelta(hours=-1), id="an hour ago"),
        pytest.param("active", timedelta(minutes=6), timedelta(minutes=6), id="truly later"),
        pytest.param("incomplete", timedelta(seconds=20), timedelta(seconds=20), id="not on"),
    ],
)
def test_what_is_on_has_begun(status: str, starts_in: timedelta, started: timedelta) -> None:
    assert sold(cooking, status=status, starts_in=starts_in).started_at == MONDAY + started
