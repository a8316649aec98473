"""An upload in pieces: what has come stays, also after a crash, and one sender at a time adds to it."""

import asyncio
import hashlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from adapters.local_video.platform import UPLOAD_LINK_TTL, LocalVideo
from adapters.transcoding.limits import Limits
from application.ports.resumable_upload import (
    Checksum,
    ChecksumAlgorithm,
    ChecksumMismatch,
    ResumableUpload,
    UploadInUse,
    UploadLongerThanAnnounced,
    UploadSizeNeeded,
)
from application.ports.video_platform import (
    Reference,
    StorageFull,
    UploadLinkInvalid,
    UploadStalled,
    UploadTooLarge,
)
from tests.adapters.local_video.programs import COMMAND, MEGABYTE, ROOT
from tests.adapters.local_video.screening import NOW, in_pieces, local_video, upload_token
from tests.adapters.local_video.test_uploads import files, no_file_longer_than, sha256

pytestmark = pytest.mark.anyio

FILM = os.urandom(3 * MEGABYTE + 17)
VIDEO = UUID("0199aa00-0000-7000-8000-000000000001")
WHOLE = sha256(FILM)


async def link(platform: LocalVideo, size_bytes: int = len(FILM)) -> str:
    grant = await platform.grant_resumable_upload(VIDEO, size_bytes=size_bytes, now=NOW)
    return grant.url.split("/")[-2]


def opened(platform: LocalVideo, token: str) -> AbstractAsyncContextManager[ResumableUpload]:
    return platform.resume(VIDEO, token, now=NOW)


async def send(platform: LocalVideo, token: str, content: bytes, *, checksum: Checksum | None = None) -> int:
    """Where the upload stands afterwards."""
    async with opened(platform, token) as upload:
        await upload.append(in_pieces(content), checksum=checksum)
        return upload.offset


def left(root: Path) -> list[str]:
    """What lies there of uploads in pieces, by the beginning of each name."""
    return sorted(name.rpartition("-")[0] for name in files(root / "partial"))


async def test_a_link_for_pieces_says_how_and_needs_the_size(platform: LocalVideo, root: Path) -> None:
    grant = await platform.grant_resumable_upload(VIDEO, size_bytes=1000, now=NOW)

    assert (grant.protocol, grant.method, grant.expires_at) == ("tus", "PATCH", NOW + UPLOAD_LINK_TTL)
    with pytest.raises(UploadSizeNeeded):
        await platform.grant_resumable_upload(VIDEO, size_bytes=None, now=NOW)
    with pytest.raises(UploadTooLarge):
        await local_video(root, Limits(upload_bytes=999)).grant_resumable_upload(VIDEO, size_bytes=1000, now=NOW)


async def test_what_has_come_in_pieces_is_whole_under_its_hash(platform: LocalVideo, root: Path) -> None:
    token = await link(platform)
    assert await send(platform, token, FILM[:1_000_000]) == 1_000_000

    async with opened(platform, token) as upload:
        assert (upload.offset, upload.length, upload.expires_at) == (1_000_000, len(FILM), NOW + UPLOAD_LINK_TTL)
        await upload.append(in_pieces(FILM[1_000_000:]))
        assert [await upload.whole(), await upload.whole()] == [WHOLE, WHOLE]
        await upload.drop()

    assert files(root) == {f"uploads/{VIDEO}/{WHOLE}": FILM}


async def test_what_came_in_one_piece_is_not_read_again_for_its_hash(platform: LocalVideo) -> None:
    async with opened(platform, await link(platform)) as upload:
        await upload.append(in_pieces(FILM))
        (file,) = platform._storage._partial.glob("*/*")
        file.write_bytes(FILM[::-1])

        assert await upload.whole() == WHOLE


async def test_a_link_for_another_video_for_a_put_or_over_opens_nothing(platform: LocalVideo, root: Path) -> None:
    token, put = await link(platform), await upload_token(platform, VIDEO)

    for video, wrong, now in [
        (UUID(int=1), token, NOW),
        (VIDEO, put, NOW),
        (VIDEO, token[:-1], NOW),
        (VIDEO, token, NOW + UPLOAD_LINK_TTL),
    ]:
        with pytest.raises(UploadLinkInvalid):
            async with platform.resume(video, wrong, now=now):
                pass
    with pytest.raises(UploadLinkInvalid):
        await platform.receive(VIDEO, token, in_pieces(FILM), now=NOW)
    assert files(root) == {}


