"""Rebuilds that are asked for: done by whichever worker, begun anew where one was cut off, never tried for ever."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from uuid import uuid4

import psycopg
import pytest

from adapters.eventstore import swapping
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.rebuilds import Rebuilds
from adapters.postgres.listening import READ_MODELS_SWAPPED, Listener, Signal
from adapters.postgres.live_generations import LiveGenerations
from adapters.postgres.pool import new_pool
from adapters.postgres.read_model_states import PostgresReadModelStates
from adapters.postgres.reads import PostgresAccessReads, PostgresCatalogueReads
from application.errors import DatabaseUnavailable
from application.ports.ledger import Write
from application.ports.read_models import ReadModelStatus
from application.projections.every import PROJECTIONS
from domain.video.facts import VideoCreated
from tests.adapters.eventstore.house import LedgerHouse, ledger_house
from tests.contracts.operations import follow
from tests.people import ANNA

pytestmark = pytest.mark.anyio

SWAPS = 20
READ_SECONDS_MAX = 0.25
"""Measured: 0.07 on two busy cores. A lock that somebody holds would cost 5 s."""


@dataclass
class Worker:
    """A worker's part in it, and what an admin sees."""

    house: LedgerHouse
    states: PostgresReadModelStates
    rebuilds: Rebuilds

    async def status(self, name: str = "catalogue") -> ReadModelStatus:
        return next(status for status in await self.states.statuses() if status.name == name)


@pytest.fixture
async def worker(database: str) -> AsyncIterator[Worker]:
    async with ledger_house(database) as house, new_pool(database, size=4) as pool:
        for number in range(3):
            await record(house, f"Lesson {number}")
        follow(house)
        states = PostgresReadModelStates(pool)
        yield Worker(house, states, Rebuilds(house.read_models, states, Signal()))


async def record(house: LedgerHouse, title: str) -> None:
    created = VideoCreated(
        fact_id=uuid4(),
        video_id=uuid4(),
        title=title,
        description="",
        category="",
        access="free",
        requires=None,
        platform="local",
    )
    await house.ledger.append(Write(created.video_id, 0, [created]))


