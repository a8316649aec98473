"""The group committer in trouble: every caller has an answer, soon, and one that is true."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.mapper import Placed
from adapters.eventstore.recorder import LEDGER_LOCK, Append, LedgerRecorder, Outcome
from application.errors import DatabaseUnavailable, OutcomeUnknown
from application.ports.ledger import Insert, StreamMoved, Write
from domain.video.facts import VideoPublished
from tests.adapters.eventstore.house import LedgerHouse, ledger_house
from tests.people import ANNA, BORIS

pytestmark = pytest.mark.anyio

SPOILT = UUID(int=13)


def published(video_id: UUID = ANNA) -> VideoPublished:
    return VideoPublished(fact_id=uuid4(), video_id=video_id)


def one(stream: UUID | None = None, *, video_id: UUID = ANNA) -> Append:
    return Append([Write(stream or uuid4(), 0, [published(video_id)])], [], {})


class Troubled(LedgerRecorder):
    """Cannot record facts of one video; loses the connection as often as it is told to, before or after the commit."""

    losses = 0
    after_commit = False

    def record(self, appends: Sequence[Append]) -> list[Outcome]:
        if not self.losses:
            return super().record(appends)
        self.losses -= 1
        if self.after_commit:
            super().record(appends)
        raise OperationalError("the connection was lost")

    def _insert_placed(self, connection: psycopg.Connection[Any], placed: Sequence[Placed]) -> None:
        for entry in placed:
            if isinstance(entry.fact, VideoPublished) and entry.fact.video_id == SPOILT:
                raise KeyError("a step of a projection")
        super()._insert_placed(connection, placed)


@asynccontextmanager
async def troubled_house(dsn: str) -> AsyncIterator[tuple[LedgerHouse, Troubled, GroupCommitter]]:
    async with ledger_house(dsn) as house:
        recorder = Troubled(
            house.recorder.datastore,  # type: ignore[arg-type]
            mapper=house.mapper,
            inline=house.recorder.inline,
            business_time=house.clock,
        )
        committer = GroupCommitter(recorder)
        try:
            yield house, recorder, committer
        finally:
            await committer.close()


async def answers(committer: GroupCommitter, *appends: Append, seconds: float = 8) -> list[int | BaseException]:
    async with asyncio.timeout(seconds):
        return await asyncio.gather(*map(committer.append, appends), return_exceptions=True)


def kinds(given: Sequence[int | BaseException]) -> list[str]:
    return [type(each).__name__ for each in given]


async def test_a_fact_that_cannot_be_recorded_fails_for_its_caller_alone(database: str) -> None:
    async with troubled_house(database) as (house, _, committer):
        given = await answers(committer, one(), one(video_id=SPOILT), one())
        assert (kinds(given), await house.ledger.head()) == (["int", "KeyError", "int"], 2)


@pytest.mark.parametrize("after_commit", [False, True])
async def test_nor_does_it_hold_up_the_others_when_the_connection_is_lost_as_well(
    database: str, *, after_commit: bool
) -> None:
    async with troubled_house(database) as (house, recorder, committer):
        recorder.losses, recorder.after_commit = 1, after_commit
        spoilt = [] if after_commit else [one(video_id=SPOILT)]
        given = await answers(committer, one(), one(), *spoilt, one())
        assert [each for each in given if isinstance(each, int)] == [1, 2, 3]
        assert (kinds(given).count("KeyError"), await house.ledger.head()) == (len(spoilt), 3)


async def test_of_a_batch_whose_reply_was_lost_again_and_again_each_fact_is_recorded_once(database: str) -> None:
    async with troubled_house(database) as (house, recorder, committer):
        recorder.losses, recorder.after_commit = 3, True
        given = await answers(committer, one(ANNA), one(ANNA), one(BORIS), *(one() for _ in range(20)))
        assert (given[0], given[2]) == (1, 2)
        assert isinstance(given[1], StreamMoved)
        assert await house.ledger.head() == 22


async def test_rows_without_facts_cannot_be_looked_for_and_are_not_changed_twice(database: str) -> None:
    async with troubled_house(database) as (house, recorder, committer):
        recorder.losses, recorder.after_commit = 1, True
        claim = Insert("claims", {"kind": "email", "blind_index": b"anna", "owner": ANNA})
        given = await answers(committer, Append([], [claim], {}), one())
        assert (kinds(given), await house.ledger.head()) == (["OutcomeUnknown", "int"], 1)


async def test_after_it_was_closed_it_takes_nothing_and_says_so(database: str) -> None:
    async with troubled_house(database) as (_, _, committer):
        assert await answers(committer, one()) == [1]
        await committer.close()
        assert kinds(await answers(committer, one())) == ["LedgerBusy"]


async def test_closing_writes_what_is_waiting(database: str) -> None:
    async with troubled_house(database) as (_, _, committer):
        waiting = [asyncio.create_task(committer.append(one())) for _ in range(5)]
        await asyncio.sleep(0)
        await committer.close()
        assert await asyncio.gather(*waiting) == [1, 2, 3, 4, 5]


class Slow:
    """A recorder that takes its time."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def record(self, appends: Sequence[Append]) -> list[Outcome]:
        self.begun.set()
        self.may_end.wait(10)
        return [1 for _ in appends]