def send_and_be_killed(root: Path, token: str, content: bytes) -> None:
    """From a process of its own, which is killed when all of this is on the disk and it waits for more."""
    command = (*COMMAND, "send", str(root), str(VIDEO), token)
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdin
        assert sender.stdout
        sender.stdin.write(content)
        sender.stdin.flush()
        assert int(sender.stdout.readline()) == len(content)
        sender.send_signal(signal.SIGKILL)


async def test_a_sender_that_is_killed_leaves_what_it_sent(platform: LocalVideo, root: Path) -> None:
    token = await link(platform)
    send_and_be_killed(root, token, FILM[: 2 * MEGABYTE])

    async with opened(platform, token) as upload:
        assert upload.offset == 2 * MEGABYTE
        await upload.append(in_pieces(FILM[2 * MEGABYTE :]))
        assert await upload.whole() == WHOLE


async def test_a_piece_that_breaks_off_counts(platform: LocalVideo) -> None:
    token = await link(platform)

    async def broken() -> AsyncIterator[bytes]:
        yield FILM[:1_500_000]
        yield FILM[1_500_000:1_500_001]
        raise ConnectionResetError("the client has gone")

    async with opened(platform, token) as upload:
        with pytest.raises(ConnectionResetError):
            await upload.append(broken())

    assert await send(platform, token, b"") == 1_500_001


async def test_one_that_is_cancelled_counts_too(platform: LocalVideo) -> None:
    token, begun = await link(platform), asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield FILM[:1000]
        begun.set()
        await asyncio.sleep(60)

    async def sending() -> None:
        async with opened(platform, token) as upload:
            await upload.append(silent())

    task = asyncio.create_task(sending())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await send(platform, token, b"") == 1000


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
async def test_a_piece_that_does_not_come_to_its_checksum_is_cut_off(
    platform: LocalVideo, root: Path, algorithm: ChecksumAlgorithm
) -> None:
    token, content = await link(platform), FILM[:2_000_000]
    right = Checksum(algorithm, hashlib.new(algorithm, content).digest())
    await send(platform, token, b"before")

    with pytest.raises(ChecksumMismatch):
        await send(platform, token, content[::-1], checksum=right)

    assert await send(platform, token, content, checksum=right) == 6 + len(content)
    assert left(root) == [f"{VIDEO}/{len(FILM)}"]


async def test_a_piece_with_a_checksum_that_breaks_off_does_not_count(platform: LocalVideo) -> None:
    token = await link(platform)
    await send(platform, token, b"before")

    async def broken() -> AsyncIterator[bytes]:
        yield FILM[:2_000_000]
        raise ConnectionResetError("the client has gone")

    async with opened(platform, token) as upload:
        with pytest.raises(ConnectionResetError):
            await upload.append(broken(), checksum=Checksum("sha1", b"never known"))

    assert await send(platform, token, b"") == 6


async def test_no_byte_beyond_its_size_is_written(platform: LocalVideo) -> None:
    token = await link(platform, 1000)

    async with opened(platform, token) as upload:
        with pytest.raises(UploadLongerThanAnnounced):
            await upload.append(in_pieces(b""), size_bytes=1001)
        with pytest.raises(UploadLongerThanAnnounced):
            await upload.append(in_pieces(bytes(1001)))

    assert await send(platform, token, bytes(1000)) == 1000


async def test_one_sends_at_a_time(root: Path) -> None:
    platform = local_video(root, Limits(give_way_seconds=0.1))
    token, over = await link(platform), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        while not over.is_set():
            yield b"x"
            await asyncio.sleep(0.02)

    async with opened(platform, token) as upload:
        sending = asyncio.create_task(upload.append(slowly()))
        with pytest.raises(UploadInUse):
            await send(local_video(root, Limits(give_way_seconds=0.1)), token, b"y")
        over.set()
        await sending

    assert await send(platform, token, b"y") > 1


async def test_whoever_has_stopped_sending_gives_way_at_once_and_else_is_waited_for(root: Path) -> None:
    platform, silent = local_video(root, Limits(give_way_seconds=0.1, idle_seconds=0.6)), asyncio.Event()
    token = await link(platform)

    async def stopping() -> AsyncIterator[bytes]:
        yield b"a"
        silent.set()
        await asyncio.sleep(60)

    async def sending() -> None:
        async with opened(platform, token) as upload:
            await upload.append(stopping())

    alone = asyncio.create_task(sending())
    with pytest.raises(UploadStalled, match=r"for 0\.6 seconds"):
        await alone
    silent.clear()
    followed = asyncio.create_task(sending())
    await silent.wait()
    assert await send(platform, token, b"b") == 3
    with pytest.raises(UploadStalled, match="somebody else"):
        await followed


