"""Contestants in interleaved rounds (A B C A B C ...), so that what else the machine does falls on all of them."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

Unit = Literal["facts/s", "ms"]


class Sample(msgspec.Struct, frozen=True):
    """What one round gave: the figure that is compared, and how long single calls took, where there were such."""

    value: float
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True)
class Contestant:
    """One way to do the work; `absent` says why it cannot be measured here."""

    name: str
    measure: Callable[[], Awaitable[Sample]]
    absent: str = ""


@dataclass(frozen=True)
class Contest:
    """The same work done in several ways; the first contestant is the one that the others are held against."""

    name: str
    unit: Unit
    contestants: Sequence[Contestant]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table. `ratio` is how many times better the contest's first is, taken round by round."""

    name: str
    what: str
    unit: Unit
    rounds: int = 0
    median: float | None = None
    min: float | None = None
    max: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    ratio: float | None = None
    ratio_min: float | None = None
    ratio_max: float | None = None
    values: tuple[float, ...] = ()
    skipped: str | None = None


async def hold(contest: Contest, *, rounds: int, on_round: Callable[[str, int], None]) -> list[Row]:
    """Measure everybody in turn, a round to warm up and then those that count."""
    present = [contestant for contestant in contest.contestants if not contestant.absent]
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in present}
    for number in range(rounds + 1):
        on_round(contest.name, number)
        for contestant in present:
            gc.collect()
            sample = await contestant.measure()
            if number > 0:
                samples[contestant.name].append(sample)
    return [_row(contest, contestant, samples) for contestant in contest.contestants]


def _row(contest: Contest, contestant: Contestant, samples: dict[str, list[Sample]]) -> Row:
    if contestant.absent:
        return Row(name=contest.name, what=contestant.name, unit=contest.unit, skipped=contestant.absent)
    own = samples[contestant.name]
    values = [sample.value for sample in own]
    ratios = [_times_better(first, sample, contest.unit) for first, sample in zip(_first(samples), own, strict=True)]
    return Row(
        name=contest.name,
        what=contestant.name,
        unit=contest.unit,
        rounds=len(values),
        median=_short(statistics.median(values)),
        min=_short(min(values)),
        max=_short(max(values)),
        p50_ms=_median([sample.p50_ms for sample in own]),
        p99_ms=_median([sample.p99_ms for sample in own]),
        ratio=_short(statistics.median(ratios)),
        ratio_min=_short(min(ratios)),
        ratio_max=_short(max(ratios)),
        values=tuple(map(_short, values)),
    )


def _first(samples: dict[str, list[Sample]]) -> list[Sample]:
    return next(iter(samples.values()))


def _times_better(first: Sample, other: Sample, unit: Unit) -> float:
    """More facts a second are better, and fewer milliseconds."""
    return first.value / other.value if unit == "facts/s" else other.value / first.value


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _short(statistics.median(known)) if known else None


def _short(value: float) -> float:
    """Four digits; the next is noise."""
    return float(f"{value:.4g}")


def sample_of_latencies(latencies_ms: list[float]) -> Sample:
    """Compared by the median of the calls."""
    return Sample(percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
