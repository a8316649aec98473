"""What the queue of platforms' tasks keeps to: run against PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from application.ports.platform_tasks import PlatformTask, PlatformTasks, TasksOfPlatform
from tests.contracts.operations import operations_in

pytestmark = pytest.mark.anyio

ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture(params=["memory", "postgres"])
async def tasks(request: pytest.FixtureRequest) -> AsyncIterator[PlatformTasks]:
    async with operations_in(request, "database") as operations:
        yield operations.platform_tasks


async def taken(tasks: PlatformTasks, *, each: int = 4, limit: int = 32, **busy: int) -> list[PlatformTask]:
    found = await tasks.take_due(busy=busy, each=each, limit=limit, seconds=60)
    return sorted(found, key=lambda task: (task.platform, task.video_id))


async def test_what_is_asked_for_is_taken_once_and_gone_when_it_is_done(tasks: PlatformTasks) -> None:
    await tasks.ask(ONE, "remove", "local")

    found = await taken(tasks)

    assert found == [PlatformTask(ONE, "remove", "local", wish=1, attempts=0)]
    assert await taken(tasks) == []
    assert await tasks.unfinished() == [TasksOfPlatform(platform="local", waiting=1)]
    await tasks.done(found[0])
    assert await tasks.unfinished() == []


async def test_given_back_it_is_taken_at_once_and_counts_as_no_try(tasks: PlatformTasks) -> None:
    await tasks.ask(ONE, "remove", "local")
    found = await taken(tasks)
    await tasks.give_back(found[0])

    assert await taken(tasks) == found


async def test_asked_for_while_somebody_is_at_it_it_is_done_again_after_him(tasks: PlatformTasks) -> None:
    await tasks.ask(ONE, "show_captions", "local")
    [first] = await taken(tasks)
    await tasks.ask(ONE, "show_captions", "local")

    assert await taken(tasks) == []
    await tasks.done(first)

    [second] = await taken(tasks)
    assert (second.video_id, second.wish) == (ONE, 2)
    await tasks.done(second)
    assert await tasks.unfinished() == []


async def test_what_failed_waits_and_is_counted_with_what_was_said(tasks: PlatformTasks) -> None:
    for video_id in (ONE, TWO):
        await tasks.ask(video_id, "remove", "mux")
    [first, second] = await taken(tasks)
    await tasks.retry_later(first, error="Mux is down", seconds=60)
    await tasks.retry_later(second, error="", seconds=0)

    [again] = await taken(tasks)

    assert (again.video_id, again.attempts) == (TWO, 1)
    assert await tasks.unfinished() == [TasksOfPlatform(platform="mux", waiting=2, failing=2, error="Mux is down")]


async def test_asked_for_anew_it_waits_no_longer_for_a_try_that_failed(tasks: PlatformTasks) -> None:
    await tasks.ask(ONE, "remove", "mux")
    [first] = await taken(tasks)
    await tasks.ask(ONE, "remove", "mux")
    await tasks.retry_later(first, error="Mux is down", seconds=60)

    [again] = await taken(tasks)

    assert again.wish == 2


async def test_one_platform_with_many_takes_no_place_of_another(tasks: PlatformTasks) -> None:
    for _ in range(6):
        await tasks.ask(uuid4(), "remove", "mux")
    await tasks.ask(ONE, "remove", "local")
    await tasks.ask(TWO, "remove", "gone")

    assert [task.platform for task in await taken(tasks, mux=3)] == ["gone", "local", "mux"]
    assert [task.platform for task in await taken(tasks, limit=2)] == ["mux", "mux"]
