"""Workers that are killed, stopped, too slow or cut off: each video is finished once by whoever is left."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.jobs.queue import DEFER, TranscodeQueue
from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.postgres.pool import Pool, new_pool
from application.errors import DatabaseUnavailable

pytestmark = pytest.mark.anyio

LEASE_SECONDS = 2.0
PATIENCE_SECONDS = 15.0
VIDEO = UUID(int=7)

Transcode = Callable[[UUID], Awaitable[None]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with new_pool(database, size=4) as pool:
        yield pool


@pytest.fixture
def jobs(pool: Pool) -> PostgresTranscodeJobs:
    return PostgresTranscodeJobs(pool, lease_seconds=LEASE_SECONDS, retry_delays_seconds=(0.05, 0.05))


@asynccontextmanager
async def working(
    jobs: PostgresTranscodeJobs, transcode: Transcode, give_up: Transcode | None = None, concurrency: int = 1
) -> AsyncIterator[None]:
    worker = asyncio.create_task(jobs.work(transcode, give_up=give_up, concurrency=concurrency))
    try:
        yield
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


@contextmanager
def worker_process(dsn: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.adapters.jobs.worker_process", dsn, str(LEASE_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.02)


def row_of(dsn: str, video: UUID) -> dict[str, Any] | None:
    with psycopg.connect(dsn) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM jobs.transcodes WHERE video_id = %s", (video,)).fetchone()


class Workshop:
    """A transcoder that takes as long as it is let, and says what became of each try."""

    def __init__(self) -> None:
        self.tries: list[str] = []
        self.may_end = asyncio.Event()
        self.at_once = 0
        self.at_most = 0

    async def transcode(self, video_id: UUID) -> None:
        self.tries.append("begun")
        self.at_once += 1
        self.at_most = max(self.at_most, self.at_once)
        try:
            await self.may_end.wait()
            self.tries[-1] = "ended"
        except asyncio.CancelledError:
            self.tries[-1] = "stopped"
            raise
        finally:
            self.at_once -= 1


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


async def test_what_a_killed_worker_left_half_done_is_done_again_and_ends_once(
    database: str, jobs: PostgresTranscodeJobs, workshop: Workshop
) -> None:
    video = uuid4()
    await jobs.defer(video)
    workshop.may_end.set()
    with worker_process(database) as killed:
        assert killed.stdout
        assert await asyncio.to_thread(killed.stdout.readline) == f"{video}\n"
        async with working(jobs, workshop.transcode):
            await asyncio.sleep(2 * LEASE_SECONDS)
            assert workshop.tries == [], "its worker lives, and it is not done twice at the same time"
            killed.kill()
            killed_at = time.monotonic()
            await until(lambda: row_of(database, video) is None)

    assert workshop.tries == ["ended"]
    assert time.monotonic() - killed_at < LEASE_SECONDS + 3


async def test_a_video_that_kills_every_worker_is_given_up_in_the_end(
    database: str, pool: Pool, jobs: PostgresTranscodeJobs, workshop: Workshop
) -> None:
    video = uuid4()
    await jobs.defer(video)
    dying = TranscodeQueue(pool, lease_seconds=0)
    assert [lease.attempts for _ in range(3) if (lease := await dying.take())] == [1, 2, 3]

    given_up: list[UUID] = []

    async def give_up(video_id: UUID) -> None:
        given_up.append(video_id)
        if len(given_up) == 1:
            raise DatabaseUnavailable("away for a moment")

    async with working(jobs, workshop.transcode, give_up):
        await until(lambda: (row_of(database, video) or {})["status"] == "failed")

    assert workshop.tries == []
    assert given_up == [video, video], "until it was recorded"
    assert "its worker was lost" in (row_of(database, video) or {})["error"]


async def test_a_worker_that_is_stopped_gives_its_video_back_as_if_it_had_not_begun(
    database: str, jobs: PostgresTranscodeJobs, workshop: Workshop
) -> None:
    video = uuid4()
    await jobs.defer(video)

    async with working(jobs, workshop.transcode):
        await until(lambda: workshop.tries == ["begun"])
    assert workshop.tries == ["stopped"]
    row = row_of(database, video)
    assert row
    assert (row["status"], row["attempts"], row["progress"]) == ("queued", 0, None)

    workshop.may_end.set()
    async with working(jobs, workshop.transcode):
        await until(lambda: row_of(database, video) is None)
    assert workshop.tries == ["stopped", "ended"]


async def test_a_worker_that_lost_its_lease_stops_and_changes_nothing(
    database: str, pool: Pool, jobs: PostgresTranscodeJobs, workshop: Workshop
) -> None:
    video = uuid4()
    await jobs.defer(video)
    async with working(jobs, workshop.transcode):
        await until(lambda: workshop.tries == ["begun"])
        async with pool.connection() as connection:
            await connection.execute("UPDATE jobs.transcodes SET due_at = now()")
        other = await TranscodeQueue(pool, lease_seconds=60).take()
        await until(lambda: workshop.tries == ["stopped"])

    row = row_of(database, video)
    assert other
    assert row
    assert (row["status"], row["holder"], row["attempts"]) == ("working", other.holder, 2)


async def test_words_of_a_try_that_is_over_change_nothing(database: str, pool: Pool) -> None:
    queue, video = TranscodeQueue(pool, lease_seconds=0), uuid4()
    await queue.defer(video)
    old, new = await queue.take(), await queue.take()
    assert old
    assert new
    before = row_of(database, video)

    assert not await queue.renew(old, progress=0.9)
    await queue.fail(old, error="late", retry_after_seconds=None)
    await queue.give_back(old)
    await queue.finish(old)

    assert row_of(database, video) == before


async def test_of_many_workers_one_has_it(pool: Pool) -> None:
    queue = TranscodeQueue(pool, lease_seconds=60)
    videos = [uuid4() for _ in range(10)]
    for video in videos:
        await queue.defer(video)

    leases = await asyncio.gather(*(queue.take() for _ in range(25)))

    assert sorted(lease.video_id for lease in leases if lease) == sorted(videos)


async def test_no_more_are_worked_on_at_a_time_than_was_said(jobs: PostgresTranscodeJobs, workshop: Workshop) -> None:
    for _ in range(5):
        await jobs.defer(uuid4())

    async with working(jobs, workshop.transcode, concurrency=2):
        await until(lambda: len(workshop.tries) == 2)
        await asyncio.sleep(0.1)
        workshop.may_end.set()
        await until(lambda: len(workshop.tries) == 5)

    assert workshop.at_most == 2


async def test_what_fails_is_tried_again(database: str, jobs: PostgresTranscodeJobs) -> None:
    video, tries = uuid4(), 0
    await jobs.defer(video)

    async def fail_twice(_: UUID) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OSError("the disk is full")

    async with working(jobs, fail_twice):
        await until(lambda: row_of(database, video) is None)

    assert tries == 3


async def test_what_keeps_failing_stays_failed_with_its_error_until_it_is_deferred_again(
    database: str, jobs: PostgresTranscodeJobs, workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    video = uuid4()
    await jobs.defer(video)

    async def fail(_: UUID) -> None:
        raise OSError("the disk is full\0")

    given_up: list[UUID] = []

    async def give_up(video_id: UUID) -> None:
        assert (row_of(database, video) or {})["status"] == "working", "else nobody gives it up who is killed here"
        given_up.append(video_id)

    async with working(jobs, fail, give_up):
        await until(lambda: (row_of(database, video) or {})["status"] == "failed")
    assert given_up == [video]
    row = row_of(database, video)
    assert row
    assert (row["attempts"], row["error"]) == (3, "OSError('the disk is full\\x00')")
    assert (await jobs.unfinished(), await jobs.failed()) == (0, 1)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "ERROR"]

    workshop.may_end.set()
    await jobs.defer(video)
    assert (await jobs.unfinished(), await jobs.failed()) == (1, 0)
    await jobs.forget(video)
    async with working(jobs, workshop.transcode):
        await until(lambda: row_of(database, video) is None)
    assert workshop.tries == ["ended"], "what waits is not forgotten"


async def test_a_failed_one_that_is_forgotten_is_counted_no_more(database: str, jobs: PostgresTranscodeJobs) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO jobs.transcodes (video_id, status) VALUES (%s, 'failed')", (VIDEO,))
    assert await jobs.failed() == 1

    await jobs.forget(VIDEO)

    assert await jobs.failed() == 0


async def test_deferred_while_its_last_try_fails_it_is_tried_anew(
    database: str, pool: Pool, jobs: PostgresTranscodeJobs
) -> None:
    queue, video = TranscodeQueue(pool, lease_seconds=60), uuid4()
    await jobs.defer(video)
    lease = await queue.take()
    assert lease
    assert await queue.is_last(lease)
    await jobs.defer(video)

    assert not await queue.is_last(lease), "so that the upload that came meanwhile is not given up"
    await queue.fail(lease, error="the upload was no video", retry_after_seconds=None)

    row = row_of(database, video)
    assert row
    assert (row["status"], row["attempts"], row["again"]) == ("queued", 0, False)


async def test_a_worker_outlives_a_database_that_is_away(
    database: str, jobs: PostgresTranscodeJobs, workshop: Workshop
) -> None:
    workshop.may_end.set()
    async with working(jobs, workshop.transcode):
        await asyncio.sleep(0.1)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await asyncio.sleep(0.1)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("INSERT INTO jobs.transcodes (video_id) VALUES (gen_random_uuid())")
        await until(lambda: workshop.tries == ["ended"])


async def test_deferred_in_the_moment_in_which_it_ends_it_is_not_forgotten(database: str, pool: Pool) -> None:
    queue, video = TranscodeQueue(pool, lease_seconds=60), uuid4()
    await queue.defer(video)
    lease = await queue.take()
    assert lease

    async with pool.connection() as connection, connection.transaction():
        await connection.execute(DEFER, {"video_id": video})
        finishing = asyncio.create_task(queue.finish(lease))
        await asyncio.sleep(0.2)
        assert not finishing.done(), "it waits for the row"
    await finishing

    row = row_of(database, video)
    assert row
    assert (row["status"], row["again"]) == ("queued", False)
