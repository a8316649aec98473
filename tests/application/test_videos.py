"""Videos: created with a place for their bytes, uploaded once, made ready or found to be none, published."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest

from application.errors import NotFound
from application.platforms import Platforms
from application.policies.transcoding import when_upload_received_transcode
from application.ports.video_platform import Processed, UploadLinkInvalid, UploadTooLarge
from application.videos import NewVideo
from domain.shared.fact import Actor, Cause
from domain.video.facts import UploadReceived, VideoFailed, VideoMadeReady
from domain.video.video import UploadNotExpected, VideoNotReady
from tests.application.house import BY_ADMIN, House, sent
from tests.application.studio import LADDER, MemoryStudio, link_of
from tests.people import MONDAY

pytestmark = pytest.mark.anyio

BREAD = NewVideo(title="Bread", category="baking", requires="hd")
NOWHERE = UUID(int=404)


async def created(house: House, new: NewVideo = BREAD) -> UUID:
    return (await house.videos.create(new, BY_ADMIN)).video_id


async def uploaded(house: House, *chunks: bytes) -> UUID:
    video_id = await created(house)
    await house.uploads(video_id, *chunks)
    return video_id


# Created and uploaded.


async def test_a_video_is_created_with_a_place_for_its_bytes(house: House) -> None:
    new = await house.videos.create(BREAD, BY_ADMIN)

    assert new.upload.url == link_of(new.video_id)
    assert await house.tags() == ["video.created"]
    assert new.position == 1
    shown = await house.videos.just_recorded(new.video_id)
    assert (shown.video.title, shown.video.status, shown.progress, shown.thumbnail_url) == (
        "Bread",
        "waiting",
        None,
        None,
    )


async def test_too_large_a_file_is_refused_before_anything_is_recorded(house: House) -> None:
    with pytest.raises(UploadTooLarge):
        await house.videos.create(NewVideo(title="Bread", size=1_001), BY_ADMIN)
    assert await house.facts() == []


async def test_what_was_uploaded_is_recorded_by_size_and_digest(house: House) -> None:
    await uploaded(house, b"film of ", b"bread")

    received = (await house.facts())[-1]
    assert isinstance(received, UploadReceived)
    assert received.size_bytes == 13
    assert received.sha256 == sha256(b"film of bread").hexdigest()
    assert (received.actor, received.cause) == (Actor("admin", "upload-link"), Cause("request", "req_upload"))


async def test_only_the_link_gives_leave_to_upload(house: House) -> None:
    video_id, other = await created(house), await created(house)

    with pytest.raises(UploadLinkInvalid):
        await house.videos.receive_upload(video_id, link_of(other), sent([b"film"]), Cause("request", "req_upload"))
    with pytest.raises(NotFound):
        await house.uploads(NOWHERE, b"film")


async def test_a_second_upload_is_refused_and_not_read(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")
    read = False

    async def more() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"film of cake"

    with pytest.raises(UploadNotExpected):
        await house.videos.receive_upload(video_id, link_of(video_id), more(), Cause("request", "req_upload"))
    assert not read


@pytest.mark.parametrize("slower", [b"film of cake", b"film of bread"])
@pytest.mark.parametrize("is_made", [False, True])
async def test_of_two_who_send_at_once_the_slower_is_refused_and_its_file_is_not_kept(
    house: House, slower: bytes, *, is_made: bool
) -> None:
    video_id = await created(house)

    async def overtaken() -> AsyncIterator[bytes]:
        yield slower[:5]
        await house.uploads(video_id, b"film of bread")
        if is_made:
            await house.videos.transcode(video_id)
            house.studio.uploads.clear()
        yield slower[5:]

    with pytest.raises(UploadNotExpected):
        await house.videos.receive_upload(video_id, link_of(video_id), overtaken(), Cause("request", "req_upload"))
    assert list(house.studio.uploads.values()) == ([] if is_made else [b"film of bread"])


# Made ready.


async def test_a_received_upload_is_queued_once(house: House) -> None:
    policy = when_upload_received_transcode(house.jobs)
    await uploaded(house, b"film of bread")
    received = (await house.facts())[-1]

    assert policy.facts == (type(received),)
    await policy.act(received)
    await policy.act(received)

    assert await house.jobs.unfinished() == 1
    await house.jobs.work_off(house.videos.transcode)
    assert (await house.tags())[-1] == "video.made_ready"


async def test_a_film_becomes_ready(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")

    await house.videos.transcode(video_id)

    made_ready = (await house.facts())[-1]
    assert isinstance(made_ready, VideoMadeReady)
    assert (made_ready.duration_seconds, made_ready.renditions) == (600.0, LADDER)
    assert made_ready.actor == Actor("system", "transcoder")
    shown = await house.videos.shown(video_id, to_admin=True)
    assert (shown.video.status, shown.video.duration_seconds) == ("ready", 600.0)
    assert shown.thumbnail_url == f"memory://{video_id}/{made_ready.playback_id}.jpg"


async def test_while_it_is_made_ready_it_shows_how_far_it_is(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")
    seen: list[float | None] = []

    async def looked_at(video_id: UUID) -> None:
        house.jobs.report_progress(video_id, 0.5)
        seen.append((await house.videos.shown(video_id, to_admin=True)).progress)

    await house.jobs.defer(video_id)
    await house.jobs.work_off(looked_at)

    assert seen == [0.5]
    assert (await house.videos.shown(video_id, to_admin=True)).progress is None


async def test_what_is_no_video_ends_with_a_reason(house: House) -> None:
    video_id = await uploaded(house, b"a picture of bread")

    await house.videos.transcode(video_id)

    failed = (await house.facts())[-1]
    assert isinstance(failed, VideoFailed)
    assert (failed.reason, failed.detail) == ("not_a_video", "It has no pictures that move.")
    shown = await house.videos.shown(video_id, to_admin=True)
    assert (shown.video.status, shown.video.error) == ("errored", "not_a_video")


async def test_it_may_be_uploaded_again_and_become_ready(house: House) -> None:
    video_id = await uploaded(house, b"a picture of bread")
    await house.videos.transcode(video_id)

    await house.uploads(video_id, b"film of bread")
    await house.videos.transcode(video_id)

    shown = await house.videos.shown(video_id, to_admin=True)
    assert (shown.video.status, shown.video.error) == ("ready", None)


async def test_what_is_given_up_ends_with_a_reason_and_may_be_uploaded_again(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")

    await house.videos.give_up(video_id)
    await house.videos.give_up(video_id)

    assert (await house.tags())[-2:] == ["video.upload_received", "video.failed"]
    failed = (await house.facts())[-1]
    assert isinstance(failed, VideoFailed)
    assert (failed.reason, failed.actor) == ("transcoding_failed", Actor("system", "transcoder"))
    assert "may be uploaded again" in failed.detail
    await house.uploads(video_id, b"film of bread")
    await house.videos.transcode(video_id)
    assert (await house.videos.shown(video_id, to_admin=True)).video.status == "ready"
    await house.videos.give_up(video_id)
    await house.videos.delete(video_id, BY_ADMIN)
    await house.videos.give_up(video_id)
    assert (await house.tags())[-2:] == ["video.made_ready", "video.deleted"], "what is ready, or gone, is not given up"


async def test_that_it_failed_is_counted_until_it_is_deferred_again_or_deleted(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")

    async def fail(_: UUID) -> None:
        raise OSError("the disk is full")

    for _ in range(2):
        await house.jobs.defer(video_id)
        assert await house.jobs.failed() == 0
        with pytest.raises(OSError, match="full"):
            await house.jobs.work_off(fail)
        assert await house.jobs.failed() == 1
    await house.videos.delete(video_id, BY_ADMIN)
    await house.videos.remove_from_platform(video_id)
    assert await house.jobs.failed() == 0


@pytest.mark.parametrize("upload", [b"film of bread", b"a picture of bread"])
async def test_transcoded_twice_it_happens_once(house: House, upload: bytes) -> None:
    video_id = await uploaded(house, upload)
    await house.videos.transcode(video_id)
    head = await house.ledger.head()

    await house.videos.transcode(video_id)

    assert await house.ledger.head() == head
    assert house.studio.processed == [video_id]


class SlowStudio(MemoryStudio):
    """While it works on an upload, another worker finds that it is no video, and a film is uploaded in its place."""

    house: House

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        await self.house.videos.transcode(video_id)
        await self.house.uploads(video_id, b"film of bread")
        return await super().process(video_id, sha256=sha256, on_progress=on_progress)


async def test_the_verdict_on_an_upload_is_not_one_on_the_next(house: House) -> None:
    video_id = await uploaded(house, b"a picture of bread")
    slow = SlowStudio()
    slow.house, slow.uploads = house, house.studio.uploads

    await replace(house.videos, platforms=Platforms(slow)).transcode(video_id)

    assert (await house.tags())[-1] == "video.upload_received"
    await house.videos.transcode(video_id)
    assert (await house.tags())[-1] == "video.made_ready"


class DeletingStudio(MemoryStudio):
    """While it works on an upload, an admin deletes the video, and the platform forgets what it had until then."""

    house: House

    async def process(self, video_id: UUID, *, sha256: str, on_progress: Callable[[float], None]) -> Processed:
        processed = await super().process(video_id, sha256=sha256, on_progress=on_progress)
        await self.house.videos.delete(video_id, BY_ADMIN)
        return processed


async def test_what_was_made_of_a_video_that_was_deleted_meanwhile_is_removed(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")
    studio = DeletingStudio()
    studio.house, studio.uploads = house, dict(house.studio.uploads)

    await replace(house.videos, platforms=Platforms(studio)).transcode(video_id)

    assert (await house.tags())[-1] == "video.deleted"
    assert studio.uploads == {}


async def test_a_trouble_that_is_not_the_videos_fault_records_nothing(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")
    house.studio.broken = True
    with pytest.raises(OSError, match="the disk is gone"):
        await house.videos.transcode(video_id)
    assert (await house.tags())[-1] == "video.upload_received"

    house.studio.broken = False
    await house.videos.transcode(video_id)
    assert (await house.tags())[-1] == "video.made_ready"


async def test_a_video_that_is_not_there_or_has_no_upload_is_not_transcoded(house: House) -> None:
    await house.videos.transcode(NOWHERE)
    await house.videos.transcode(await created(house))

    assert await house.tags() == ["video.created"]


# Published and shown.


async def test_published_it_is_shown_to_everybody(house: House) -> None:
    video_id = await uploaded(house, b"film of bread")
    await house.videos.transcode(video_id)
    with pytest.raises(NotFound):
        await house.videos.shown(video_id, to_admin=False)

    await house.videos.publish(video_id, BY_ADMIN)

    shown = await house.videos.shown(video_id, to_admin=False)
    assert (shown.video.status, shown.video.published_at) == ("published", MONDAY)


async def test_what_is_not_ready_is_not_published(house: House) -> None:
    with pytest.raises(VideoNotReady):
        await house.videos.publish(await created(house), BY_ADMIN)
    with pytest.raises(NotFound):
        await house.videos.publish(NOWHERE, BY_ADMIN)


async def test_taken_out_it_is_shown_to_admins_alone(house: House) -> None:
    video_id = await house.shows(BREAD)

    await house.videos.unpublish(video_id, BY_ADMIN)

    with pytest.raises(NotFound):
        await house.videos.shown(video_id, to_admin=False)
    assert (await house.videos.shown(video_id, to_admin=True)).video.status == "ready"


async def test_the_catalogue_shows_what_was_published_last_first(house: House) -> None:
    for title, category in (("Bread", "baking"), ("Soup", "cooking"), ("Cake", "baking")):
        await house.shows(NewVideo(title=title, category=category))
    await created(house, NewVideo(title="Not yet"))

    async def titles(*, category: str | None = None, before: int | None = None) -> list[str]:
        page = await house.videos.page(query=None, category=category, access=None, before=before, limit=2)
        return [shown.video.title for shown in page]

    assert await titles() == ["Cake", "Soup"]
    soup = (await house.videos.page(query="soup", category=None, access=None, before=None, limit=2))[0].video
    assert await titles(before=soup.published_position) == ["Bread"]
    assert await titles(category="baking") == ["Cake", "Bread"]


async def test_what_was_just_recorded_is_not_waited_for(house: House) -> None:
    video_id = await house.shows(BREAD)

    assert (await house.videos.just_recorded(video_id)).video.status == "published"
    with pytest.raises(NotFound):
        await house.videos.just_recorded(NOWHERE)
