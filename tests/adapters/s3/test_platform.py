"""A film goes into a bucket in parts, is made ready by our worker, and lies there to be delivered."""

import re
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import m3u8  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from adapters.s3.bucket import Access, Bucket
from adapters.s3.platform import GRANT_BUCKET, S3Video
from adapters.s3.troubles import Missing
from adapters.transcoding.limits import Limits
from application.errors import ProviderUnavailable
from application.ports.video_platform import (
    NotAVideo,
    Part,
    PartedPlatform,
    PartsInvalid,
    Processed,
    ReceivedUpload,
    Reference,
    UploadTooLarge,
)
from tests.adapters.local_video.clips import Clips
from tests.adapters.s3.conftest import HOST, NewPlatform, StandingClock
from tests.contracts.video_platform import NOW, PlatformCase, VideoPlatformContract

pytestmark = pytest.mark.anyio

MEGABYTE = 2**20
PART = 5 * MEGABYTE


class TestS3Video(VideoPlatformContract):
    @pytest.fixture
    def case(self, new_platform: NewPlatform) -> PlatformCase:
        platform = new_platform(limits=Limits(upload_bytes=1_000_000))
        return PlatformCase(platform, playback_id="0123456789abcdef_480_240", limit_bytes=1_000_000)


async def sent(platform: S3Video, upload: Reference, body: bytes) -> list[Part]:
    """The parts, put where the signed addresses say."""
    pieces = [body[start : start + PART] for start in range(0, len(body), PART)]
    urls = await platform.sign_parts(upload, range(1, len(pieces) + 1), now=NOW)
    async with httpx.AsyncClient() as http:
        answers = [await http.put(urls[number], content=piece) for number, piece in enumerate(pieces, 1)]
    return [Part(number, answer.raise_for_status().headers["etag"]) for number, answer in enumerate(answers, 1)]


async def begun(platform: S3Video, clock: StandingClock, video_id: UUID) -> Reference:
    grant = await platform.grant_upload(video_id, size_bytes=None, now=clock.now())
    return Reference(video_id, grant.upload_id)


@dataclass(frozen=True)
class Screened:
    """A film that has come in and been made ready."""

    upload: Reference
    received: ReceivedUpload
    processed: Processed

    @property
    def video_id(self) -> UUID:
        return self.upload.video_id


async def screened(platform: S3Video, clock: StandingClock, clip: Path) -> Screened:
    upload, film = await begun(platform, clock, uuid4()), await to_thread(clip.read_bytes)
    received = await platform.complete_upload(upload, await sent(platform, upload, film))
    progress: list[float] = []
    processed = await platform.process(upload.video_id, sha256=received.sha256, on_progress=progress.append)
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    return Screened(upload, received, processed)


def keys(bucket: Bucket, prefix: str = "") -> list[str]:
    listed = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix=prefix)
    return [one["Key"] for one in listed.get("Contents", [])]