def test_a_loop_that_is_closed_first_leaves_a_writer_that_ends_too(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    committer = GroupCommitter(cast("LedgerRecorder", slow))

    async def leave_without_waiting() -> None:
        caller = asyncio.create_task(committer.append(one()))
        await asyncio.to_thread(slow.begun.wait, 5)
        caller.cancel()

    asyncio.run(leave_without_waiting())
    slow.may_end.set()
    committer._writer.shutdown(wait=True)
    assert "the loop was closed before" in caplog.text


async def test_what_was_answered_is_not_kept(database: str) -> None:
    async with troubled_house(database) as (_, _, committer):
        await answers(committer, *(one() for _ in range(20)))
        await asyncio.sleep(0)
        assert not committer._unanswered


async def test_who_goes_away_before_its_turn_is_not_recorded(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.eventstore.committer.BATCH_MAX", 1)
    async with troubled_house(database) as (house, _, committer):
        with ledger_locked(database):
            first, second = (asyncio.create_task(committer.append(one())) for _ in range(2))
            await asyncio.sleep(0.1)
            second.cancel()
        assert await first == 1
        await committer.close()
        assert await house.ledger.head() == 1


@contextmanager
def ledger_locked(dsn: str) -> Iterator[None]:
    with psycopg.connect(dsn) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
        yield


async def test_a_wait_for_the_ledgers_lock_ends_and_nothing_is_recorded(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.eventstore.datastore.LOCK_TIMEOUT_SECONDS", 0.2)
    async with troubled_house(database) as (house, recorder, committer):
        looked: list[object] = []
        monkeypatch.setattr(recorder, "committed", looked.append)
        with ledger_locked(database):
            given = await answers(committer, one(), one(), seconds=2)
        assert (kinds(given), looked) == (["DatabaseUnavailable"] * 2, [])
        assert (await answers(committer, one()), await house.ledger.head()) == ([1], 1)


async def test_a_database_that_has_become_read_only_is_unavailable_and_no_mistake_of_ours(database: str) -> None:
    async with troubled_house(database) as (_, recorder, committer):
        recorder.lock_table_statements.append(SQL("SET TRANSACTION READ ONLY"))
        assert kinds(await answers(committer, one(), one())) == ["DatabaseUnavailable"] * 2


@contextmanager
def database_away(dsn: str) -> Iterator[None]:
    """Nobody is connected, and nobody can connect."""
    name = conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as server:
        allow = SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        server.execute(allow.format(Identifier(str(name)), SQL("false")))
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            yield
        finally:
            server.execute(allow.format(Identifier(str(name)), SQL("true")))


async def test_in_an_outage_everybody_is_answered_in_time_also_those_queued_behind(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.eventstore.committer.ANSWER_SECONDS_MAX", 1.0)
    monkeypatch.setattr("adapters.eventstore.committer.RECOVERY_SECONDS", 0.8)
    async with troubled_house(database) as (_, _, committer):
        assert await answers(committer, one()) == [1]
        with database_away(database):
            first = [asyncio.create_task(timed(committer, one())) for _ in range(6)]
            await asyncio.sleep(0.4)
            behind = [asyncio.create_task(timed(committer, one())) for _ in range(6)]
            given = await asyncio.gather(*first, *behind)
        assert max(seconds for _, seconds in given) < 1.5
        assert {kind for kind, _ in given[:6]} == {OutcomeUnknown}
        assert {kind for kind, _ in given[6:]} == {DatabaseUnavailable}
        await until_recorded(committer)
    with psycopg.connect(database) as connection:
        recorded = connection.execute("SELECT max(notification_id) FROM ledger.events").fetchone()
    assert recorded in [(2,), (8,)], "who was told that nothing was recorded is right"


async def timed(committer: GroupCommitter, append: Append) -> tuple[type[BaseException] | None, float]:
    started, kind = time.monotonic(), None
    try:
        await committer.append(append)
    except Exception as trouble:  # noqa: BLE001 - whatever it is, it is what the test asks about
        kind = type(trouble)
    return kind, time.monotonic() - started


async def until_recorded(committer: GroupCommitter) -> None:
    async with asyncio.timeout(30):
        while not isinstance((await answers(committer, one(), seconds=30))[0], int):
            await asyncio.sleep(0.1)


async def test_a_writer_that_hangs_keeps_nobody_waiting(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.eventstore.committer.ANSWER_SECONDS_MAX", 0.3)
    async with troubled_house(database) as (_, recorder, committer):
        inside, go_on = threading.Event(), threading.Event()

        def hang(appends: Sequence[Append]) -> list[Outcome]:
            inside.set()
            go_on.wait(10)
            return LedgerRecorder.record(recorder, appends)

        monkeypatch.setattr(recorder, "record", hang)
        under_way = asyncio.create_task(timed(committer, one()))
        await asyncio.to_thread(inside.wait, 5)
        behind = await timed(committer, one())
        assert ((await under_way)[0], behind[0]) == (OutcomeUnknown, DatabaseUnavailable)
        go_on.set()


async def test_without_business_time_nothing_is_recorded_and_all_are_told_the_same(database: str) -> None:
    async with troubled_house(database) as (house, recorder, committer):
        recorder.business_time, stopped = NoClock(), recorder.business_time
        recorder.losses = 1
        assert kinds(await answers(committer, one(), one())) == ["DatabaseUnavailable"] * 2
        recorder.business_time = stopped
        assert (await answers(committer, one()), await house.ledger.head()) == ([1], 1)


class NoClock:
    """Business time is asked of a database that does not answer."""

    def now(self) -> datetime:
        raise DatabaseUnavailable("The database does not answer now.")


async def test_once_the_time_is_over_nothing_more_is_tried(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.eventstore.committer.RECOVERY_SECONDS", 0.05)
    async with troubled_house(database) as (house, recorder, committer):
        recorder.losses = 1
        assert kinds(await answers(committer, one(), one(), one())) == ["DatabaseUnavailable"] * 3
        assert await house.ledger.head() == 0
