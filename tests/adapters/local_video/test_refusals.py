"""What is no video, or too much of one, is refused with a word that a program can tell apart."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest

from adapters.local_video.platform import LocalVideo
from adapters.transcoding.limits import Limits
from application.ports.video_platform import NotAVideo
from tests.adapters.local_video.clips import FFMPEG, Clips
from tests.adapters.local_video.screening import KEYS, listing, local_video, screen, upload

pytestmark = pytest.mark.anyio

NO_VIDEOS: dict[str, tuple[str, Callable[[Clips], Path]]] = {
    "nothing at all": ("not_a_video", lambda clips: clips.write("empty.mp4", b"")),
    "a text": ("not_a_video", lambda clips: clips.write("text.mp4", b"All work and no play.\n" * 999)),
    "noise": ("not_a_video", lambda clips: clips.write("noise.mp4", os.urandom(200_000))),
    "a picture": ("not_a_video", lambda clips: clips.picture),
    "a picture in a video file": ("still_image", lambda clips: clips.picture_as_video),
    "sound": ("no_video_stream", lambda clips: clips.sound_alone),
    "sound with a cover": ("no_video_stream", lambda clips: clips.sound_with_cover),
    "half a file": ("truncated", lambda clips: clips.cut_off("mp4")),
    "half a Matroska file": ("truncated", lambda clips: clips.cut_off("mkv")),
    "a codec of archives": ("codec_not_supported", lambda clips: clips.odd),
    "a film as large as a stamp": ("too_small", lambda clips: clips.filmed("stamp.mp4", "64x8", 1)),
    "a film as narrow as a ribbon": ("too_wide", lambda clips: clips.filmed("ribbon.mp4", "640x32", 1)),
}


@pytest.mark.parametrize("what", NO_VIDEOS)
async def test_what_is_no_video_is_refused_with_the_reason(what: str, platform: LocalVideo, clips: Clips) -> None:
    reason, make = NO_VIDEOS[what]

    with pytest.raises(NotAVideo) as refused:
        await screen(platform, make(clips))

    assert refused.value.reason == reason
    assert str(clips.folder) not in refused.value.detail


async def test_a_film_cut_off_in_its_beginning_says_nothing_of_itself(platform: LocalVideo, clips: Clips) -> None:
    with pytest.raises(NotAVideo) as refused:
        await screen(platform, clips.write("stump.mp4", clips.small.read_bytes()[:20_000]))

    assert refused.value.reason == "not_a_video"


async def test_a_high_dynamic_range_is_refused_where_ffmpeg_cannot_turn_it_down(
    root: Path, clips: Clips, tmp_path: Path
) -> None:
    """An FFmpeg that was built without zimg."""
    without = tmp_path / "ffmpeg"
    replaced = '[one.replace("zscale=", "absent_zscale=") for one in sys.argv]'
    without.write_text(f"#!{sys.executable}\nimport os, sys\nos.execv({str(FFMPEG)!r}, {replaced})\n")
    without.chmod(0o755)
    platform = LocalVideo(root, public_url="https://video.example", signing_keys=KEYS, ffmpeg=without)

    with pytest.raises(NotAVideo) as refused:
        await screen(platform, clips.high_dynamic_range)

    assert refused.value.reason == "hdr_not_supported"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(duration_seconds=2.5), "too_long"),
        (Limits(pixels=320 * 179), "too_many_pixels"),
        (Limits(streams=1), "too_many_streams"),
        (Limits(processing_seconds=0, processing_seconds_per_second=0), "processing_timed_out"),
    ],
)
async def test_what_goes_beyond_a_limit_is_refused(root: Path, clips: Clips, limits: Limits, reason: str) -> None:
    with pytest.raises(NotAVideo) as refused:
        await screen(local_video(root, limits), clips.small)

    assert refused.value.reason == reason


async def test_a_length_that_the_file_does_not_tell_is_limited_too(root: Path, clips: Clips) -> None:
    with pytest.raises(NotAVideo) as refused:
        await screen(local_video(root, Limits(duration_seconds=2)), clips.browser_recording)

    assert refused.value.reason == "too_long"


async def test_a_refused_upload_is_refused_again_and_can_be_replaced(
    platform: LocalVideo, root: Path, clips: Clips
) -> None:
    video_id = uuid4()
    noise = await upload(platform, clips.write("bad.mp4", os.urandom(10_000)), video_id)
    for _ in range(2):
        with pytest.raises(NotAVideo) as refused:
            await platform.process(video_id, sha256=noise, on_progress=lambda _: None)
        assert refused.value.reason == "not_a_video"

    better = await upload(platform, clips.small, video_id)
    processed = await platform.process(video_id, sha256=better, on_progress=lambda _: None)

    assert processed.duration_seconds == 3.0
    assert listing(root / "uploads") == []
    assert listing(root / "work") == []


class Trap:
    """A port on this machine and a named pipe: whoever opens one of them is seen."""

    def __init__(self, folder: Path) -> None:
        self.canary = folder / "canary.mp4"
        os.mkfifo(self.canary)
        self.visits = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._visited, "127.0.0.1")
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def _visited(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


BAITS = {
    "an HLS playlist": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/secret.ts\n"
        "#EXTINF:4,\nfile://{canary}\n#EXT-X-ENDLIST\n"
    ),
    "a list for the concat demuxer": "ffconcat version 1.0\nfile {canary}\nfile http://127.0.0.1:{port}/secret.mp4\n",
    "a DASH manifest": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT4S">'
        "<BaseURL>http://127.0.0.1:{port}/</BaseURL><Period><AdaptationSet mimeType='video/mp4'><Representation id='1'>"
        "<SegmentList><SegmentURL media='secret.m4s'/></SegmentList></Representation></AdaptationSet></Period></MPD>"
    ),
    "a session description": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    ),
    "a Real metafile": "rtsp://127.0.0.1:{port}/secret\nhttp://127.0.0.1:{port}/secret\n",
}


@pytest.mark.parametrize("bait", BAITS)
async def test_an_upload_that_names_files_and_addresses_reaches_neither(
    bait: str, platform: LocalVideo, clips: Clips, tmp_path: Path
) -> None:
    async with Trap(tmp_path) as trap:
        text = BAITS[bait].format(port=trap.port, canary=trap.canary)
        async with asyncio.timeout(20):  # who opens the pipe waits for ever
            with pytest.raises(NotAVideo) as refused:
                await screen(platform, clips.write("film.mp4", text.encode()))

    assert refused.value.reason == "not_a_video"
    assert trap.visits == 0


async def test_the_bait_is_taken_by_an_ffmpeg_without_our_options(clips: Clips, tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    async with Trap(tmp_path) as trap:
        text = BAITS["an HLS playlist"].format(port=trap.port, canary=trap.canary)
        playlist = clips.write("film.m3u8", text.encode())
        unguarded = (str(FFMPEG), "-v", "error", "-protocol_whitelist", "file,http,tcp", "-i", str(playlist))
        ffmpeg = await asyncio.create_subprocess_exec(*unguarded, "-f", "null", "-", stderr=subprocess.DEVNULL)
        pipe = await asyncio.to_thread(os.open, trap.canary, os.O_WRONLY)  # goes on once somebody reads the pipe
        os.close(pipe)
        ffmpeg.kill()
        await ffmpeg.wait()

    assert trap.visits > 0
