"""What every queue of transcoding promises: each video that was deferred is worked on, and once is enough."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.memory.jobs import MemoryTranscodeJobs
from adapters.postgres.pool import new_pool
from application.ports.jobs import TranscodeJobs

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 10.0

Transcode = Callable[[UUID], Awaitable[None]]


class Jobs(TranscodeJobs, Protocol):
    """The port, and the worker's side of it."""

    async def work(self, transcode: Transcode) -> None: ...


@pytest.fixture(params=["memory", "postgres"])
async def jobs(request: pytest.FixtureRequest) -> AsyncIterator[Jobs]:
    if request.param == "memory":
        yield MemoryTranscodeJobs()
        return
    async with new_pool(request.getfixturevalue("database"), size=3) as pool:
        yield PostgresTranscodeJobs(pool)


class Workshop:
    """A transcoder that takes as long as it is let."""

    def __init__(self) -> None:
        self.begun: list[UUID] = []
        self.may_end = asyncio.Event()

    async def transcode(self, video_id: UUID) -> None:
        self.begun.append(video_id)
        await self.may_end.wait()


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@asynccontextmanager
async def working(jobs: Jobs, transcode: Transcode) -> AsyncIterator[None]:
    worker = asyncio.create_task(jobs.work(transcode))
    try:
        yield
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.02)


async def until_none_is_left(jobs: Jobs) -> None:
    async def none_left() -> bool:
        return await jobs.unfinished() == 0

    await until(none_left)


async def until_begun(workshop: Workshop, times: int) -> None:
    async def begun() -> bool:
        return len(workshop.begun) >= times

    await until(begun)


async def test_what_is_deferred_is_worked_on_and_then_gone(jobs: Jobs, workshop: Workshop) -> None:
    videos = [uuid4() for _ in range(3)]
    for video in videos:
        await jobs.defer(video)
    assert await jobs.unfinished() == 3
    workshop.may_end.set()

    async with working(jobs, workshop.transcode):
        await until_none_is_left(jobs)

    assert workshop.begun == videos


async def test_what_waits_already_waits_once(jobs: Jobs, workshop: Workshop) -> None:
    video = uuid4()
    for _ in range(5):
        await jobs.defer(video)
    assert await jobs.unfinished() == 1
    workshop.may_end.set()

    async with working(jobs, workshop.transcode):
        await until_none_is_left(jobs)

    assert workshop.begun == [video]


async def test_a_worker_that_has_nothing_to_do_hears_of_new_work(jobs: Jobs, workshop: Workshop) -> None:
    workshop.may_end.set()
    async with working(jobs, workshop.transcode):
        await asyncio.sleep(0.05)
        await jobs.defer(uuid4())
        await until_begun(workshop, 1)


async def test_deferred_while_it_is_worked_on_it_is_worked_on_once_more(jobs: Jobs, workshop: Workshop) -> None:
    video = uuid4()
    await jobs.defer(video)

    async with working(jobs, workshop.transcode):
        await until_begun(workshop, 1)
        await jobs.defer(video)
        await jobs.defer(video)
        assert await jobs.unfinished() == 1
        workshop.may_end.set()
        await until_none_is_left(jobs)

    assert workshop.begun == [video, video]


async def test_progress_is_told_while_it_is_worked_on_and_only_then(jobs: Jobs, workshop: Workshop) -> None:
    video = uuid4()
    await jobs.defer(video)
    assert await jobs.progress(video) is None

    async with working(jobs, workshop.transcode):
        await until_begun(workshop, 1)
        assert await jobs.progress(video) == 0.0
        jobs.report_progress(video, 0.2)
        jobs.report_progress(video, 0.5)

        async def half_done() -> bool:
            return await jobs.progress(video) == 0.5

        await until(half_done)
        workshop.may_end.set()
        await until_none_is_left(jobs)

    assert await jobs.progress(video) is None


async def test_progress_of_what_nobody_works_on_is_ignored(jobs: Jobs) -> None:
    video = uuid4()

    jobs.report_progress(video, 0.5)

    assert await jobs.progress(video) is None
    assert await jobs.unfinished() == 0