def run(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def schemas(dsn: str) -> list[object]:
    found = run(dsn, "SELECT nspname FROM pg_namespace WHERE nspname ~ '^catalogue_' ORDER BY 1")
    return [name for (name,) in found]


class Halfway:
    """A rebuild's progress that stops at its first page until it is let go."""

    def __init__(self) -> None:
        self.there, self.go_on = threading.Event(), threading.Event()

    def __call__(self, _: int, __: int) -> None:
        self.there.set()
        assert self.go_on.wait(10)


async def test_what_was_asked_for_is_done_and_asked_for_no_more(worker: Worker) -> None:
    await worker.states.request_rebuild("catalogue")

    assert await worker.rebuilds._done_what_waits()

    status = await worker.status()
    assert (status.generation, status.kept, status.rebuild_requested) == (2, (1,), False)
    assert await worker.rebuilds._done_what_waits()
    assert (await worker.status()).generation == 2


async def test_a_rebuild_under_way_is_shown_and_one_that_was_cut_off_is_not(worker: Worker) -> None:
    halfway = Halfway()
    rebuilding = asyncio.create_task(worker.rebuilds.rebuild("catalogue", on_progress=halfway))
    await asyncio.to_thread(halfway.there.wait, 10)
    shown = (await worker.status()).rebuilding
    assert shown is not None
    assert (shown.generation, shown.target) == (2, 3)

    run(worker.house.dsn, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2")
    halfway.go_on.set()
    with pytest.raises(DatabaseUnavailable):
        await rebuilding

    assert run(worker.house.dsn, "SELECT generation FROM ledger.read_models WHERE state = 'building'") == [(2,)]
    assert (await worker.status()).rebuilding is None
    assert (await worker.rebuilds.rebuild("catalogue")).facts == 3
    assert (await worker.rebuilds.verify("catalogue")).differences == ()
    assert run(worker.house.dsn, "SELECT 1 FROM ledger.read_models WHERE state = 'building'") == []


async def test_a_worker_that_stops_gives_up_what_it_was_building_and_the_next_one_does_it(worker: Worker) -> None:
    halfway = Halfway()
    rebuilding = asyncio.create_task(worker.rebuilds.rebuild("catalogue", on_progress=halfway))
    await asyncio.to_thread(halfway.there.wait, 10)
    await worker.states.request_rebuild("catalogue")

    rebuilding.cancel()
    await asyncio.sleep(0)
    halfway.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await rebuilding

    status = await worker.status()
    assert (status.generation, status.rebuilding, status.rebuild_requested) == (1, None, True)
    assert schemas(worker.house.dsn) == ["catalogue_1"]
    assert await worker.rebuilds._done_what_waits()
    assert (await worker.status()).generation > 1


async def test_one_worker_is_at_it_and_the_other_lets_the_request_wait(worker: Worker) -> None:
    other = Rebuilds(worker.house.read_models, worker.states, Signal())
    halfway = Halfway()
    await worker.states.request_rebuild("catalogue")
    rebuilding = asyncio.create_task(worker.rebuilds.rebuild("catalogue", on_progress=halfway))
    await asyncio.to_thread(halfway.there.wait, 10)

    assert not await other._done_what_waits()
    halfway.go_on.set()
    await rebuilding

    assert await other._done_what_waits()
    assert (await worker.status()).generation == 2


async def test_a_fact_that_cannot_be_taken_ends_the_request_and_leaves_what_is_live(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    dsn = worker.house.dsn
    run(dsn, "ALTER TABLE ledger.events DISABLE TRIGGER USER")
    run(dsn, "UPDATE ledger.events SET state = '\\x7b7d' WHERE notification_id = 2")
    run(dsn, "UPDATE ledger.read_models SET trouble = 'fact 2' WHERE name = 'catalogue' AND state = 'live'")
    await worker.states.request_rebuild("catalogue")
    await worker.states.request_rebuild("plans")

    assert await worker.rebuilds._done_what_waits()

    status = await worker.status()
    assert (status.generation, status.state, status.trouble) == (1, "degraded", "fact 2")
    assert (status.rebuild_requested, status.rebuilding) == (False, None)
    assert schemas(dsn) == ["catalogue_1"]
    assert (await worker.status("plans")).generation == 2
    (failed,) = [record for record in caplog.records if record.msg == "a requested rebuild failed"]
    assert "missing required field `type`" in vars(failed)["reason"]
    assert status.rebuild_error == vars(failed)["reason"]
    assert (await worker.status("plans")).rebuild_error is None


async def test_why_a_request_was_given_up_is_told_until_a_rebuild_is_live(worker: Worker) -> None:
    await worker.states.request_rebuild("catalogue")
    await worker.states.give_up_request("catalogue", "fact 2 cannot be read" + "\0" * 3_000)
    assert (await worker.status()).rebuild_error == "fact 2 cannot be read"

    await worker.rebuilds.rebuild("catalogue")

    assert (await worker.status()).rebuild_error is None
    await worker.rebuilds.rollback("catalogue")
    assert (await worker.status()).rebuild_error is None


async def test_what_only_a_newer_release_knows_is_left_to_it(worker: Worker) -> None:
    run(
        worker.house.dsn,
        "INSERT INTO ledger.read_models (name, generation, version, state, position, rebuild_requested_at)"
        " VALUES ('ratings', 1, 1, 'live', 0, now())",
    )
    run(worker.house.dsn, "UPDATE ledger.read_models SET version = 99 WHERE name = 'catalogue'")
    await worker.states.request_rebuild("catalogue")

    assert not await worker.rebuilds._done_what_waits()

    assert await worker.states.rebuilds_requested() == ["ratings", "catalogue"]


async def test_without_its_database_a_worker_waits(worker: Worker) -> None:
    closed = new_pool(worker.house.dsn, size=1)
    states = PostgresReadModelStates(closed)

    assert not await Rebuilds(worker.house.read_models, states, Signal())._done_what_waits()


async def test_twenty_rebuilds_hold_up_no_reader_and_no_reader_holds_them_up(worker: Worker) -> None:
    """Under readers, an appender, and a transaction that has read the first generations and stays open."""
    dsn, seconds = worker.house.dsn, list[float]()
    async with new_pool(dsn, size=4) as pool, Listener(dsn, READ_MODELS_SWAPPED) as listener:
        live = LiveGenerations(pool, listener.signal(READ_MODELS_SWAPPED))
        access, catalogue = PostgresAccessReads(pool, live), PostgresCatalogueReads(pool, live)
        with psycopg.connect(dsn) as long:
            for table in ("access_1.standings", "access_1.titles", "catalogue_1.videos"):
                long.execute(f"SELECT * FROM {table}".encode())
            asks: tuple[Callable[[], Awaitable[object]], ...] = (
                lambda: access.scene(ANNA, uuid4()),
                lambda: access.standing(ANNA),
                lambda: catalogue.video(uuid4()),
                lambda: catalogue.page(query=None, category=None, access=None, before=None, limit=20),
            )
            stop = asyncio.Event()
            readers = [asyncio.create_task(over_and_over(ask, seconds, stop)) for ask in asks]
            appender = asyncio.create_task(over_and_over(lambda: record(worker.house, "More"), [], stop))
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
                await asyncio.get_running_loop().run_in_executor(elsewhere, rebuild_over_and_over, dsn)
            stop.set()
            await asyncio.gather(*readers, appender)

    assert max(seconds) < READ_SECONDS_MAX
    assert {(await worker.status(name)).generation for name in ("access", "catalogue")} == {1 + SWAPS // 2}


def rebuild_over_and_over(dsn: str) -> None:
    """In a process of its own, as a worker does it, that does not insist on dropping what is being read."""
    swapping.DROP_ATTEMPTS = 2
    read_models = ReadModels(dsn, PROJECTIONS, FactMapper())
    for _ in range(SWAPS // 2):
        for name in ("access", "catalogue"):
            read_models.rebuild(name)


async def over_and_over(ask: Callable[[], Awaitable[object]], seconds: list[float], stop: asyncio.Event) -> None:
    """Until told to stop: on Python 3.11 a task that asks all the time may miss that it is cancelled."""
    while not stop.is_set():
        started = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - started)
