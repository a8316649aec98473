"""A film whose segments are nothing without a key, and a key that lies nowhere and is given to who may watch."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from adapters.local_video.platform import LocalVideo
from adapters.transcoding.encryption import ContentKeys
from application.ports.video_platform import MediaFile, MediaRefused
from domain.video.captions import CaptionTrack
from tests.adapters.local_video.clips import Clips
from tests.adapters.local_video.screening import (
    NOW,
    Screening,
    contents,
    gaps,
    in_an_hour,
    listing,
    local_video,
    screen,
)

pytestmark = pytest.mark.anyio

PACKET_BYTES, SYNC = 188, 0x47


@pytest.fixture(scope="module")
async def hidden(clips: Clips, tmp_path_factory: pytest.TempPathFactory) -> Screening:
    """Six seconds in 480p with sound. Not to be changed."""
    return await screen(local_video(tmp_path_factory.mktemp("hidden"), encrypts=True), clips.landscape)


@pytest.fixture
async def with_key(hidden: Screening) -> Screening:
    """The key lies where its players look for it."""
    (hidden.folder / "enc.key").write_bytes((await key_of(hidden)).body or b"")
    return hidden


async def key_of(film: Screening, platform: LocalVideo | None = None) -> MediaFile:
    granted = await film.platform.grant_playback(
        film.processed.playback_id, video_id=film.video_id, session_id=film.video_id, until=in_an_hour(), max_height=240
    )
    return (platform or film.platform).open_media(granted.token, film.video_id, "enc.key", now=NOW)


async def test_with_the_key_all_of_it_is_there(with_key: Screening) -> None:
    assert with_key.heights == [240, 480]
    assert with_key.processed.duration_seconds == pytest.approx(6.0, abs=0.1)
    for height in with_key.heights:
        pictures = with_key.pictures(height)
        assert len(pictures) == 180
        assert gaps(pictures) == pytest.approx([1 / 30] * 179, abs=1e-3)
        assert with_key.sound_seconds(height) == pytest.approx(6.0, abs=0.05)
        assert [round(moment - pictures[0], 3) for moment in with_key.key_frames(height)] == [0.0, 2.0, 4.0]
        playlist = with_key.playlist(height)
        assert [part.duration for part in playlist.segments] == pytest.approx([4, 2], abs=0.1)
        assert (playlist.keys[0].method, playlist.keys[0].uri) == ("AES-128", "../enc.key")


async def test_the_master_playlist_tells_what_is_in_it(hidden: Screening) -> None:
    low, high = (variant.stream_info for variant in hidden.master().playlists)

    assert low.codecs == "avc1.640015,mp4a.40.2"
    for variant, height in ((low, 240), (high, 480)):
        sizes = [8 * part.stat().st_size for part in sorted((hidden.folder / f"{height}p").glob("*.ts"))]
        assert variant.average_bandwidth == pytest.approx(sum(sizes) / 6, rel=0.02)


async def test_no_segment_is_in_the_clear_and_no_key_is_on_the_disk(hidden: Screening) -> None:
    key = (await key_of(hidden)).body
    segments = sorted(hidden.folder.rglob("*.ts"))

    assert len(segments) == 4
    assert not list(hidden.folder.rglob("*.m4s"))
    for segment in segments:
        content = contents(segment)
        synced = sum(content[start] == SYNC for start in range(0, len(content), PACKET_BYTES))
        assert synced < len(content) // PACKET_BYTES / 10 + 3
    assert key is not None
    files = [path for path in hidden.root.rglob("*") if path.is_file() and path.name != "enc.key"]
    assert not [path for path in files if key in contents(path)]
    assert listing(hidden.root / "work") == []


async def test_another_key_shows_nothing(with_key: Screening) -> None:
    (with_key.folder / "enc.key").write_bytes(bytes(16))

    with pytest.raises((subprocess.CalledProcessError, ValueError)):
        assert with_key.pictures(240)


async def test_the_key_is_a_secret_and_for_who_may_watch(hidden: Screening, tmp_path: Path) -> None:
    key = await key_of(hidden)

    assert (key.secret, key.session_id, len(key.body or b"")) == (True, hidden.video_id, 16)
    poster = hidden.platform.thumbnail_url(hidden.video_id, hidden.processed.playback_id, now=NOW).split("/")[-3]
    with pytest.raises(MediaRefused, match="pictures alone"):
        hidden.platform.open_media(poster, hidden.video_id, "enc.key", now=NOW)
    with pytest.raises(MediaRefused, match="no such file"):
        await key_of(hidden, local_video(tmp_path))


async def test_of_what_is_encrypted_there_is_no_preview_since_the_key_opens_all_of_it(hidden: Screening) -> None:
    playback_id, until = hidden.processed.playback_id, NOW + timedelta(hours=1)
    assert hidden.platform.grant_preview(playback_id, video_id=hidden.video_id, seconds=4, until=until) is None


async def test_what_was_encrypted_plays_where_nothing_is_encrypted_any_more(hidden: Screening) -> None:
    assert await key_of(hidden, local_video(hidden.root, encrypts=False)) == await key_of(hidden)


def test_each_playback_has_a_key_of_its_own() -> None:
    keys, other = ContentKeys(bytes(32)), ContentKeys(bytes(31) + b"x")

    made = {
        keys.of(UUID(int=1), "0123456789abcdef"),
        keys.of(UUID(int=2), "0123456789abcdef"),
        keys.of(UUID(int=1), "fedcba9876543210"),
        other.of(UUID(int=1), "0123456789abcdef"),
    }

    assert {len(key) for key in made} == {16}
    assert len(made) == 4
    with pytest.raises(ValueError, match="32 bytes"):
        ContentKeys(b"short")


async def test_captions_of_it_begin_when_its_pictures_do(with_key: Screening) -> None:
    """The clock of MPEG-TS runs before there is a picture, and a text has to say for how long."""
    text = "WEBVTT\n\n00:00.500 --> 00:02.000\nGood evening\n"
    track = CaptionTrack(kind="subtitles", language="en", label="English", sha256="ab" * 32, size_bytes=len(text))
    await with_key.platform.keep_captions(with_key.video_id, track.sha256, text)
    await with_key.platform.show_captions(with_key.video_id, "", [track])
    granted = await with_key.platform.grant_playback(
        with_key.processed.playback_id,
        video_id=with_key.video_id,
        session_id=with_key.video_id,
        until=in_an_hour(),
        max_height=None,
    )

    served = with_key.platform.open_media(granted.token, with_key.video_id, f"captions/{track.sha256}.vtt", now=NOW)
    await with_key.platform.show_captions(with_key.video_id, "", [])

    starts = re.search(rb"X-TIMESTAMP-MAP=MPEGTS:(\d+),LOCAL:00:00:00.000", served.body or b"")
    assert starts is not None
    assert int(starts[1]) / 90_000 == pytest.approx(with_key.pictures(240, "-copyts")[0])
