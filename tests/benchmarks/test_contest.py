"""Rounds and rows: whose turn it is, what is divided by what, and what is said of whom there is not."""

from collections.abc import Iterable

import pytest

from benchmarks.bar import BARS
from benchmarks.contest import Comparison, Contest, Contestant, Figure, Outcome, Row, Sample, Skipped, hold

pytestmark = pytest.mark.anyio

VERSUS = [Comparison("ours_vs_theirs", "facts/s", Figure("ours"), Figure("theirs"))]


def contestant(name: str, rates: Iterable[float], turns: list[str]) -> Contestant:
    """Gives one rate after the other, the first of them in the round that does not count."""
    remaining = iter(rates)

    async def measure() -> Sample:
        turns.append(name)
        return {"facts_per_second": next(remaining)}

    return Contestant(name, measure)


async def held(contest: Contest, rounds: int) -> Outcome:
    return await hold(contest, rounds=rounds, on_round=lambda name, number: None)


async def test_nobody_always_goes_first() -> None:
    turns: list[str] = []
    contestants = [contestant("ours", [1] * 4, turns), contestant("theirs", [1] * 4, turns)]

    await held(Contest("turns", contestants, VERSUS), rounds=3)

    assert turns == ["theirs", "ours", "ours", "theirs", "theirs", "ours", "ours", "theirs"]


async def test_a_ratio_is_taken_round_by_round_and_the_round_to_warm_up_counts_for_nothing() -> None:
    ours, theirs = [999, 10, 40, 90, 40, 10], [1, 1, 2, 3, 1, 2]

    outcome = await held(Contest("x", [contestant("ours", ours, []), contestant("theirs", theirs, [])], VERSUS), 5)

    # 10, 20, 30, 40, 5
    assert outcome.rows == [
        Row(name="ours_vs_theirs", ratio=20, low=10, high=30, ours=40, theirs=2, unit="facts/s"),
    ]
    assert [sample["facts_per_second"] for sample in outcome.samples["theirs"]] == theirs[1:]


async def test_a_row_that_stands_for_itself_has_its_figure_as_ratio() -> None:
    alone = [Comparison("rate", "facts/s", Figure("ours"))]

    outcome = await held(Contest("x", [contestant("ours", [0, 1, 2, 3], [])], alone), rounds=3)

    assert outcome.rows == [Row(name="rate", ratio=2, low=1.5, high=2.5, ours=2, theirs=None, unit="facts/s")]


async def test_a_row_whose_tool_is_missing_says_so() -> None:
    turns: list[str] = []
    missing = Contestant("theirs", contestant("theirs", [], turns).measure, absent="there is no pgbench here")

    outcome = await held(Contest("x", [contestant("ours", [1, 1], []), missing], VERSUS), rounds=1)

    assert outcome.rows == [Skipped("ours_vs_theirs", "there is no pgbench here")]
    assert turns == []


def test_a_bar_is_reached_or_held_or_missed_from_its_own_side() -> None:
    append, lag = BARS["append_vs_library_64"], BARS["lag_p99_ms"]

    assert (append.holds(7.9), append.holds(8), append.reaches(11.9), append.reaches(12)) == (False, True, False, True)
    assert (lag.holds(150), lag.holds(149), lag.reaches(51), lag.reaches(50)) == (False, True, False, True)
