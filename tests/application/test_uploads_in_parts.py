"""An upload in parts: signed, completed by who sent it, by a notice, or found by us; and made ready once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace as with_changes

from application.errors import NotFound, ProviderUnavailable
from application.following_videos import FollowingVideos
from application.platforms import PlatformNotSetUp, Platforms
from application.ports.video_platform import (
    Capabilities,
    Part,
    PartsInvalid,
    ReceivedUpload,
    Reference,
    UploadGrant,
    UploadNotice,
)
from application.videos import NewVideo, Videos
from domain.shared.fact import Cause
from domain.video.facts import UploadGranted, UploadReceived
from domain.video.video import UploadNotExpected
from tests.application.house import BY_ADMIN, House
from tests.application.remote_studio import RemoteStudio
from tests.application.studio import MemoryStudio

pytestmark = pytest.mark.anyio

FILM = b"film of bread"


class Warehouse(MemoryStudio):
    """Takes uploads in parts, and keeps what has been put together under the video's id."""

    name = "warehouse"
    capabilities = Capabilities(uploads=("s3_multipart",))

    def __init__(self) -> None:
        super().__init__()
        self.whole: dict[UUID, bytes] = {}
        self.away = False
        self._granted = 0

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        self._granted += 1
        grant = await super().grant_upload(video_id, size_bytes=size_bytes, now=now)
        return with_changes(grant, protocol="s3_multipart", part_size=5, upload_id=f"upload-{self._granted}")

    async def sign_parts(self, upload: Reference, numbers: Sequence[int], *, now: datetime) -> Mapping[int, str]:
        return {number: f"memory://{upload.upload_id}/{number}" for number in numbers}

    def fingerprint(self, parts: Sequence[Part]) -> str:
        return sha256("".join(part.etag for part in parts).encode()).hexdigest()

    async def complete_upload(self, upload: Reference, parts: Sequence[Part]) -> ReceivedUpload:
        self.put(upload.video_id, b"".join(part.etag.encode() for part in parts))
        await asyncio.sleep(0.01)  # whoever else asks, asks meanwhile
        received = await self.arrived(upload)
        if received is None:
            raise PartsInvalid("There are no parts.")
        return received

    async def arrived(self, upload: Reference) -> ReceivedUpload | None:
        if self.away:
            raise ProviderUnavailable("The warehouse does not answer.")
        body = self.whole.get(upload.video_id)
        return ReceivedUpload(len(body), sha256(body).hexdigest()) if body else None

    def put(self, video_id: UUID, body: bytes) -> None:
        self.whole[video_id] = self.uploads[video_id, sha256(body).hexdigest()] = body


class Queue:
    """Notices that come until they are settled."""

    def __init__(self, *notices: UploadNotice) -> None:
        self.notices = list(notices)

    async def waiting(self, *, seconds: int) -> Sequence[UploadNotice]:
        return list(self.notices)

    async def settled(self, notice: UploadNotice) -> None:
        self.notices.remove(notice)


class Dock:
    """The use cases, where new videos come into a warehouse."""

    def __init__(self, house: House) -> None:
        self.house, self.warehouse = house, Warehouse()
        self.remote = RemoteStudio()
        platforms = Platforms(house.studio, parted=[self.warehouse], remote=[self.remote], new_videos="warehouse")
        self.videos = Videos(
            records=house.records,
            platforms=platforms,
            reads=house.videos.reads,
            jobs=house.jobs,
            business_time=house.business_time,
            identifiers=house.identifiers,
        )
        self.following = FollowingVideos(
            records=house.records,
            platforms=platforms,
            videos=self.videos,
            inbox=house.inbox,
            reads=house.videos.reads,
            business_time=house.business_time,
        )

    async def created(self) -> UUID:
        return (await self.videos.create(NewVideo(title="Bread"), BY_ADMIN)).video_id

    async def hears(self, queue: Queue) -> int:
        return await replace(self.following, notices=queue).hear_of_uploads(seconds=1)

    async def received(self) -> list[UploadReceived]:
        return [fact for fact in await self.house.facts() if isinstance(fact, UploadReceived)]


@pytest.fixture
def dock(house: House) -> Dock:
    return Dock(house)


async def test_the_platforms_name_of_the_upload_is_kept_and_signs_its_parts(dock: Dock) -> None:
    video_id = await dock.created()

    granted = (await dock.house.facts())[-1]
    assert isinstance(granted, UploadGranted)
    assert granted.upload_id == "upload-1"
    assert await dock.videos.sign_parts(video_id, [1, 2]) == {1: "memory://upload-1/1", 2: "memory://upload-1/2"}
    again = await dock.videos.grant_upload(video_id, size_bytes=None, asked=BY_ADMIN)
    assert again.upload.upload_id == "upload-2"
    assert await dock.videos.sign_parts(video_id, [1]) == {1: "memory://upload-2/1"}


