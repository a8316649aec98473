"""Killed in the middle, nothing half-made is served; done again, it finishes once, and no FFmpeg is left running."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import pytest

from adapters.local_video.platform import LocalVideo
from adapters.transcoding.limits import Limits
from application.ports.video_platform import NotAVideo, Processed, Reference, VideoGone
from tests.adapters.local_video.clips import Clips
from tests.adapters.local_video.programs import COMMAND, ROOT
from tests.adapters.local_video.screening import Screening, decoded, listing, local_video, upload

pytestmark = pytest.mark.anyio


def working_in(folder: Path) -> list[int]:
    """The processes that are in this folder or under it; FFmpeg is started in one that is gone afterwards."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found


def everything(root: Path) -> list[Path]:
    return list(root.rglob("*"))


def until_nobody_works_in(folder: Path) -> None:
    deadline = time.monotonic() + 1
    while working_in(folder):
        assert time.monotonic() < deadline, f"still running: {working_in(folder)}"
        time.sleep(0.01)


@contextmanager
def processing(root: Path, video_id: UUID, sha256: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that is half-way through."""
    command = (*COMMAND, "process", str(root), str(video_id), sha256)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout
            assert 0 < float(worker.stdout.readline()) < 0.9
            yield worker
        finally:
            worker.kill()


async def test_a_worker_that_is_killed_leaves_no_ffmpeg_and_nothing_to_see(
    platform: LocalVideo, root: Path, clips: Clips
) -> None:
    video_id = uuid4()
    sha256 = await upload(platform, clips.minute, video_id)

    with processing(root, video_id, sha256) as worker:
        assert len(working_in(root)) == 1
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=5)
    until_nobody_works_in(root)
    assert listing(root / "hls") == []
    assert len(listing(root / "work")) == 1

    processed = await platform.process(video_id, sha256=sha256, on_progress=lambda _: None)

    assert listing(root / "hls" / str(video_id)) == [processed.playback_id]
    playlist = root / "hls" / str(video_id) / processed.playback_id / "180p" / "index.m3u8"
    assert len(decoded(playlist, "-map", "0:v")) == 60 * 30
    assert listing(root / "work") == []
    assert listing(root / "uploads") == []


async def test_done_again_it_is_the_same_and_costs_nothing(film: Screening) -> None:
    before = written(film)
    progress: list[float] = []

    again = await film.platform.process(film.video_id, sha256=film.sha256, on_progress=progress.append)

    assert again == film.processed
    assert progress == [1.0]
    assert written(film) == before


def written(film: Screening) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in film.folder.rglob("*")}


async def test_two_workers_at_once_make_one_playback(root: Path, clips: Clips) -> None:
    video_id = uuid4()
    first, second = local_video(root), local_video(root)
    sha256 = await upload(first, clips.small, video_id)

    made: list[Processed] = await asyncio.gather(
        *(worker.process(video_id, sha256=sha256, on_progress=lambda _: None) for worker in (first, second))
    )

    assert made[0].playback_id == made[1].playback_id
    assert listing(root / "hls" / str(video_id)) == [made[0].playback_id]
    assert listing(root / "work") == []


async def test_processing_that_is_cancelled_ends_its_ffmpeg(platform: LocalVideo, root: Path, clips: Clips) -> None:
    video_id, begun = uuid4(), asyncio.Event()
    sha256 = await upload(platform, clips.minute, video_id)
    working = asyncio.create_task(platform.process(video_id, sha256=sha256, on_progress=lambda _: begun.set()))
    await begun.wait()

    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert working_in(root) == []
    assert listing(root / "work") == []


async def test_processing_that_takes_too_long_is_ended(root: Path, clips: Clips) -> None:
    platform, video_id = local_video(root, Limits(processing_seconds=1, processing_seconds_per_second=0)), uuid4()
    sha256 = await upload(platform, clips.minute, video_id)

    with pytest.raises(NotAVideo) as refused:
        await platform.process(video_id, sha256=sha256, on_progress=lambda _: None)

    assert refused.value.reason == "processing_timed_out"
    assert working_in(root) == []


async def test_a_deleted_video_is_gone(platform: LocalVideo, root: Path, clips: Clips) -> None:
    video_id = uuid4()
    sha256 = await upload(platform, clips.small, video_id)
    await platform.process(video_id, sha256=sha256, on_progress=lambda _: None)
    await upload(platform, clips.small, video_id)

    await platform.delete(Reference(video_id))
    await platform.delete(Reference(video_id))

    assert files(root) == [f"deleted/{video_id}"]
    assert listing(root) == ["captions", "deleted", "hls", "partial", "uploads", "work"]
    assert listing(root / "hls") == listing(root / "uploads") == listing(root / "work") == []


async def test_a_video_that_is_deleted_while_it_is_made_ready_is_gone_and_its_ffmpeg_ends(
    platform: LocalVideo, root: Path, clips: Clips
) -> None:
    video_id, begun, progress = uuid4(), asyncio.Event(), list[float]()
    sha256 = await upload(platform, clips.minute, video_id)

    def hear(done: float) -> None:
        progress.append(done)
        begun.set()

    working = asyncio.create_task(platform.process(video_id, sha256=sha256, on_progress=hear))
    await begun.wait()

    await platform.delete(Reference(video_id))
    async with asyncio.timeout(10):
        with pytest.raises(VideoGone):
            await working

    assert progress[-1] < 0.95
    assert working_in(root) == []
    assert files(root) == [f"deleted/{video_id}"]


async def test_a_video_that_is_deleted_as_it_becomes_ready_is_gone(
    platform: LocalVideo, root: Path, clips: Clips
) -> None:
    """Deleted by another process when all is made and only has to be moved to its place."""
    video_id, deleting = uuid4(), list[Thread]()
    sha256 = await upload(platform, clips.small, video_id)

    def delete_at_last(done: float) -> None:
        if done > 0.9 and not deleting:
            deleting.append(Thread(target=asyncio.run, args=(local_video(root).delete(Reference(video_id)),)))
            deleting[0].start()
            deleting[0].join(10)

    with pytest.raises(VideoGone):
        await platform.process(video_id, sha256=sha256, on_progress=delete_at_last)

    assert deleting
    assert files(root) == [f"deleted/{video_id}"]


async def test_what_is_sent_or_begun_after_a_video_was_deleted_is_not_kept(
    platform: LocalVideo, root: Path, clips: Clips
) -> None:
    video_id = uuid4()
    await platform.delete(Reference(video_id))

    sha256 = await upload(platform, clips.small, video_id)

    assert files(root) == [f"deleted/{video_id}"]
    with pytest.raises(VideoGone):
        await platform.process(video_id, sha256=sha256, on_progress=lambda _: None)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in everything(root) if path.is_file())
