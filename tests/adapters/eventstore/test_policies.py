"""Policies pass over what nobody can read, and tell of it; what they could not do they try again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.eventstore import policies
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.policies import PolicyRunner
from adapters.postgres.policy_states import PostgresPolicyStates
from adapters.postgres.pool import new_pool
from application.policies.policy import Policy
from application.ports.policies import PolicyStatus
from domain.video.facts import UploadReceived
from tests.adapters.eventstore.shelves import record

pytestmark = pytest.mark.anyio

ANNAS, BENS, CARLAS = (UUID(int=number) for number in (1, 2, 3))
NO_FACT = b'{"type":"video.upload_received","size_bytes":"many"}'
NO_UTF8 = b'{"type":"video.upload_received","sha256":"\xff"}'
FAR_TOO_DEEP = b'{"type":"video.upload_received","sha256":' + b"[" * 100_000


def received(dsn: str, video_id: UUID, position: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        record(connection, [UploadReceived(video_id=video_id, size_bytes=7, sha256="", position=position)])


def forged(dsn: str, state: bytes, position: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ledger.events VALUES (%s, 1, 'video.upload_received', %s, %s, now(), NULL)",
            (uuid4(), state, position),
        )


@pytest.fixture
def transcoded(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """What the policy has been asked for; it looks every 50 ms."""
    monkeypatch.setattr(policies, "POLL_SECONDS", 0.05)
    return []


def transcoding(transcoded: list[UUID], act: Callable[[UUID], Awaitable[None]] | None = None) -> Policy:
    async def transcode(fact: UploadReceived) -> None:
        if act is not None:
            await act(fact.video_id)
        transcoded.append(fact.video_id)

    return Policy("transcode_uploads", (UploadReceived,), transcode)


@asynccontextmanager
async def following(dsn: str, policy: Policy) -> AsyncIterator[None]:
    task = asyncio.create_task(PolicyRunner(dsn, [policy], FactMapper()).run())
    yield
    while not task.done():  # On Python 3.11 a cancellation may be missed.
        task.cancel()
        await asyncio.wait([task], timeout=1)


async def until_there_are(count: int, found: list[UUID]) -> None:
    async with asyncio.timeout(10):
        while len(found) < count:
            await asyncio.sleep(0.02)


async def status(dsn: str, policy: Policy) -> PolicyStatus:
    async with new_pool(dsn, size=1) as pool:
        [found] = await PostgresPolicyStates(pool, [policy]).statuses()
    return found


@pytest.mark.parametrize("state", [NO_FACT, NO_UTF8, FAR_TOO_DEEP])
async def test_a_fact_that_cannot_be_read_is_passed_over_once_and_told_of(
    database: str, transcoded: list[UUID], caplog: pytest.LogCaptureFixture, state: bytes
) -> None:
    received(database, ANNAS, 1)
    forged(database, state, 2)
    forged(database, b"no json", 3)
    received(database, BENS, 4)
    policy = transcoding(transcoded)

    async with following(database, policy):
        await until_there_are(2, transcoded)
        received(database, CARLAS, 5)
        await until_there_are(3, transcoded)

    assert transcoded == [ANNAS, BENS, CARLAS]
    found = await status(database, policy)
    assert (found.position, found.lag, found.state) == (5, 0, "degraded")
    assert (found.trouble or "").startswith("fact 2: FactUnreadable(")
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(each.message, each.exc_info) for each in told] == [("a policy has passed over a fact", None)] * 2


async def test_what_was_passed_over_is_acted_on_after_the_mend(database: str, transcoded: list[UUID]) -> None:
    forged(database, NO_FACT, 1)
    received(database, BENS, 2)
    policy = transcoding(transcoded)

    async with following(database, policy):
        await until_there_are(1, transcoded)
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
            owner.execute(
                "UPDATE ledger.events SET state = %s WHERE notification_id = 1",
                (NO_FACT.replace(b'"many"', b'7,"sha256":"","video_id":"%s"' % str(ANNAS).encode()),),
            )
            owner.execute(
                "UPDATE ledger.policies SET position = 1 - 1, trouble = NULL WHERE name = 'transcode_uploads'"
            )
        await until_there_are(3, transcoded)

    assert transcoded == [BENS, ANNAS, BENS]
    assert (await status(database, policy)).state == "live"


async def test_an_act_that_fails_is_tried_again_and_nothing_is_passed_over(
    database: str, transcoded: list[UUID]
) -> None:
    received(database, ANNAS, 1)
    received(database, BENS, 2)
    tries: list[UUID] = []

    async def away_three_times(video_id: UUID) -> None:
        tries.append(video_id)
        if len(tries) < 4:
            raise ConnectionError("the platform does not answer")

    policy = transcoding(transcoded, away_three_times)
    assert (await status(database, policy)).lag == 2
    async with following(database, policy):
        await until_there_are(2, tries)
        assert await status(database, policy) == PolicyStatus(name="transcode_uploads", position=0, lag=2)
        await until_there_are(2, transcoded)

    assert tries == [ANNAS] * 4 + [BENS]
    assert await status(database, policy) == PolicyStatus(name="transcode_uploads", position=2, lag=0)
