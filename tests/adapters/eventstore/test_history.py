"""The ledger's history on a long ledger: each filter gives what it says, by one index, a page at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import asdict
from psycopg.sql import SQL

from adapters.eventstore.history import PostgresHistory
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.ways import OF_STREAM_UP_TO, RECORDED_BEFORE
from adapters.memory.vault import MemoryVault
from adapters.postgres.pool import Pool, new_pool
from application.ports.ledger import HistoryFilter
from tests.adapters.eventstore.long_ledger import EARLY, LATE, LONG_STREAM, LOUD, RARE, recorded_at, seed

pytestmark = pytest.mark.anyio

FACTS = 100_000
PAGE = 500
MIDDLE = recorded_at(FACTS // 2)
BUFFERS_MAX = 8_000
"""What 5,000 facts that lie apart can take, and far less than the ledger has."""

FILTERS = {
    "nothing": HistoryFilter(after=40_000),
    "from": HistoryFilter(since=MIDDLE),
    "to": HistoryFilter(until=MIDDLE),
    "between": HistoryFilter(since=MIDDLE, until=MIDDLE + timedelta(hours=1)),
    "between two moments": HistoryFilter(since=MIDDLE + timedelta(seconds=1), until=MIDDLE + timedelta(seconds=11)),
    "positions": HistoryFilter(after=FACTS - 700, up_to=FACTS - 100),
    "stream": HistoryFilter(stream=LOUD),
    "stream of others": HistoryFilter(stream=LONG_STREAM, since=MIDDLE, up_to=FACTS - 1_000),
    "account": HistoryFilter(account=LOUD),
    "account from": HistoryFilter(account=LOUD, since=MIDDLE),
    "type": HistoryFilter(type=LATE),
    "the first type": HistoryFilter(type=EARLY),
    "the last type": HistoryFilter(type="video.unpublished"),
    "type in the wrong half": HistoryFilter(type=EARLY, after=FACTS // 2),
    "rare type": HistoryFilter(type=RARE),
    "account and type": HistoryFilter(account=LOUD, type=LATE, until=recorded_at(80_000)),
    "account and rare type": HistoryFilter(account=LOUD, type=RARE),
    "stream and rare type": HistoryFilter(stream=LOUD, type=RARE, since=MIDDLE),
    "stream and type": HistoryFilter(stream=LONG_STREAM, type="video.published"),
    "stream and account": HistoryFilter(stream=LOUD, account=LOUD, type=LATE),
    "stream and another account": HistoryFilter(stream=LONG_STREAM, account=LOUD),
    "no such stream": HistoryFilter(stream=UUID(int=7)),
    "no such account": HistoryFilter(account=UUID(int=2**128 - 1)),
    "no such type": HistoryFilter(type="video.eaten"),
    "the time to come": HistoryFilter(since=recorded_at(FACTS) + timedelta(days=1)),
    "until the time to come": HistoryFilter(after=FACTS - 9, until=recorded_at(FACTS) + timedelta(days=1)),
    "before the first": HistoryFilter(until=recorded_at(0)),
    "beyond the head": HistoryFilter(after=FACTS + 5, up_to=FACTS + 9),
    "nothing between": HistoryFilter(after=50, up_to=50),
}

EXPECTED = """
    SELECT notification_id FROM ledger.events
    WHERE notification_id > %(after)s
        AND (%(up_to)s::bigint IS NULL OR notification_id <= %(up_to)s)
        AND (%(stream)s::uuid IS NULL OR originator_id = %(stream)s)
        AND (%(account)s::uuid IS NULL OR account_id = %(account)s)
        AND (%(type)s::text IS NULL OR topic = %(type)s)
        AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
    ORDER BY notification_id
