"""Read models: in step with the ledger, the same however they are batched, rebuilt beside the live one and swapped."""

import asyncio
import threading
from collections import defaultdict
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from adapters.eventstore.live import LiveEngine
from adapters.eventstore.read_models import RebuildUnderWay
from application.ports.ledger import HistoryFilter, Write
from application.projections.catalogue import Listed, catalogue
from application.projections.projection import fold_alone
from domain.shared.fact import Fact
from tests.adapters.eventstore.house import LedgerHouse, ledger_house, stands
from tests.adapters.eventstore.stories import facts_of_videos

pytestmark = pytest.mark.anyio

TABLES = ("catalogue.videos", "access.titles")

MENDED = b'{"type":"video.published","video_id":"00000000-0000-4000-8000-000000000009"}'


async def record(house: LedgerHouse, told: list[tuple[UUID, Fact]]) -> None:
    versions: dict[UUID, int] = defaultdict(int)
    for stream, _ in told:
        versions[stream] = len(await house.ledger.read(stream))
    for stream, fact in told:
        await house.ledger.append(Write(stream, versions[stream], [fact]))
        versions[stream] += 1


def rows(dsn: str, table: str) -> set[str]:
    """Of the live generation; `table` such as `catalogue.videos`."""
    name, _, label = table.partition(".")
    with psycopg.connect(dsn) as connection:
        live = connection.execute(
            "SELECT generation FROM ledger.read_models WHERE name = %s AND state = 'live'", (name,)
        ).fetchone()
        assert live is not None
        shown = Identifier(f"{name}_{live[0]}", label)
        return {row[0] for row in connection.execute(SQL("SELECT to_json(t)::text FROM {} t").format(shown))}


def states(house: LedgerHouse) -> dict[str, str]:
    return {name: "degraded" if stand.trouble else "live" for name, stand in stands(house.dsn).items()}


def advance(house: LedgerHouse, batch: int) -> None:
    with psycopg.connect(house.dsn, autocommit=True) as connection:
        while house.read_models.advance(connection, catalogue, limit=batch):
            pass


async def until(condition: object, *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
async def test_any_batching_gives_the_rows_that_folding_in_memory_gives(database: str, batch: int) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=batch, count=120))
        advance(house, batch)
        facts = [entry.fact async for entry in house.history.facts(HistoryFilter())]
        expected = fold_alone(catalogue, facts).by_key[Listed]
        with psycopg.connect(database) as connection:
            found = connection.execute(
                "SELECT video_id, title, status, error, playback_id, duration_seconds, published_position"
                " FROM catalogue_1.videos"
            ).fetchall()
    assert {row[0]: row[1:] for row in found} == {
        key: (row.title, row.status, row.error, row.playback_id, row.duration_seconds, row.published_position)
        for key, row in expected.items()
        if isinstance(row, Listed)
    }


async def test_the_inline_read_model_is_there_when_the_append_returns(database: str) -> None:
    async with ledger_house(database) as house:
        ((stream, created),) = facts_of_videos(seed=1, count=1)
        await house.ledger.append(Write(stream, 0, [created]))
        assert len(rows(database, "access.titles")) == 1


async def test_a_rebuild_gives_the_very_rows_that_were_live(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=3, count=150))
        advance(house, 10)
        before = {table: rows(database, table) for table in ("catalogue.videos", "access.titles")}
        for name in ("catalogue", "access"):
            rebuilt = house.read_models.rebuild(name)
            assert (rebuilt.facts, rebuilt.generation) == (150, 2)
        assert {table: rows(database, table) for table in ("catalogue.videos", "access.titles")} == before
        with psycopg.connect(database) as connection:
            schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '_[0-9]+$'").fetchall()
        assert {"access_1", "access_2", "catalogue_1", "catalogue_2"} <= {name for (name,) in schemas}


async def test_a_live_one_that_lags_differs_in_nothing_and_a_rebuild_goes_on_to_the_head(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=2, count=90))
        with psycopg.connect(database, autocommit=True) as connection:
            house.read_models.advance(connection, catalogue, limit=40)
        verified = house.read_models.verify("catalogue")
        assert (verified.differences, verified.position) == ((), 40)
        assert house.read_models.rebuild("catalogue").facts == 90
        assert stands(database)["catalogue"].position == 90


async def test_verify_holds_up_neither_the_engine_nor_appends_and_finds_no_difference(database: str) -> None:
    async with ledger_house(database) as house:
        engine = LiveEngine(database, house.read_models)
        engine.start()
        try:
            writing = asyncio.create_task(record(house, facts_of_videos(seed=11, count=250, videos=40)))
            while not writing.done():
                for name in ("catalogue", "access"):
                    found = await asyncio.to_thread(house.read_models.verify, name)
                    assert found.differences == ()
            await writing
        finally:
            engine.stop()


