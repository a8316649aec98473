"""Captions of a film in a bucket: under every leave that opens the film, and gone with it."""

from hashlib import sha256

import m3u8  # type: ignore[import-untyped]
import pytest

from adapters.s3.bucket import Bucket
from adapters.s3.layout import CARRIED, DEFINED
from adapters.s3.platform import S3Video
from adapters.transcoding.captions import placed
from application.ports.video_platform import Reference
from domain.video.captions import CaptionTrack
from tests.adapters.local_video.clips import Clips
from tests.adapters.s3.conftest import StandingClock
from tests.adapters.s3.test_platform import keys, screened

pytestmark = pytest.mark.anyio

CAPTIONS = "WEBVTT\n\n00:00.500 --> 00:02.000\nGood evening\n"


def track(text: str, language: str) -> CaptionTrack:
    digest = sha256(text.encode()).hexdigest()
    return CaptionTrack(kind="subtitles", language=language, label=language, sha256=digest, size_bytes=len(text))


async def test_captions_lie_where_every_leave_reaches_and_each_master_names_them(
    platform: S3Video, clock: StandingClock, clips: Clips, bucket: Bucket
) -> None:
    film = await screened(platform, clock, clips.filmed("two-rungs.mp4", "854x480", 1))
    played, video_id, other = film.processed.playback_id, film.video_id, CAPTIONS.replace("evening", "night")
    prefix = f"hls/{video_id}/{played}/"
    english, french = track(CAPTIONS, "en"), track(other, "fr")
    for one, text in ((english, CAPTIONS), (french, other)):
        await platform.keep_captions(video_id, one.sha256, text)
    before = {key: await bucket.read(key) for key in keys(bucket, prefix)}

    await platform.show_captions(video_id, "", [english])
    assert {key: await bucket.read(key) for key in keys(bucket, prefix)} == before
    await platform.show_captions(video_id, played, [english, french])

    for folder in ("le480/", "le480/le240/"):
        master = m3u8.loads((await bucket.read(f"{prefix}{folder}master.m3u8") or b"").decode())
        assert [variant.stream_info.subtitles for variant in master.playlists] == ["text"] * len(master.playlists)
        path, query = str(master.media[0].uri).split("?")
        assert f"{folder}{path}" == "le480/le240/captions/en.subtitles.m3u8"
        listed = (await bucket.read(f"{prefix}{folder}{path}") or b"").decode()
        assert query == CARRIED
        assert f"\n{english.sha256}.vtt?{CARRIED}\n" in listed
        assert listed.startswith(f"#EXTM3U\n#EXT-X-VERSION:11\n{DEFINED}")
        assert m3u8.loads(listed).segments[0].duration == pytest.approx(1, abs=0.01)
    place = f"{prefix}le480/le240/captions/"
    assert await bucket.read(f"{place}{english.sha256}.vtt") == placed(CAPTIONS, 2 / 30).encode()
    assert (
        bucket.client.head_object(Bucket=bucket.name, Key=f"{place}{english.sha256}.vtt")["ContentType"] == "text/vtt"
    )

    await platform.show_captions(video_id, played, [french])
    assert keys(bucket, place) == sorted([f"{place}fr.subtitles.m3u8", f"{place}{french.sha256}.vtt"])
    await platform.show_captions(video_id, played, [])
    assert {key: await bucket.read(key) for key in keys(bucket, prefix)} == before
    await platform.delete(Reference(video_id, playback_id=played))
    assert keys(bucket) == []