"""


@pytest.fixture(scope="module")
def long_ledger(module_database: str) -> str:
    with psycopg.connect(module_database, autocommit=True) as connection:
        seed(connection, FACTS)
        connection.execute("ANALYZE ledger.events")
    return module_database


@pytest.fixture
async def pool(long_ledger: str) -> AsyncIterator[Pool]:
    async with new_pool(long_ledger, size=2) as opened:
        yield opened


@pytest.fixture
def history(pool: Pool) -> PostgresHistory:
    return PostgresHistory(pool, FactMapper(), MemoryVault())


async def positions(history: PostgresHistory, wanted: HistoryFilter, page_size: int = PAGE) -> list[int]:
    return [entry.fact.position async for entry in history.facts(wanted, page_size=page_size)]


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_gives_all_that_it_says_and_nothing_else(
    long_ledger: str, history: PostgresHistory, name: str
) -> None:
    wanted = FILTERS[name]
    with psycopg.connect(long_ledger) as connection:
        expected = [row[0] for row in connection.execute(EXPECTED, asdict(wanted))]

    assert await positions(history, wanted) == expected


async def test_pages_of_any_size_give_the_same(history: PostgresHistory) -> None:
    wanted = HistoryFilter(account=LOUD, type=LATE, after=90_000)
    whole = await positions(history, wanted)

    assert len(whole) > 400
    for page_size in (1, 7, len(whole), 5_000, 50_000):
        assert await positions(history, wanted, page_size) == whole


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_reads_one_index_and_sorts_no_more_than_it_walks(
    pool: Pool, history: PostgresHistory, name: str
) -> None:
    way = await history._way(FILTERS[name])
    for beyond in {way.beyond, (way.beyond + way.last) // 2, max(way.last - 10, way.beyond)}:
        plan = await explained(pool, *way._replace(beyond=beyond).page(PAGE))

        nodes = list(nodes_of(plan))
        kinds = {node["Node Type"] for node in nodes}
        assert not kinds & {"Seq Scan", "Gather", "Gather Merge", "Incremental Sort"}, kinds
        assert len({node["Index Name"] for node in nodes if "Index Name" in node}) == 1
        assert all(node["Actual Rows"] <= 5_000 for node in nodes)
        # Where there are few the planner may take them as they lie, and sort them.
        assert all(node["Actual Rows"] <= 100 for node in nodes if node["Node Type"] == "Bitmap Heap Scan")
        # Nothing is walked past, save what is asked for besides: that is done apart from the walk.
        walked = [node for node in nodes if node["Node Type"] in {"Index Scan", "Bitmap Heap Scan"}]
        assert [node.get("Rows Removed by Filter", 0) for node in walked] == [0]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < BUFFERS_MAX


async def explained(pool: Pool, statement: Any, values: Any) -> dict[str, Any]:
    async with pool.connection() as connection:
        asked = SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + statement
        row = await (await connection.execute(asked, values, prepare=False)).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def nodes_of(plan: dict[str, Any]) -> Any:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


async def test_a_moment_is_found_among_the_positions_by_a_few_look_ups(pool: Pool, history: PostgresHistory) -> None:
    by_time = await explained(pool, RECORDED_BEFORE, {"moment": MIDDLE})
    by_version = await explained(pool, OF_STREAM_UP_TO, {"stream": LONG_STREAM, "position": FACTS // 2})

    for plan in (by_time, by_version):
        assert not {node["Node Type"] for node in nodes_of(plan)} & {"Seq Scan", "Bitmap Heap Scan"}
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20 * 5


async def test_a_reader_ends_with_what_was_there_when_it_began(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        seed(connection, 2_000, last=1_000)
        async with new_pool(database, size=1) as pool:
            history = PostgresHistory(pool, FactMapper(), MemoryVault())
            seen = []
            async for entry in history.facts(HistoryFilter(), page_size=10):
                seen.append(entry.fact.position)
                if len(seen) == 500:
                    seed(connection, 2_000, first=1_001, last=2_000)

    assert seen == list(range(1, 1_001))


async def test_a_reader_that_pauses_holds_no_connection(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        seed(connection, 100)
        async with new_pool(database, size=1) as pool:
            history = PostgresHistory(pool, FactMapper(), MemoryVault())
            reading = history.facts(HistoryFilter(), page_size=10)
            first = await anext(reading)

            async with asyncio.timeout(5):
                assert len(await history.of_account(LOUD)) == 5
            assert connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%%' AND datname = current_database()"
            ).fetchone() == (0,)
            assert [first.fact.position, *[entry.fact.position async for entry in reading]] == list(range(1, 101))


async def test_nobody_has_no_history(history: PostgresHistory) -> None:
    assert await history.of_account(uuid4()) == []