async def test_what_is_complete_is_made_ready_by_the_worker(dock: Dock) -> None:
    video_id = await dock.created()

    await dock.videos.complete_upload(video_id, [Part(1, "film of "), Part(2, "bread")], BY_ADMIN)
    await dock.videos.transcode(video_id)

    assert [(fact.size_bytes, fact.sha256) for fact in await dock.received()] == [(13, sha256(FILM).hexdigest())]
    assert (await dock.house.tags())[-1] == "video.made_ready"
    again = await dock.videos.complete_upload(video_id, [Part(1, "film of "), Part(2, "bread")], BY_ADMIN)
    assert again.position == await dock.house.ledger.head()
    with pytest.raises(UploadNotExpected):
        await dock.videos.complete_upload(video_id, [Part(1, "film")], BY_ADMIN)
    with pytest.raises(UploadNotExpected):
        await dock.videos.sign_parts(video_id, [1])


async def test_parts_that_make_nothing_are_refused(dock: Dock) -> None:
    with pytest.raises(PartsInvalid):
        await dock.videos.complete_upload(await dock.created(), [], BY_ADMIN)
    with pytest.raises(NotFound):
        await dock.videos.complete_upload(uuid4(), [Part(1, "film")], BY_ADMIN)


async def test_five_who_say_at_once_that_it_is_complete_are_answered_alike(dock: Dock) -> None:
    video_id = await dock.created()
    parts = [Part(1, "film of "), Part(2, "bread")]

    await asyncio.gather(*(dock.videos.complete_upload(video_id, parts, BY_ADMIN) for _ in range(5)))

    assert len(await dock.received()) == 1


async def test_an_upload_that_nobody_told_of_is_found(dock: Dock) -> None:
    video_id, _ = await dock.created(), await dock.created()
    assert await dock.following.ask_about_unheard() == 0

    dock.warehouse.put(video_id, FILM)

    assert await dock.following.ask_about_unheard() == 1
    assert await dock.following.ask_about_unheard() == 0
    (received,) = await dock.received()
    assert (received.video_id, received.cause) == (video_id, Cause("sweep", "warehouse"))


async def test_a_platform_that_is_away_keeps_no_other_from_being_asked(dock: Dock) -> None:
    video_id = await dock.created()
    at_remote = Platforms(dock.house.studio, remote=[dock.remote], new_videos="remote")
    await replace(dock.videos, platforms=at_remote).create(NewVideo(title="Cake"), BY_ADMIN)
    dock.remote.trouble = ProviderUnavailable("down")
    dock.warehouse.put(video_id, FILM)

    with pytest.raises(ProviderUnavailable):
        await dock.following.ask_about_unheard()

    (received,) = await dock.received()
    assert received.video_id == video_id


async def test_what_is_waited_for_in_vain_is_asked_about_for_two_days_more(dock: Dock) -> None:
    video_id = await dock.created()
    await dock.house.moves_to(dock.house.business_time.now() + timedelta(days=3))
    dock.warehouse.put(video_id, FILM)

    assert await dock.following.ask_about_unheard() == 0


async def test_a_notice_is_settled_when_it_is_recorded_and_not_before(dock: Dock) -> None:
    video_id = await dock.created()
    dock.warehouse.put(video_id, FILM)
    queue = Queue(UploadNotice("1", (video_id, uuid4())), UploadNotice("2", ()), UploadNotice("3", (video_id,)))

    dock.warehouse.away = True
    with pytest.raises(ProviderUnavailable):
        await dock.hears(queue)
    assert len(queue.notices) == 3
    dock.warehouse.away = False

    assert await dock.hears(queue) == 3
    assert queue.notices == []
    assert len(await dock.received()) == 1


async def test_an_upload_that_was_no_video_is_not_taken_for_the_next_one(dock: Dock) -> None:
    video_id = await dock.created()
    dock.warehouse.put(video_id, b"a picture")
    await dock.hears(Queue(UploadNotice("1", (video_id,))))
    await dock.videos.transcode(video_id)
    assert (await dock.house.tags())[-1] == "video.failed"

    await dock.hears(Queue(UploadNotice("1", (video_id,))))
    assert (await dock.house.tags())[-1] == "video.failed"

    dock.warehouse.put(video_id, FILM)
    await dock.hears(Queue(UploadNotice("2", (video_id,))))
    await dock.videos.transcode(video_id)
    assert (await dock.house.tags())[-1] == "video.made_ready"


async def test_a_video_whose_platform_is_not_set_up_any_more_is_for_later(dock: Dock) -> None:
    video_id = await dock.created()

    with pytest.raises(PlatformNotSetUp, match="warehouse"):
        await dock.house.videos.sign_parts(video_id, [1])
    with pytest.raises(PlatformNotSetUp):
        await dock.house.videos.note_arrival(video_id, Cause("sweep", "warehouse"))


def test_new_videos_go_where_there_are_settings_for(house: House) -> None:
    with pytest.raises(ValueError, match="VIDEO_PLATFORM is mux"):
        Platforms(house.studio, new_videos="mux")
