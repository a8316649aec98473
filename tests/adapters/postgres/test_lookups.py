"""What every connection of the program is given: limits on its waits, and plans that stay good while a table grows."""

from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.postgres.play_sessions import PostgresPlaySessions
from adapters.postgres.pool import CONNECTION_ARGUMENTS, new_pool
from application.ports.play_sessions import StreamLimit
from tests.adapters.postgres.test_streams import NOW, play

pytestmark = pytest.mark.anyio

ANNA = uuid4()
PLANNED_FOR_GOOD = 6
"""Executions after which PostgreSQL keeps one plan for all values."""


def tables_read_whole(dsn: str) -> int:
    """How often `ops.play_sessions` was; those that counted tell it when they leave."""
    with closing(psycopg.connect(dsn)) as connection:
        row = connection.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'play_sessions'").fetchone()
    assert row is not None
    return int(row[0])


async def test_plays_are_found_by_an_index_where_the_table_was_said_to_be_empty(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE ops.play_sessions")
    before = tables_read_whole(database)

    async with new_pool(database, size=1, for_lookups=True) as pool:
        plays = PostgresPlaySessions(pool)
        for one in [play(ANNA, device_id=device) for device in (None, "tv") for _ in range(PLANNED_FOR_GOOD + 2)]:
            await plays.start(one)
            assert await plays.beat(one.session_id, ANNA, position_seconds=1.0, now=NOW)
            assert await plays.live(one.session_id, now=NOW)
        for one in [play(ANNA) for _ in range(PLANNED_FOR_GOOD + 2)]:
            await plays.start_counted(one, StreamLimit(100))

    assert tables_read_whole(database) == before
    with closing(psycopg.connect(database)) as connection:
        query = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'play_sessions_device_idx'"
        [scans] = connection.execute(query).fetchone() or [0]
    assert scans >= PLANNED_FOR_GOOD, "what a device plays is not looked for among all that its account has played"


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
async def test_every_connection_has_limits_of_its_own_and_of_a_pool_too(database: str, setting: str) -> None:
    arguments: dict[str, Any] = CONNECTION_ARGUMENTS
    show = f"SHOW {setting}".encode()
    with psycopg.connect(database, **arguments) as connection:
        alone = connection.execute(show).fetchone()
    for for_lookups in (False, True):
        async with new_pool(database, size=1, for_lookups=for_lookups) as pool, pool.connection() as pooled:
            assert await (await pooled.execute(show)).fetchone() == alone

    assert alone in {("15s",), ("5s",)}
