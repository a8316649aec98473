"""An upload is kept whole or not at all, in constant memory, and never mixed with another."""

import asyncio
import hashlib
import os
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.local_video.platform import UPLOAD_LINK_TTL, LocalVideo
from adapters.transcoding.limits import Limits
from application.ports.video_platform import (
    NotAVideo,
    ReceivedUpload,
    StorageFull,
    UploadLinkInvalid,
    UploadStalled,
    UploadTooLarge,
)
from tests.adapters.local_video.clips import Clips
from tests.adapters.local_video.programs import COMMAND, MEGABYTE, ROOT
from tests.adapters.local_video.screening import (
    KEYS,
    NOW,
    contents,
    in_an_hour,
    in_pieces,
    listing,
    local_video,
    upload_token,
)

pytestmark = pytest.mark.anyio

FILM = os.urandom(3 * MEGABYTE + 17)
VIDEO = UUID("0199aa00-0000-7000-8000-000000000001")
OTHER_VIDEO = UUID("0199aa00-0000-7000-8000-000000000002")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files(root: Path) -> dict[str, bytes]:
    """All that lies anywhere under the root, the work of others included."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def test_an_upload_is_kept_as_it_came(platform: LocalVideo, root: Path) -> None:
    token = await upload_token(platform, VIDEO)

    received = await platform.receive(VIDEO, token, in_pieces(FILM), now=NOW)

    assert received == ReceivedUpload(len(FILM), sha256(FILM))
    assert files(root) == {f"uploads/{VIDEO}/{sha256(FILM)}": FILM}


async def test_an_upload_link_is_for_a_put_of_one_video_for_a_day(platform: LocalVideo) -> None:
    grant = await platform.grant_upload(VIDEO, size_bytes=None, now=NOW)

    assert (grant.protocol, grant.method, grant.part_size) == ("put", "PUT", None)
    assert grant.url.startswith("https://video.example/uploads/")
    assert grant.url.endswith(f"/{VIDEO}")
    assert grant.expires_at == NOW + timedelta(days=1)


async def test_a_size_announced_over_the_limit_gets_no_link(root: Path) -> None:
    platform = local_video(root, Limits(upload_bytes=1000))

    await platform.grant_upload(VIDEO, size_bytes=1000, now=NOW)
    with pytest.raises(UploadTooLarge):
        await platform.grant_upload(VIDEO, size_bytes=1001, now=NOW)


async def test_a_link_for_another_video_a_changed_one_and_an_old_one_take_nothing(
    platform: LocalVideo, root: Path, tmp_path: Path
) -> None:
    link = await upload_token(platform, VIDEO)
    other = await upload_token(platform, OTHER_VIDEO)
    foreign = await upload_token(
        local_video(tmp_path / "elsewhere", keys={"november": b"another secret altogether"}), VIDEO
    )
    playback = await platform.grant_playback(
        "0123456789abcdef", video_id=VIDEO, session_id=uuid4(), until=in_an_hour(), max_height=None
    )
    for token in (other, foreign, playback.token, link[:-1], link + "A", link.replace(".", "_"), "", "a.b", "é.é"):
        with pytest.raises(UploadLinkInvalid):
            await platform.receive(VIDEO, token, in_pieces(FILM), now=NOW)
    with pytest.raises(UploadLinkInvalid):
        await platform.receive(VIDEO, link, in_pieces(FILM), now=NOW + UPLOAD_LINK_TTL)

    assert files(root) == {}


async def test_a_link_signed_with_the_last_key_holds_until_that_key_is_dropped(root: Path) -> None:
    october = await upload_token(local_video(root, keys={"october": KEYS["october"]}), VIDEO)

    await local_video(root).receive(VIDEO, october, in_pieces(b"x"), now=NOW)
    with pytest.raises(UploadLinkInvalid):
        await local_video(root, keys={"november": KEYS["november"]}).receive(VIDEO, october, in_pieces(b"x"), now=NOW)


async def test_too_many_bytes_are_noticed_while_they_come(root: Path) -> None:
    platform = local_video(root, Limits(upload_bytes=2 * MEGABYTE))
    asked_for = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked_for
        while True:
            asked_for += 1
            yield bytes(64 * 1024)

    with pytest.raises(UploadTooLarge):
        await platform.receive(VIDEO, await upload_token(platform, VIDEO), endless(), now=NOW)

    assert asked_for <= 3 * 16
    assert files(root) == {}


async def test_exactly_as_many_bytes_as_allowed_are_taken(root: Path) -> None:
    platform = local_video(root, Limits(upload_bytes=len(FILM)))

    received = await platform.receive(VIDEO, await upload_token(platform, VIDEO), in_pieces(FILM), now=NOW)

    assert received.size_bytes == len(FILM)


async def test_a_client_that_breaks_off_leaves_nothing(platform: LocalVideo, root: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield FILM
        raise ConnectionResetError("the client has gone")

    with pytest.raises(ConnectionResetError):
        await platform.receive(VIDEO, await upload_token(platform, VIDEO), broken(), now=NOW)

    assert files(root) == {}


async def test_an_upload_that_is_cancelled_in_a_write_leaves_nothing(platform: LocalVideo, root: Path) -> None:
    token = await upload_token(platform, VIDEO)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(8 * MEGABYTE)

    for moments in range(1, 6):
        receiving = asyncio.create_task(platform.receive(VIDEO, token, endless(), now=NOW))
        await asyncio.sleep(moments / 100)
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving

    assert files(root) == {}


async def test_a_client_that_falls_silent_is_not_waited_for(root: Path) -> None:
    platform = local_video(root, Limits(idle_seconds=0.05))

    async def silent() -> AsyncIterator[bytes]:
        yield FILM
        await asyncio.sleep(60)

    with pytest.raises(UploadStalled):
        await platform.receive(VIDEO, await upload_token(platform, VIDEO), silent(), now=NOW)

    assert files(root) == {}


@contextmanager
def no_file_longer_than(limit_bytes: int) -> Iterator[None]:
    """The kernel refuses to write further, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_and_nothing_is_left_on_it(platform: LocalVideo, root: Path) -> None:
    token = await upload_token(platform, VIDEO)

    with no_file_longer_than(2 * MEGABYTE), pytest.raises(StorageFull):
        await platform.receive(VIDEO, token, in_pieces(FILM), now=NOW)

    assert files(root) == {}


