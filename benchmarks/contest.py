"""Contestants in interleaved rounds, so that what else the machine does falls on all of them."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

Unit = Literal["facts/s", "webhooks/s", "playbacks/s", "pages/s", "segments/s", "s/s", "s", "ms", "us", "MiB"]

Sample = Mapping[str, float]
"""What one round gave, by the names of its figures."""

RATE = "facts_per_second"
P50, P99 = "p50_ms", "p99_ms"
RSS = "peak_rss_mib"


@dataclass(frozen=True)
class Contestant:
    """One way to do the work; `absent` says why it cannot be measured here."""

    name: str
    measure: Callable[[], Awaitable[Sample]]
    absent: str = ""


class Figure(NamedTuple):
    """One of the figures of a contestant's samples."""

    contestant: str
    name: str = RATE


@dataclass(frozen=True)
class Comparison:
    """A row to be made of what was measured; without `theirs` the figure stands for itself."""

    name: str
    unit: Unit
    ours: Figure
    theirs: Figure | None = None

    @property
    def figures(self) -> Sequence[Figure]:
        return [self.ours, self.theirs] if self.theirs else [self.ours]


@dataclass(frozen=True)
class Contest:
    """The same work done in several ways, and what is compared."""

    name: str
    contestants: Sequence[Contestant]
    comparisons: Sequence[Comparison]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`ratio` is the median over the rounds of ours / theirs of the same round; `low` and `high` are the quartiles.

    Where there is no `theirs`, the ratio is our figure itself. `ours` and `theirs` are medians over the rounds.
    """

    name: str
    ratio: float
    low: float
    high: float
    ours: float
    theirs: float | None
    unit: Unit


class Skipped(msgspec.Struct, frozen=True):
    """A row that cannot be had here, and why."""

    name: str
    skipped: str


Samples = dict[str, list[Sample]]
"""What each contestant's counted rounds gave."""


class Outcome(NamedTuple):
    rows: Sequence[Row | Skipped]
    samples: Samples


async def hold(contest: Contest, *, rounds: int, on_round: Callable[[str, int], None]) -> Outcome:
    """Measure everybody, a round to warm up and then those that count; every other one the other way round."""
    present = [contestant for contestant in contest.contestants if not contestant.absent]
    samples: Samples = {contestant.name: [] for contestant in present}
    for number in range(rounds + 1):
        on_round(contest.name, number)
        for contestant in present if number % 2 else reversed(present):
            gc.collect()
            sample = await contestant.measure()
            if number > 0:
                samples[contestant.name].append(sample)
    absent = {contestant.name: contestant.absent for contestant in contest.contestants if contestant.absent}
    return Outcome([row_of(comparison, samples, absent) for comparison in contest.comparisons], samples)


def row_of(comparison: Comparison, samples: Samples, absent: Mapping[str, str]) -> Row | Skipped:
    for figure in comparison.figures:
        if why := absent.get(figure.contestant):
            return Skipped(comparison.name, why)
    ours, *others = ([sample[name] for sample in samples[contestant]] for contestant, name in comparison.figures)
    ratios = [mine / its for mine, its in zip(ours, others[0], strict=True)] if others else ours
    low, ratio, high = middle_half(ratios)
    return Row(
        name=comparison.name,
        ratio=short(ratio),
        low=short(low),
        high=short(high),
        ours=short(statistics.median(ours)),
        theirs=short(statistics.median(others[0])) if others else None,
        unit=comparison.unit,
    )


def middle_half(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median, the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def short(value: float) -> float:
    """Four digits; the next is noise."""
    return float(f"{value:.4g}")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