async def test_verify_names_the_row_that_somebody_changed_and_changes_nothing(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=4, count=30))
        advance(house, 10)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "UPDATE catalogue_1.videos SET title = 'forged'"
                " WHERE video_id = (SELECT min(video_id::text)::uuid FROM catalogue_1.videos)"
            )
        found = house.read_models.verify("catalogue").differences
        (difference,) = found
        assert difference.table == "videos"
        assert "forged" in (difference.live or "")
        assert difference.key in (difference.rebuilt or "")
        assert "forged" not in (difference.rebuilt or "")
        assert any("forged" in row for row in rows(database, "catalogue.videos"))
        house.read_models.rebuild("catalogue")
        assert not any("forged" in row for row in rows(database, "catalogue.videos"))


async def test_a_rebuild_of_the_inline_read_model_loses_nothing_that_is_written_meanwhile(database: str) -> None:
    async with ledger_house(database) as house:
        told = facts_of_videos(seed=5, count=300, videos=40)
        writing = asyncio.create_task(record(house, told))
        rebuilt = [await asyncio.to_thread(house.read_models.rebuild, "access") for _ in range(4)]
        await writing
        assert [each.generation for each in rebuilt] == [2, 3, 4, 5]
        assert house.read_models.verify("access").differences == ()


async def test_readers_go_on_while_generations_are_swapped(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=6, count=40))
        advance(house, 100)
        expected, stop, seen = len(rows(database, "catalogue.videos")), threading.Event(), []

        def read() -> None:
            while not stop.is_set():
                seen.append(len(rows(database, "catalogue.videos")))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        for _ in range(5):
            await asyncio.to_thread(house.read_models.rebuild, "catalogue")
        stop.set()
        reader.join(10)
        assert set(seen) == {expected}


async def test_two_rebuilds_at_once_one_is_told_to_wait(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=7, count=40))
        inside, go_on = threading.Event(), threading.Event()

        def hold(_: int, __: int) -> None:
            inside.set()
            go_on.wait(10)

        first = asyncio.create_task(asyncio.to_thread(house.read_models.rebuild, "catalogue", on_progress=hold))
        await asyncio.to_thread(inside.wait, 10)
        with pytest.raises(RebuildUnderWay):
            house.read_models.rebuild("catalogue")
        go_on.set()
        await first


async def test_what_a_killed_rebuild_left_is_cleared_by_the_next(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=8, count=20))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA catalogue_2")
            connection.execute(
                "INSERT INTO ledger.read_models (name, generation, version, state, position)"
                " VALUES ('catalogue', 2, 1, 'building', 7)"
            )
        advance(house, 100)
        assert house.read_models.rebuild("catalogue").generation == 2
        assert house.read_models.verify("catalogue").differences == ()


async def test_two_live_engines_follow_and_each_fact_counts_once(database: str) -> None:
    async with ledger_house(database) as house:
        engines = [LiveEngine(database, house.read_models) for _ in range(2)]
        for engine in engines:
            engine.start()
        try:
            await record(house, facts_of_videos(seed=9, count=100))
            await until(lambda: all(stand.position == stand.head for stand in stands(database).values()))
        finally:
            for engine in engines:
                engine.stop()
        assert house.read_models.verify("catalogue").differences == ()


async def test_a_fact_that_cannot_be_read_degrades_its_read_model_alone_and_a_rebuild_repairs_it(database: str) -> None:
    async with ledger_house(database) as house:
        await record(house, facts_of_videos(seed=10, count=10))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO ledger.events VALUES (gen_random_uuid(), 1, 'video.published', '{broken', 11, now(), NULL)"
            )
        engine = LiveEngine(database, house.read_models)
        engine.start()
        try:
            await until(lambda: states(house)["catalogue"] == "degraded")
            assert (states(house)["plans"], states(house)["access"]) == ("live", "live")
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
                connection.execute("UPDATE ledger.events SET state = %s WHERE notification_id = 11", (MENDED,))
            house.read_models.rebuild("catalogue")
            assert states(house)["catalogue"] == "live"
        finally:
            engine.stop()


async def test_an_append_that_asks_for_rows_of_a_generation_that_has_been_dropped_goes_on(database: str) -> None:
    async with ledger_house(database) as house:
        told = facts_of_videos(seed=12, count=60)
        await record(house, told[:20])
        for part in (told[20:40], told[40:]):
            house.read_models.rebuild("access")
            assert house.read_models.drop_kept("access").dropped
            await record(house, part)
        assert await house.ledger.head() == 60
        assert house.read_models.verify("access").differences == ()