async def test_the_last_of_the_disk_is_left_to_others(root: Path) -> None:
    platform = local_video(root, Limits(free_bytes=1 << 60))

    with pytest.raises(StorageFull):
        await platform.receive(VIDEO, await upload_token(platform, VIDEO), in_pieces(FILM), now=NOW)

    assert files(root) == {}


async def test_of_two_uploads_at_once_the_one_that_the_ledger_names_is_processed(
    platform: LocalVideo, root: Path, clips: Clips
) -> None:
    token = await upload_token(platform, VIDEO)
    lying, upright = contents(clips.small), contents(clips.portrait)

    await asyncio.gather(
        platform.receive(VIDEO, token, in_pieces(lying, 4096), now=NOW),
        platform.receive(VIDEO, token, in_pieces(upright, 4096), now=NOW),
    )
    processed = await platform.process(VIDEO, sha256=sha256(upright), on_progress=lambda _: None)

    master = (root / "hls" / str(VIDEO) / processed.playback_id / "master.m3u8").read_text()
    assert "RESOLUTION=240x426" in master
    assert listing(root / "uploads") == []


async def test_processing_what_was_never_uploaded_is_refused(platform: LocalVideo) -> None:
    with pytest.raises(NotAVideo) as refused:
        await platform.process(VIDEO, sha256=sha256(b"never came"), on_progress=lambda _: None)

    assert refused.value.reason == "upload_missing"


def test_a_large_upload_takes_no_memory(root: Path) -> None:
    """2 GB were measured by hand: 4 MB."""
    receiving = (*COMMAND, "receive", str(root), "256")
    ran = subprocess.run(receiving, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)

    assert int(ran.stdout) < 30 * MEGABYTE


async def test_what_a_killed_process_left_is_cleared_away_and_what_a_living_one_does_is_not(
    platform: LocalVideo, root: Path
) -> None:
    left_over = root / "work" / "0123456789abcdef"
    left_over.mkdir()
    (left_over / "incoming").write_bytes(FILM)
    halfway, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield FILM
        halfway.set()
        await go_on.wait()

    token = await upload_token(platform, VIDEO)
    living = asyncio.create_task(platform.receive(VIDEO, token, slow(), now=NOW))
    await halfway.wait()
    await platform.receive(VIDEO, token, in_pieces(b"another one"), now=NOW)
    go_on.set()

    assert (await living).sha256 == sha256(FILM)
    assert set(files(root)) == {f"uploads/{VIDEO}/{sha256(content)}" for content in (FILM, b"another one")}
