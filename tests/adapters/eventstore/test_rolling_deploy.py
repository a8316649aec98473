"""Two releases at once: a newer one swaps in read models of its own while processes of the older still run."""

import asyncio
import threading
from collections.abc import Mapping
from copy import copy
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from adapters.eventstore.live import LiveEngine
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from application.errors import ReadModelMoved
from application.ports.ledger import Write
from application.projections.access import access
from application.projections.catalogue import Listed, catalogue, created
from application.projections.every import PROJECTIONS
from application.projections.projection import Projection
from domain.video.facts import VideoCreated
from tests.adapters.eventstore.house import LedgerHouse, ledger_house

pytestmark = pytest.mark.anyio


def next_version(projection: Projection) -> Projection:
    newer = copy(projection)
    newer.version += 1
    newer.routes = dict(projection.routes)
    return newer


loud = next_version(catalogue)
loud.routes = {kind: routes for kind, routes in loud.routes.items() if kind.__name__ != VideoCreated.__name__}


@loud.fold(VideoCreated, into=Listed, key="video_id")
def created_loudly(video: Listed | None, fact: VideoCreated) -> Listed | None:
    return created(video, replace(fact, title=fact.title.upper()))


def release(dsn: str, *changed: Projection) -> ReadModels:
    projections: Mapping[str, Projection] = {**PROJECTIONS, **{each.name: each for each in changed}}
    return ReadModels(dsn, projections, FactMapper())


async def record(house: LedgerHouse, title: str) -> None:
    video_id = uuid4()
    fact = VideoCreated(
        fact_id=uuid4(),
        video_id=video_id,
        title=title,
        description="",
        category="",
        access="free",
        requires=None,
        platform="local",
    )
    await house.ledger.append(Write(video_id, 0, [fact]))


def titles(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        live = connection.execute(
            "SELECT generation FROM ledger.read_models WHERE name = 'catalogue' AND state = 'live'"
        ).fetchone()
        assert live is not None
        shown = Identifier(f"catalogue_{live[0]}", "videos")
        return [
            title
            for (title,) in connection.execute(SQL("SELECT title FROM {} ORDER BY created_position").format(shown))
        ]


async def test_an_older_process_writes_nothing_where_a_newer_one_has_taken_over(database: str) -> None:
    async with ledger_house(database) as older:
        await record(older, "onions")
        newer = release(database, next_version(access))
        assert newer.prepare() == ["access"]
        for _ in range(2):
            with pytest.raises(ReadModelMoved, match="restart"):
                await record(older, "leeks")
        assert await older.ledger.head() == 1
        assert newer.verify("access").differences == ()


async def test_an_older_engine_leaves_the_newer_read_model_to_the_newer_engine(database: str) -> None:
    async with ledger_house(database) as older:
        await record(older, "onions")
        engines = [LiveEngine(database, older.read_models)]
        engines[0].start()
        try:
            await until_titles(database, ["onions"])
            newer = release(database, loud)
            assert newer.prepare() == ["catalogue"]
            await record(older, "leeks")
            engines.append(LiveEngine(database, newer))
            engines[1].start()
            await record(older, "garlic")
            await until_titles(database, ["ONIONS", "LEEKS", "GARLIC"])
        finally:
            for engine in engines:
                engine.stop()
        assert newer.verify("catalogue").differences == ()


async def until_titles(dsn: str, wanted: list[str]) -> None:
    async with asyncio.timeout(10):
        while titles(dsn) != wanted:
            await asyncio.sleep(0.02)


async def test_an_older_release_does_not_start_on_newer_read_models_and_says_how_to_go_back(database: str) -> None:
    async with ledger_house(database) as older:
        await record(older, "onions")
        release(database, loud).prepare()
        with pytest.raises(ReadModelMoved, match="version 3"):
            older.read_models.rebuild("catalogue")
        with pytest.raises(ReadModelMoved, match="version 3") as told:
            older.read_models.prepare()
        assert titles(database) == ["ONIONS"]
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(str(told.value).rpartition(": ")[2].encode())
        assert older.read_models.prepare() == ["catalogue"]
        assert titles(database) == ["onions"]


async def test_a_process_that_starts_does_not_wait_for_a_rebuild_under_way(database: str) -> None:
    async with ledger_house(database) as house:
        with psycopg.connect(database, autocommit=True) as rebuilding:
            rebuilding.execute("SELECT pg_advisory_lock(hashtext('rebuild'), hashtext('catalogue'))")
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(house.read_models.prepare) == []


async def test_of_two_that_start_with_a_new_version_one_makes_it_and_the_other_waits(database: str) -> None:
    async with ledger_house(database):
        made: list[list[str]] = []
        starting = [
            threading.Thread(target=lambda: made.append(release(database, loud).prepare()), daemon=True)
            for _ in range(2)
        ]
        with psycopg.connect(database, autocommit=True) as rebuilding:
            rebuilding.execute("SELECT pg_advisory_lock(hashtext('rebuild'), hashtext('catalogue'))")
            for each in starting:
                each.start()
            await asyncio.sleep(0.3)
            assert made == []
        for each in starting:
            await asyncio.to_thread(each.join, 10)
        assert sorted(made) == [[], ["catalogue"]]
