"""What is asked of video platforms: each thing is done by itself, and none waits for a platform that is away."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.memory.platform_tasks import MemoryPlatformTasks
from application.errors import ProviderBusy, ProviderUnavailable
from application.platform_work import RETRY_DELAYS_SECONDS, PlatformWork
from application.platforms import Platforms
from application.policies.deleting import when_video_deleted_remove_it
from application.ports.platform_tasks import PlatformTask
from application.ports.video_platform import Reference
from application.videos import Videos
from tests.application.house import BY_ADMIN, House
from tests.application.remote_studio import RemoteStudio
from tests.application.test_videos import BREAD

pytestmark = pytest.mark.anyio


class AwayStudio(RemoteStudio):
    """It raises its `trouble` when something is to be deleted, or answers never."""

    hangs = False

    async def delete(self, video: Reference) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        await super().delete(video)


@dataclass
class Both:
    """A house with videos on its own disk and elsewhere; its policy on deletions acts once on each fact."""

    house: House
    remote: AwayStudio
    work: PlatformWork
    acted: int = 0

    def videos(self, platform: str) -> Videos:
        """Which are made there."""
        remote = [self.remote] if platform == self.remote.name else []
        return replace(self.house.videos, platforms=Platforms(self.house.studio, remote=remote, new_videos=platform))

    async def deleted(self, platform: str) -> UUID:
        """One that had a film, where it is our own; the policy has acted on it."""
        videos = self.videos(platform)
        video_id = (await videos.create(BREAD, BY_ADMIN)).video_id
        if platform == "memory":
            await self.house.uploads(video_id, b"film of bread")
        await videos.delete(video_id, BY_ADMIN)
        policy = when_video_deleted_remove_it(self.work)
        for fact in await self.house.facts(after=self.acted):
            if isinstance(fact, policy.facts):
                await policy.act(fact)
        self.acted = await self.house.ledger.head()
        return video_id

    async def waiting(self) -> list[tuple[str, int, int]]:
        found = await self.house.platform_tasks.unfinished()
        return [(each.platform, each.waiting, each.failing) for each in found]


@pytest.fixture
def both(house: House) -> Both:
    remote = AwayStudio()
    return Both(house, remote, house.work_at(Platforms(house.studio, remote=(remote,))))


async def test_a_deletion_that_its_platform_cannot_do_holds_up_no_later_one(both: Both) -> None:
    both.remote.trouble = ProviderUnavailable("it is down")
    await both.deleted("remote")
    await both.deleted("memory")

    assert await both.work.do_due() == 2

    assert both.house.studio.uploads == {}
    assert await both.waiting() == [("remote", 1, 1)]
    [told] = await both.house.platform_tasks.unfinished()
    assert told.error == "ProviderUnavailable('it is down')"


async def test_one_whose_platform_has_no_settings_any_more_holds_up_none_and_is_done_once_it_has(both: Both) -> None:
    gone = await both.deleted("remote")
    without = both.house.platform_work
    kept = both.work
    both.work = without
    await both.deleted("memory")
    await without.do_due()
    assert both.house.studio.uploads == {}
    assert await both.waiting() == [("remote", 1, 1)]

    both.house.real_time.pass_by(timedelta(seconds=RETRY_DELAYS_SECONDS[0]))
    await kept.do_due()

    assert [video.video_id for video in both.remote.deleted] == [gone]
    assert await both.waiting() == []


async def test_many_that_hang_keep_no_other_platform_waiting(both: Both) -> None:
    both.remote.hangs = True
    for _ in range(40):
        await both.deleted("remote")
    working = asyncio.create_task(both.work.do_due())
    await asyncio.sleep(0)
    await both.deleted("memory")

    async with asyncio.timeout(5):
        while both.house.studio.uploads:
            await asyncio.sleep(0.02)

    working.cancel()
    await asyncio.wait([working])
    assert await both.waiting() == [("remote", 40, 0)]
    both.remote.hangs = False
    await both.work.do_due()
    assert await both.waiting() == []


async def test_it_is_tried_again_after_longer_and_longer_and_for_ever(both: Both) -> None:
    await both.deleted("remote")
    for delay in (*RETRY_DELAYS_SECONDS, RETRY_DELAYS_SECONDS[-1]):
        both.remote.trouble = ValueError("whatever it is")
        assert await both.work.do_due() == 1
        both.house.real_time.pass_by(timedelta(seconds=delay - 0.5))
        assert await both.work.do_due() == 0
        both.house.real_time.pass_by(timedelta(seconds=0.5))
    both.remote.trouble = ProviderBusy("too many", retry_after_seconds=7200)
    assert await both.work.do_due() == 1
    both.house.real_time.pass_by(timedelta(seconds=7199))
    assert await both.work.do_due() == 0


async def test_told_to_stop_as_it_is_done_it_leaves_it_to_be_taken_at_once(both: Both) -> None:
    """Done again, it happens once; held for as long as a lease, it would be done by nobody."""
    video_id = await both.deleted("memory")

    class Noting(MemoryPlatformTasks):
        async def done(self, task: PlatformTask) -> None:
            await asyncio.Event().wait()

    tasks = Noting(both.house.real_time)
    await tasks.ask(video_id, "remove", "memory")
    working = asyncio.create_task(replace(both.work, tasks=tasks).do_due())
    async with asyncio.timeout(5):
        while both.house.studio.uploads:
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait([working])

    assert len(await tasks.take_due(busy={}, each=4, limit=4, seconds=60)) == 1