class Forgetful(Bucket):
    """Knows no upload that has been completed, as S3 does after a while; moto answers 500 then."""

    async def complete(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        raise Missing("NoSuchUpload")


async def test_parts_are_put_together_once(
    platform: S3Video, new_platform: NewPlatform, clock: StandingClock, bucket: Bucket, access: Access
) -> None:
    port: PartedPlatform = platform
    upload, body = await begun(platform, clock, uuid4()), bytes(PART) + b"the rest"
    parts = await sent(platform, upload, body)

    assert await port.arrived(upload) is None
    received = await platform.complete_upload(upload, list(reversed(parts)))
    again = await new_platform(bucket=Forgetful(access)).complete_upload(upload, parts)

    assert received == again == await port.arrived(upload)
    assert received.sha256 == port.fingerprint(parts) == port.fingerprint(list(reversed(parts)))
    assert received.sha256 != port.fingerprint(parts[:1])
    assert port.fingerprint([Part(1, "no hash")]) == ""
    assert received.size_bytes == len(body)
    assert re.fullmatch(r"[0-9a-f]{64}", received.sha256)
    assert await bucket.read(f"uploads/{upload.video_id}") == body


async def test_an_upload_that_another_took_the_place_of_keeps_no_parts(
    platform: S3Video, clock: StandingClock, bucket: Bucket
) -> None:
    first = await begun(platform, clock, uuid4())
    await sent(platform, first, b"of the first")
    last = await begun(platform, clock, first.video_id)
    parts, both = await sent(platform, last, b"of the last"), replace(last, earlier_uploads=(first.upload_id,))

    def open_uploads() -> set[str]:
        listed = bucket.client.list_multipart_uploads(Bucket=bucket.name, Prefix=f"uploads/{first.video_id}")
        return {one["UploadId"] for one in listed.get("Uploads", [])}

    assert open_uploads() == {first.upload_id, last.upload_id}
    for _ in range(2):
        await platform.cancel_earlier_uploads(both)

    assert open_uploads() == {last.upload_id}
    assert (await platform.complete_upload(last, parts)).size_bytes == len(b"of the last")
    third = await begun(platform, clock, first.video_id)
    await platform.delete(Reference(first.video_id, last.upload_id, earlier_uploads=(third.upload_id,)))
    assert open_uploads() == set()


async def test_parts_that_are_not_the_uploads_are_refused(
    platform: S3Video, new_platform: NewPlatform, clock: StandingClock, access: Access
) -> None:
    upload = await begun(platform, clock, uuid4())
    (part,) = await sent(platform, upload, b"all of it")

    for parts in (
        [Part(1, "0" * 32)],
        [Part(2, part.etag)],
        [part, part],
    ):
        with pytest.raises(PartsInvalid):
            await platform.complete_upload(upload, parts)
    with pytest.raises(PartsInvalid):
        await platform.sign_parts(upload, [10_001], now=clock.now())
    await platform.complete_upload(upload, [part])
    forgetful = new_platform(bucket=Forgetful(access))
    for parts in ([Part(1, "0" * 32)], [Part(1, "no hash")], [part, Part(2, "0" * 32)]):
        with pytest.raises(PartsInvalid):
            await forgetful.complete_upload(upload, parts)
    with pytest.raises(PartsInvalid):
        await forgetful.complete_upload(Reference(uuid4(), "never begun"), [part])


async def test_more_than_is_allowed_is_taken_away_again(
    new_platform: NewPlatform, clock: StandingClock, bucket: Bucket
) -> None:
    platform = new_platform(limits=Limits(upload_bytes=10))
    upload = await begun(platform, clock, uuid4())

    with pytest.raises(UploadTooLarge):
        await platform.complete_upload(upload, await sent(platform, upload, b"eleven byte"))

    assert keys(bucket) == []


@pytest.mark.parametrize(("size", "part"), [(None, 64), (1, 8), (80_000 * MEGABYTE, 8), (10**12, 96)])
async def test_a_part_is_so_long_that_ten_thousand_are_enough(
    new_platform: NewPlatform, clock: StandingClock, size: int | None, part: int
) -> None:
    platform = new_platform(limits=Limits(upload_bytes=2 * 10**12))

    grant = await platform.grant_upload(uuid4(), size_bytes=size, now=clock.now())

    assert grant.part_size == part * MEGABYTE


async def test_made_ready_it_plays_through_the_folder_that_is_granted(
    platform: S3Video, clock: StandingClock, clips: Clips, bucket: Bucket, tmp_path: Path
) -> None:
    film = await screened(platform, clock, clips.filmed("two-rungs.mp4", "854x480", 1))
    heights = [rendition.height for rendition in film.processed.renditions]
    assert heights == sorted(heights)
    assert len(heights) > 1

    lowest = min(heights)
    grant = await platform.grant_playback(
        film.processed.playback_id,
        video_id=film.video_id,
        session_id=uuid4(),
        until=clock.now() + timedelta(hours=4),
        max_height=lowest,
    )

    path = urlsplit(grant.url).path.removeprefix("/")
    folder = path.removesuffix("master.m3u8")
    master = m3u8.loads((await bucket.read(path) or b"").decode())
    assert [str(variant.uri).partition("/")[0] for variant in master.playlists] == [f"{lowest}p"]
    media = folder + str(master.playlists[0].uri).partition("?")[0]
    playlist = m3u8.loads((await bucket.read(media) or b"").decode())
    named = [str(segment.uri).partition("?")[0] for segment in playlist.segments]
    assert all([await bucket.head(media.removesuffix("index.m3u8") + name) for name in named])
    tall = [key for key in keys(bucket, "hls/") if f"{max(heights)}p/" in key]
    assert tall
    assert not any(key.startswith(folder) for key in tall)
    assert bucket.client.head_object(Bucket=bucket.name, Key=path)["ContentType"] == "application/vnd.apple.mpegurl"


async def test_made_ready_nothing_is_left_but_what_is_served(
    platform: S3Video, clock: StandingClock, clips: Clips, bucket: Bucket, tmp_path: Path
) -> None:
    film = await screened(platform, clock, clips.small)

    assert keys(bucket, "uploads/") == []
    assert all(key.startswith(f"hls/{film.video_id}/") for key in keys(bucket))
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []
    again = await platform.process(film.video_id, sha256=film.received.sha256, on_progress=lambda _: None)
    assert again == film.processed


async def test_what_is_no_video_says_so_and_leaves_nothing_on_the_disk(
    platform: S3Video, clock: StandingClock, tmp_path: Path
) -> None:
    upload = await begun(platform, clock, uuid4())
    received = await platform.complete_upload(upload, await sent(platform, upload, b"no film " * 1000))

    with pytest.raises(NotAVideo):
        await platform.process(upload.video_id, sha256=received.sha256, on_progress=lambda _: None)
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []


async def test_another_upload_is_not_made_in_its_place(platform: S3Video, clock: StandingClock, clips: Clips) -> None:
    upload = await begun(platform, clock, uuid4())
    await platform.complete_upload(upload, await sent(platform, upload, clips.small.read_bytes()))

    with pytest.raises(NotAVideo, match="no longer there"):
        await platform.process(upload.video_id, sha256="ab" * 32, on_progress=lambda _: None)


async def test_deleted_nothing_of_it_is_in_the_bucket(
    platform: S3Video, clock: StandingClock, clips: Clips, bucket: Bucket
) -> None:
    film = await screened(platform, clock, clips.small)
    other = await begun(platform, clock, film.video_id)
    await sent(platform, other, b"another try")

    for _ in range(2):
        await platform.delete(Reference(film.video_id, other.upload_id, "", film.processed.playback_id))

    assert keys(bucket) == []
    assert bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []


async def test_one_signature_serves_all_within_minutes_and_none_outlives_its_access(
    platform: S3Video, clock: StandingClock
) -> None:
    video_id = uuid4()

    async def granted(until: timedelta, **given: int) -> tuple[str, timedelta]:
        grant = await platform.grant_playback(
            "0123456789abcdef_480_240",
            video_id=video_id,
            session_id=uuid4(),
            until=clock.now() + until,
            max_height=given.get("max_height"),
        )
        assert grant.url.startswith(f"{HOST}/hls/{video_id}/0123456789abcdef_480_240/")
        return grant.url, grant.expires_at - clock.now()

    first, life = await granted(timedelta(hours=4))
    clock.moment += timedelta(seconds=30)
    assert (await granted(timedelta(hours=4)))[0] == first
    assert timedelta(hours=4) - GRANT_BUCKET <= life <= timedelta(hours=4)
    assert (await granted(timedelta(hours=4), max_height=240))[0] != first
    for seconds in (1, 60, 1000):
        assert (await granted(timedelta(seconds=seconds)))[1] == timedelta(seconds=seconds)
    lowest = (await granted(timedelta(hours=4), max_height=240))[0]
    assert (await granted(timedelta(hours=4), max_height=100))[0] == lowest, "there is nothing lower"


async def test_where_nobody_answers_it_says_so() -> None:
    nobody = Bucket(Access(bucket="films", endpoint="http://127.0.0.1:9", key_id="a", secret="b"))

    with pytest.raises(ProviderUnavailable):
        await nobody.head("uploads/one")
