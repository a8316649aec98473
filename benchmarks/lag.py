"""Lag: facts of films appended at 1,000 a second, and when each is in the catalogue.

An open loop: a fact is appended when it is due, whether or not those before it have been answered. What is counted is
the time from the answer of the append to the commit of the live engine, as another connection sees it, and what a fact
was sent too late on top; a batch that shows up before its appends are answered counts 0. The engine is a process of its
own, as in the product. It is asked how far it is whenever it notifies, so that the figure holds one query more.

60,000 facts over all rounds, after a round to warm up; `lag_p50_ms`, `lag_p99_ms` and `lag_max_ms` are over all of
them; `low` and `high` are the quartiles of the rounds, widened where need be to hold the figure. `lag_append_p99_ms`
is from when a fact was due to the answer of its append.
"""

import asyncio
import contextlib
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from adapters.postgres.listening import READ_MODELS
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.ports.ledger import Write
from application.projections.catalogue import catalogue
from benchmarks.contest import Outcome, Row, Sample, middle_half, percentile, short
from benchmarks.films import BEGAN, Lives, film_id, told
from benchmarks.house import House, open_house
from benchmarks.workbench import Options, Workbench

FACTS_PER_SECOND = 1_000
PATIENCE_SECONDS = 30
ROOT = Path(__file__).parents[1]

POSITION = "SELECT position FROM ledger.read_models WHERE name = %s AND state = 'live'"


class Answered(NamedTuple):
    """An append: when it was due and when it was answered, how much later it was sent than due, and its position."""

    due: float
    late: float
    answered: float
    position: int


async def lag(bench: Workbench, options: Options, say: Callable[[str, int], None]) -> Outcome:
    dsn = await asyncio.to_thread(bench.database, "lag")
    in_a_round = -(-options.lag_facts // options.rounds)
    lives = Lives.far_apart(in_a_round * (options.rounds + 1))
    turns = iter(lives)
    rounds: list[Measured] = []
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(dsn))
        await stack.enter_async_context(following(dsn))
        watch = await stack.enter_async_context(watching(dsn))
        for number in range(options.rounds + 1):
            say("lag", number)
            answered = await _append_at_a_steady_rate(house, islice(turns, in_a_round))
            await watch.until(max(each.position for each in answered))
            if number > 0:
                rounds.append(Measured(answered, watch))
    return Outcome(_rows(rounds), {"ledger": [measured.sample() for measured in rounds]})


class Measured:
    """What one round gave, in milliseconds, fact by fact."""

    def __init__(self, answered: Sequence[Answered], watch: "Watch") -> None:
        self.visible_ms = [_lag_seconds(each, watch) * 1_000 for each in answered]
        self.append_ms = [(each.answered - each.due) * 1_000 for each in answered]

    def sample(self) -> Sample:
        return {name: figure(self) for name, figure in FIGURES.items()}


def _lag_seconds(each: Answered, watch: "Watch") -> float:
    return max(0.0, watch.visible_at(each.position) - each.answered) + each.late


FIGURES: dict[str, Callable[[Measured], float]] = {
    "lag_p50_ms": lambda measured: percentile(measured.visible_ms, 0.5),
    "lag_p99_ms": lambda measured: percentile(measured.visible_ms, 0.99),
    "lag_max_ms": lambda measured: max(measured.visible_ms),
    "lag_append_p99_ms": lambda measured: percentile(measured.append_ms, 0.99),
}


def _rows(rounds: Sequence[Measured]) -> list[Row]:
    everything = Measured([], Watch())
    everything.visible_ms = [lag_ms for measured in rounds for lag_ms in measured.visible_ms]
    everything.append_ms = [wait_ms for measured in rounds for wait_ms in measured.append_ms]
    rows = []
    for name, figure in FIGURES.items():
        value = figure(everything)
        low, _, high = middle_half([figure(measured) for measured in rounds])
        low, value, high = short(min(low, value)), short(value), short(max(high, value))
        rows.append(Row(name=name, ratio=value, low=low, high=high, ours=value, theirs=None, unit="ms"))
    return rows


async def _append_at_a_steady_rate(house: House, turns: Iterator[tuple[int, int]]) -> list[Answered]:
    answered: list[Answered] = []
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for count, (number, version) in enumerate(turns):
            due = started + count / FACTS_PER_SECOND
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            group.create_task(_append(house, number, version, due, answered))
    return answered


async def _append(house: House, number: int, version: int, due: float, answered: list[Answered]) -> None:
    late = time.perf_counter() - due
    film = film_id(number)
    fact = told(version, video_id=film, number=number, position=0, recorded_at=BEGAN, fact_id=uuid4())
    position = await house.ledger.append(Write(film, version, [fact]))
    answered.append(Answered(due, late, time.perf_counter(), position))


@asynccontextmanager
async def following(dsn: str) -> AsyncIterator[None]:
    """The live engine in a process of its own, which ends when its standard input does."""
    command = (sys.executable, "-W", "error", "-m", "benchmarks.following", dsn)
    pipe = asyncio.subprocess.PIPE
    engine = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert engine.stdin is not None, "it was asked for"
    assert engine.stdout is not None, "it was asked for"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await engine.stdout.readline() == b"following\n", "the live engine has started"
        yield
    finally:
        engine.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await engine.wait()


class Watch:
    """When the live engine was seen to have come to which position."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._moments: list[float] = []
        self._moved = asyncio.Event()

    def note(self, position: int) -> None:
        """It is there now."""
        if not self._positions or position > self._positions[-1]:
            self._positions.append(position)
            self._moments.append(time.perf_counter())
            self._moved.set()

    def visible_at(self, position: int) -> float:
        """The moment, of time.perf_counter."""
        return self._moments[bisect_left(self._positions, position)]

    async def until(self, position: int) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._positions or self._positions[-1] < position:
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def watching(dsn: str) -> AsyncIterator[Watch]:
    arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
    watch = Watch()
    async with (
        await AsyncConnection.connect(dsn, **arguments) as listening,
        await AsyncConnection.connect(dsn, **arguments) as looking,
    ):
        await listening.execute(f"LISTEN {READ_MODELS}")
        task = asyncio.create_task(_look(listening, looking, watch), name="watch")
        try:
            yield watch
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _look(listening: AsyncConnection[TupleRow], looking: AsyncConnection[TupleRow], watch: Watch) -> None:
    async for _ in listening.notifies():
        row = await (await looking.execute(POSITION, (catalogue.name,), prepare=True)).fetchone()
        assert row is not None, "the read models have been prepared"
        watch.note(int(row[0]))