async def test_a_full_disk_is_told_and_what_has_come_is_kept(platform: LocalVideo, root: Path) -> None:
    token = await link(platform)
    with no_file_longer_than(2 * MEGABYTE), pytest.raises(StorageFull):
        await send(platform, token, FILM)
    crowded = local_video(root, Limits(free_bytes=1 << 60))
    with pytest.raises(StorageFull):
        await send(crowded, token, FILM[:1])

    async with opened(platform, token) as upload:
        assert upload.offset == 2 * MEGABYTE
        await upload.append(in_pieces(FILM[2 * MEGABYTE :]))
        assert await upload.whole() == WHOLE


async def test_a_disk_that_is_full_before_a_piece_with_a_checksum_costs_no_byte(
    platform: LocalVideo, root: Path
) -> None:
    token, checksum = await link(platform), Checksum("sha256", hashlib.sha256(FILM[1_000_000:]).digest())
    await send(platform, token, FILM[:1_000_000])

    with no_file_longer_than(3), pytest.raises(StorageFull):
        await send(platform, token, FILM[1_000_000:], checksum=checksum)
    with pytest.raises(StorageFull):
        await send(local_video(root, Limits(free_bytes=1 << 60)), token, FILM[1_000_000:], checksum=checksum)

    assert len(files(root / "partial")) == 1, "nothing lies beside it"
    assert await send(platform, token, FILM[1_000_000:], checksum=checksum) == len(FILM)


@pytest.mark.parametrize(("mark", "offset"), [(b"", 1000), (b"9999", 1000), (b"600", 600), (b"\0\0\0", 0), (b"-1", 0)])
async def test_where_a_piece_began_that_nobody_can_read_the_upload_goes_on_from_what_is_sure(
    platform: LocalVideo, root: Path, mark: bytes, offset: int
) -> None:
    token = await link(platform)
    await send(platform, token, FILM[:1000])
    [partial] = (root / "partial").glob("*/*")
    partial.with_suffix(".unproved").write_bytes(mark)

    async with opened(platform, token) as upload:
        assert upload.offset == offset
    assert await send(platform, token, FILM[offset:]) == len(FILM)


async def test_what_was_begun_goes_when_its_link_is_over(platform: LocalVideo, root: Path) -> None:
    old = await link(platform)
    await send(platform, old, b"begun")
    with pytest.raises(ChecksumMismatch):
        await send(platform, old, b"half", checksum=Checksum("md5", b"wrong"))
    later = NOW + timedelta(hours=1)
    new = (await platform.grant_resumable_upload(VIDEO, size_bytes=10, now=later)).url.split("/")[-2]
    async with platform.resume(VIDEO, new, now=later) as upload:
        await upload.append(in_pieces(b"too"))

    await platform.grant_resumable_upload(UUID(int=1), size_bytes=1, now=NOW + UPLOAD_LINK_TTL)
    assert left(root) == [f"{VIDEO}/10"]

    await platform.grant_resumable_upload(UUID(int=1), size_bytes=1, now=later + UPLOAD_LINK_TTL)
    assert list((root / "partial").iterdir()) == []


async def test_what_is_being_sent_as_its_link_ends_stays(platform: LocalVideo, root: Path) -> None:
    async with opened(platform, await link(platform)) as upload:
        await platform.grant_resumable_upload(UUID(int=1), size_bytes=1, now=NOW + UPLOAD_LINK_TTL)
        await upload.append(in_pieces(FILM))
        assert await upload.whole() == WHOLE


async def test_a_deleted_video_has_no_upload_any_more(platform: LocalVideo, root: Path) -> None:
    await send(platform, await link(platform), b"begun")

    await platform.delete(Reference(VIDEO))

    assert files(root) == {f"deleted/{VIDEO}": b""}


async def test_a_video_that_is_deleted_while_its_last_piece_comes_keeps_nothing(
    platform: LocalVideo, root: Path
) -> None:
    async with opened(platform, await link(platform)) as upload:
        await upload.append(in_pieces(FILM))
        await platform.delete(Reference(VIDEO))
        with pytest.raises(UploadLinkInvalid):
            await upload.whole()

    assert files(root) == {f"deleted/{VIDEO}": b""}
