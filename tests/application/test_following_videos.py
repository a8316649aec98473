"""Videos made elsewhere: whatever is told of them, in whatever order, what is recorded is what their platform says."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count, permutations
from uuid import UUID, uuid4

import pytest

from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from application.following_videos import WAITED_IN_VAIN, FollowingVideos
from application.platforms import Platforms
from application.policies.uploads import when_upload_granted_cancel_the_earlier
from application.ports.deliveries import SignatureInvalid
from application.videos import NewVideo, Videos
from domain.shared.fact import Actor, Cause
from domain.video.facts import VideoFailed
from domain.video.video import Video
from tests.application.house import BY_ADMIN, House
from tests.application.remote_studio import GONE, RemoteStudio, made

pytestmark = pytest.mark.anyio

ONIONS = NewVideo(title="Onions", access="free")
EVENTS = count(1)
CREATED = ["video.created", "video.upload_granted"]
MADE = [*CREATED, "video.taken_in", "video.made_ready"]


@dataclass
class Elsewhere:
    """A house whose new videos are made by another, and the use cases of it."""

    house: House
    remote: RemoteStudio
    videos: Videos
    following: FollowingVideos

    async def video(self) -> tuple[UUID, str]:
        """One that waits for its file, and its upload."""
        created = await self.videos.create(ONIONS, BY_ADMIN)
        return created.video_id, created.upload.upload_id

    async def hears(self, video_id: UUID | str | None, *, event: str = "", type: str = "video.asset.ready") -> None:
        said = {"id": event or f"event-{next(EVENTS)}", "type": type, "video": video_id and str(video_id)}
        await self.house.webhooks.receive_of_platform("remote", json.dumps(said).encode(), {"signed": "yes"})

    async def settles(self) -> list[str]:
        """Everything that is due now; what the ledger holds afterwards."""
        await self.following.settle_waiting()
        return await self.house.tags()

    async def status(self, video_id: UUID) -> str:
        return str((await self.house.records.recall(Video, video_id)).existing().status)

    async def ready(self) -> tuple[UUID, str]:
        video_id, upload = await self.video()
        self.remote.truths[upload] = made("asset-1")
        await self.hears(video_id)
        await self.following.settle_waiting()
        return video_id, upload

    def row(self) -> tuple[str, int]:
        newest = self.house.tables.rows("inbox")[-1]
        return str(newest["status"]), int(newest["attempts"])


@pytest.fixture
def elsewhere(house: House) -> Elsewhere:
    remote = RemoteStudio()
    platforms = Platforms(house.studio, remote=(remote,), new_videos="remote")
    house.webhooks = replace(house.webhooks, platforms=platforms)
    videos = replace(house.videos, platforms=platforms)
    following = FollowingVideos(
        records=house.records,
        platforms=platforms,
        videos=videos,
        inbox=house.inbox,
        reads=house.videos.reads,
        business_time=house.business_time,
    )
    return Elsewhere(house, remote, videos, following)


async def test_a_notice_is_a_reason_to_ask(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.video()
    elsewhere.remote.truths[upload] = made("asset-1")
    await elsewhere.hears(video_id, event="event-of-ready")
    assert await elsewhere.house.tags() == CREATED

    assert await elsewhere.settles() == MADE

    last = (await elsewhere.house.facts())[-1]
    assert (last.actor, last.cause) == (Actor("provider", "remote"), Cause("webhook", "event-of-ready"))
    assert elsewhere.row() == ("done", 0)


@pytest.mark.parametrize("order", [*permutations(["preparing", "ready", "stale"])])
async def test_in_whatever_order_it_is_told_it_ends_ready(elsewhere: Elsewhere, order: tuple[str, ...]) -> None:
    """What each notice says does not count: at the time of the last question it is ready."""
    video_id, upload = await elsewhere.video()
    said = {
        "preparing": made("asset-1", "processing"),
        "ready": made("asset-1"),
        "stale": elsewhere.remote.truths[upload],
    }
    for word in order:
        elsewhere.remote.truths[upload] = said[word]
        await elsewhere.hears(video_id)
        await elsewhere.following.settle_waiting()
    elsewhere.remote.truths[upload] = made("asset-1")
    await elsewhere.hears(video_id)

    assert await elsewhere.settles() == MADE


async def test_ready_before_anything_else_was_told_is_enough(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.video()
    elsewhere.remote.truths[upload] = made("asset-1")
    for type in ("video.asset.ready", "video.upload.asset_created"):
        await elsewhere.hears(video_id, type=type)
        assert await elsewhere.settles() == MADE


async def test_an_old_answer_takes_nothing_back(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.ready()
    for stale in (made("asset-1", "processing"), made("asset-0"), made("asset-1", "errored")):
        elsewhere.remote.truths[upload] = stale
        await elsewhere.hears(video_id)

        assert await elsewhere.settles() == MADE


async def test_what_is_told_twice_is_asked_once(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.video()
    elsewhere.remote.truths[upload] = made("asset-1")
    for event in ("event-a", "event-a", "event-b"):
        await elsewhere.hears(video_id, event=event)

    assert await elsewhere.settles() == MADE
    assert len(elsewhere.remote.looked) == 1
    assert [row["status"] for row in elsewhere.house.tables.rows("inbox")] == ["done", "done"]


async def test_of_what_no_notice_came_it_is_asked(elsewhere: Elsewhere) -> None:
    waiting, upload = await elsewhere.video()
    _, silent = await elsewhere.video()
    assert await elsewhere.following.ask_about_unheard() == 0
    elsewhere.remote.truths[upload] = made("asset-1", "processing")
    assert await elsewhere.following.ask_about_unheard() == 1
    elsewhere.remote.truths[upload] = made("asset-1")

    assert await elsewhere.following.ask_about_unheard() == 1

    assert await elsewhere.status(waiting) == "ready"
    assert elsewhere.remote.truths[silent].stage == "waiting"
    elsewhere.remote.looked.clear()
    await elsewhere.following.ask_about_unheard()
    assert [asked.upload_id for asked in elsewhere.remote.looked] == [silent], "what is ready is asked about no more"


async def test_nobody_asks_for_ever_about_what_never_came(elsewhere: Elsewhere) -> None:
    await elsewhere.video()
    await elsewhere.house.moves_to(elsewhere.house.business_time.now() + WAITED_IN_VAIN + timedelta(hours=2))

    await elsewhere.following.ask_about_unheard()

    assert elsewhere.remote.looked == []


async def test_a_notice_about_somebody_elses_video_is_parked(elsewhere: Elsewhere) -> None:
    for stranger in (uuid4(), "no id of ours"):
        await elsewhere.hears(stranger)
        await elsewhere.following.settle_waiting()
        assert elsewhere.row()[0] == "parked"
    assert elsewhere.remote.looked == []


async def test_a_notice_about_no_video_is_done_as_it_comes(elsewhere: Elsewhere) -> None:
    await elsewhere.hears(None, type="video.live_stream.idle")

    assert elsewhere.row() == ("done", 0)


async def test_a_video_of_another_platform_is_none_of_its_business(elsewhere: Elsewhere) -> None:
    ours = (await elsewhere.house.videos.create(ONIONS, BY_ADMIN)).video_id
    await elsewhere.hears(ours)

    assert await elsewhere.settles() == ["video.created"]
    assert elsewhere.row()[0] == "parked"


@pytest.mark.parametrize("trouble", [ProviderUnavailable("down"), ProviderRefused("no"), RuntimeError("odd")])
async def test_while_it_does_not_answer_the_notice_waits(elsewhere: Elsewhere, trouble: Exception) -> None:
    video_id, upload = await elsewhere.video()
    elsewhere.remote.truths[upload] = made("asset-1")
    elsewhere.remote.trouble = trouble
    await elsewhere.hears(video_id)
    assert await elsewhere.settles() == CREATED
    assert elsewhere.row() == ("received", 1)
    elsewhere.remote.trouble = None
    assert await elsewhere.settles() == CREATED, "its next try is not due"

    elsewhere.house.real_time.pass_by(timedelta(seconds=2))

    assert await elsewhere.settles() == MADE


async def test_one_that_is_too_busy_is_left_alone_and_no_try_is_counted(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.video()
    elsewhere.remote.truths[upload] = made("asset-1")
    elsewhere.remote.trouble = ProviderBusy("busy", retry_after_seconds=30)
    await elsewhere.hears(video_id)
    await elsewhere.following.settle_waiting()
    assert elsewhere.row() == ("received", 0)
    elsewhere.remote.trouble = None
    elsewhere.house.real_time.pass_by(timedelta(seconds=20))
    assert await elsewhere.settles() == CREATED

    elsewhere.house.real_time.pass_by(timedelta(seconds=60))

    assert await elsewhere.settles() == MADE


async def test_one_that_is_down_stops_the_asking_round(elsewhere: Elsewhere) -> None:
    await elsewhere.video()
    await elsewhere.video()
    elsewhere.remote.trouble = ProviderUnavailable("down")

    with pytest.raises(ProviderUnavailable):
        await elsewhere.following.ask_about_unheard()
    assert len(elsewhere.remote.looked) == 1


async def test_one_video_that_cannot_be_asked_about_does_not_keep_the_others(elsewhere: Elsewhere) -> None:
    await elsewhere.video()
    await elsewhere.video()
    elsewhere.remote.trouble = RuntimeError("odd")

    assert await elsewhere.following.ask_about_unheard() == 0
    assert len(elsewhere.remote.looked) == 2


async def test_what_failed_is_sent_again_and_its_old_failure_told_no_more(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.video()
    elsewhere.remote.truths[upload] = made("asset-1", "errored")
    await elsewhere.hears(video_id)
    await elsewhere.following.settle_waiting()
    assert await elsewhere.status(video_id) == "errored"

    granted = await elsewhere.videos.grant_upload(video_id, size_bytes=None, asked=BY_ADMIN)
    await elsewhere.hears(video_id, type="video.asset.errored")
    before = await elsewhere.settles()
    assert before[-1] == "video.upload_granted"
    elsewhere.remote.truths[granted.upload.upload_id] = made("asset-2")
    await elsewhere.hears(video_id)

    assert (await elsewhere.settles())[len(before) :] == ["video.taken_in", "video.made_ready"]
    assert elsewhere.remote.looked[-1].upload_id == granted.upload.upload_id


async def test_what_is_deleted_there_is_taken_out_and_says_so(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.ready()
    await elsewhere.videos.publish(video_id, BY_ADMIN)
    elsewhere.remote.truths[upload] = GONE
    for _ in range(2):
        await elsewhere.hears(video_id, type="video.asset.deleted")
        tags = await elsewhere.settles()

        assert tags[len(MADE) :] == ["video.published", "video.unpublished", "video.failed"]
    failed = (await elsewhere.house.facts())[-1]
    assert isinstance(failed, VideoFailed)
    assert failed.reason == "gone"
    await elsewhere.videos.grant_upload(video_id, size_bytes=None, asked=BY_ADMIN)


async def test_of_what_we_deleted_nothing_is_recorded_any_more(elsewhere: Elsewhere) -> None:
    video_id, upload = await elsewhere.ready()
    await elsewhere.videos.delete(video_id, BY_ADMIN)
    await elsewhere.videos.remove_from_platform(video_id)
    elsewhere.remote.truths[upload] = GONE
    await elsewhere.hears(video_id, type="video.asset.deleted")

    assert (await elsewhere.settles())[len(MADE) :] == ["video.deleted"]
    assert [(gone.upload_id, gone.asset_id) for gone in elsewhere.remote.deleted] == [(upload, "asset-1")]
    assert elsewhere.row()[0] == "done"


async def test_what_is_not_signed_is_not_kept(elsewhere: Elsewhere) -> None:
    with pytest.raises(SignatureInvalid):
        await elsewhere.house.webhooks.receive_of_platform("remote", b"{}", {})

    assert elsewhere.house.tables.rows("inbox") == []


# Uploads that another one took the place of.


async def uploads_cancelled(elsewhere: Elsewhere) -> list[str]:
    house = elsewhere.house
    work = house.work_at(elsewhere.videos.platforms)
    policy = when_upload_granted_cancel_the_earlier(work)
    for fact in await house.facts():
        if isinstance(fact, policy.facts):
            await policy.act(fact)
    await work.do_due()
    return elsewhere.remote.cancelled


async def test_another_upload_cancels_those_before_it(elsewhere: Elsewhere) -> None:
    video_id, first = await elsewhere.video()
    assert await uploads_cancelled(elsewhere) == []

    second = (await elsewhere.videos.grant_upload(video_id, size_bytes=None, asked=BY_ADMIN)).upload.upload_id
    assert await uploads_cancelled(elsewhere) == [first]

    await elsewhere.videos.grant_upload(video_id, size_bytes=None, asked=BY_ADMIN)
    assert await uploads_cancelled(elsewhere) == [first, first, second]


async def test_a_deleted_video_takes_all_its_uploads_and_assets_with_it(elsewhere: Elsewhere) -> None:
    video_id, first = await elsewhere.video()
    elsewhere.remote.truths[first] = made("asset-1", "errored")
    await elsewhere.following.ask_about_unheard()
    second = (await elsewhere.videos.grant_upload(video_id, size_bytes=None, asked=BY_ADMIN)).upload.upload_id
    elsewhere.remote.truths[second] = made("asset-2")
    await elsewhere.hears(video_id)
    await elsewhere.settles()
    await elsewhere.videos.delete(video_id, BY_ADMIN)

    await elsewhere.videos.remove_from_platform(video_id)

    [gone] = elsewhere.remote.deleted
    assert (gone.upload_id, gone.earlier_uploads) == (second, (first,))
    assert (gone.asset_id, gone.earlier_assets) == ("asset-2", ("asset-1",))
    assert await uploads_cancelled(elsewhere) == []
