"""A connection that breaks around COMMIT: nothing is recorded twice, nobody is refused for what was his own."""

import asyncio
import os
import socket
from collections.abc import Sequence
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.eventstore.datastore import LedgerDatastore
from application.ports.ledger import Insert, StreamMoved, Write
from domain.video.facts import VideoPublished
from tests.adapters.eventstore.cut import Moment, cut_off
from tests.adapters.eventstore.house import ledger_house
from tests.people import ANNA

pytestmark = pytest.mark.anyio

CALLERS = 40


def published(stream: UUID, version: int = 0) -> Write:
    return Write(stream, version, [VideoPublished(fact_id=uuid4(), video_id=stream)])


@pytest.mark.parametrize("cuts", [1, 3])
@pytest.mark.parametrize("moment", ["before it arrives", "after it is done"])
async def test_a_batch_of_several_streams_and_guarded_rows_is_recorded_once(
    database: str, moment: Moment, cuts: int
) -> None:
    streams = [(uuid4(), uuid4()) for _ in range(CALLERS)]
    with cut_off(database) as proxy:
        async with ledger_house(proxy.dsn) as house:
            proxy.moment, proxy.cuts_left = moment, cuts
            appends = [
                house.ledger.append(
                    published(first),
                    published(second),
                    rows=[Insert("claims", {"kind": "email", "blind_index": first.bytes, "owner": first})],
                )
                for first, second in streams
            ]
            answers = await asyncio.gather(*appends, house.ledger.append(published(ANNA, 7)), return_exceptions=True)
            assert proxy.cuts_left == 0, "the connection was lost as often as it was meant to be"
    assert isinstance(answers.pop(), StreamMoved)
    assert answers == [2 * number for number in range(1, CALLERS + 1)]
    assert _recorded(database) == ([(stream, 1) for pair in streams for stream in pair], CALLERS)


def _recorded(dsn: str) -> tuple[Sequence[tuple[UUID, int]], int]:
    with psycopg.connect(dsn) as connection:
        facts = connection.execute(
            "SELECT originator_id, originator_version FROM ledger.events ORDER BY notification_id"
        ).fetchall()
        claims = connection.execute("SELECT count(*) FROM ops.claims").fetchone()
    assert claims is not None
    return facts, claims[0]


async def test_every_wait_of_an_append_has_a_limit(database: str) -> None:
    wanted = {
        "lock_timeout": "8s",
        "statement_timeout": "15s",
        "idle_in_transaction_session_timeout": "15s",
    }
    with cut_off(database) as proxy:
        datastore = LedgerDatastore(proxy.dsn)
        with datastore.get_connection() as connection:
            rows = connection.execute(
                "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY(%s)", (list(wanted),)
            ).fetchall()
            with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                tcp_user_timeout_ms = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        datastore.close()
    assert {row["name"]: row["value"] for row in rows} == wanted
    assert tcp_user_timeout_ms == 10_000


async def test_what_an_append_commits_is_on_the_disk_before_it_is_answered(database: str) -> None:
    """Whoever turns `synchronous_commit` off does so for the whole server, as these tests do: no append does."""
    datastore = LedgerDatastore(database)
    with datastore.get_connection() as connection:
        row = connection.execute("SELECT source FROM pg_settings WHERE name = 'synchronous_commit'").fetchone()
    datastore.close()
    assert row is not None
    assert row["source"] not in {"client", "session", "user", "database", "database user"}
