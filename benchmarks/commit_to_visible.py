"""How long after an append's return its row is there: films are created one at a time, the next when the last is.

`commit_to_visible_ms`
- `ledger`: until the film is in the catalogue's table, by way of NOTIFY and the live engine.
- `library`: until its ProjectionRunner has written the same row.

`read_your_writes_ms`
- `ledger`: until PostgresPositions says so, as a request that bears its last `Ledger-Position` waits; that is for
  every read model, not the catalogue alone.
- `library`: until the runner's own `wait` returns.

A row is looked for every 0.2 ms or so over another connection, so it may have been there that much sooner, and the
looks take a part of a core from the engine. Engine and runner are threads of this process, where the product has a
worker. One writer, who waits: how the lag grows under load is measured in `lag`. Compared by the median of the calls.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.eventstore.live import LiveEngine
from adapters.eventstore.mapper import FactMapper, Placed
from adapters.postgres.listening import READ_MODELS, Listener
from adapters.postgres.positions import PostgresPositions
from application.ports.ledger import Write
from benchmarks.contest import P50, P99, Comparison, Contest, Contestant, Figure, Outcome, Sample, hold, percentile
from benchmarks.films import BEGAN, told
from benchmarks.house import House, open_house
from benchmarks.library import LibraryCatalogue, Runner
from benchmarks.tables import LiveTable
from benchmarks.workbench import Options, Workbench
from domain.shared.fact import Fact

PAUSE_SECONDS = 0.0001
PATIENCE_SECONDS = 10

LIBRARY_VIDEOS = Identifier("library", "videos")

Say = Callable[[str, int], None]
Append = Callable[[UUID], Awaitable[int]]
Wait = Callable[[UUID, int], Awaitable[None]]


async def commit_to_visible(bench: Workbench, options: Options, say: Say) -> Outcome:
    async with _stage(bench.database("commit_to_visible")) as stage:
        ours, theirs = _until_seen(stage.looking, stage.videos), _until_seen(stage.looking, LIBRARY_VIDEOS)
        contest = _contest("commit_to_visible", stage, ours, theirs, options)
        return await hold(contest, rounds=options.rounds, on_round=say)


async def read_your_writes(bench: Workbench, options: Options, say: Say) -> Outcome:
    async with _stage(bench.database("read_your_writes")) as stage:
        ours, theirs = _until_reached(stage.positions), _until_tracked(stage.runner)
        contest = _contest("read_your_writes", stage, ours, theirs, options)
        return await hold(contest, rounds=options.rounds, on_round=say)


@dataclass(frozen=True)
class Stage:
    """Both engines at work on one database, and a connection to look over."""

    house: House
    positions: PostgresPositions
    videos: Identifier
    runner: Runner
    looking: AsyncConnection[TupleRow]


@asynccontextmanager
async def _stage(dsn: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(dsn))
        listener = await stack.enter_async_context(Listener(dsn, READ_MODELS))
        engine = LiveEngine(dsn, house.read_models)
        engine.start()
        stack.callback(engine.stop)
        with psycopg.connect(dsn) as connection:
            videos = LiveTable.of(connection)
        runner = stack.enter_context(LibraryCatalogue(dsn, videos).runner())
        looking = await stack.enter_async_context(await AsyncConnection.connect(dsn, autocommit=True))
        yield Stage(house, PostgresPositions(house.pool, listener), videos.name, runner, looking)


def _contest(name: str, stage: Stage, ours: Wait, theirs: Wait, options: Options) -> Contest:
    ledger = partial(_measure, _into_house(stage.house), ours, options.seconds / 2)
    library = partial(_measure, _into_library(stage.runner), theirs, options.seconds / 2)
    compared = Comparison(f"{name}_ms", "ms", Figure("ledger", P50), Figure("library", P50))
    return Contest(name, [Contestant("ledger", ledger), Contestant("library", library)], [compared])


async def _measure(append: Append, wait: Wait, seconds: float) -> Sample:
    latencies_ms: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        film = uuid4()
        position = await append(film)
        committed = time.perf_counter()
        await wait(film, position)
        latencies_ms.append((time.perf_counter() - committed) * 1_000)
    return {P50: percentile(latencies_ms, 0.5), P99: percentile(latencies_ms, 0.99)}


def _created(film: UUID) -> Fact:
    return told(0, video_id=film, number=1, position=0, recorded_at=BEGAN, fact_id=uuid4())


def _into_house(house: House) -> Append:
    async def append(film: UUID) -> int:
        return await house.ledger.append(Write(film, 0, [_created(film)]))

    return append


def _into_library(runner: Runner) -> Append:
    mapper = FactMapper()

    async def append(film: UUID) -> int:
        stored = mapper.to_stored_event(Placed(film, 1, _created(film), None))
        positions = await asyncio.to_thread(runner.app.recorder.insert_events, [stored])
        assert positions is not None, "the library tells the position of what it has recorded"
        return int(positions[-1])

    return append


def _until_seen(looking: AsyncConnection[TupleRow], videos: Identifier) -> Wait:
    look = SQL("SELECT FROM {} WHERE video_id = %s").format(videos)

    async def wait(film: UUID, _: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await looking.execute(look, (film,), prepare=True)).rowcount:  # noqa: ASYNC110 - as a reader does
                await asyncio.sleep(PAUSE_SECONDS)

    return wait


def _until_reached(positions: PostgresPositions) -> Wait:
    async def wait(_: UUID, position: int) -> None:
        assert await positions.wait_for(position, timeout_seconds=PATIENCE_SECONDS), "the live engine runs"

    return wait


def _until_tracked(runner: Runner) -> Wait:
    async def wait(_: UUID, position: int) -> None:
        await asyncio.to_thread(runner.wait, position, PATIENCE_SECONDS)

    return wait
