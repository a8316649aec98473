"""Files that the proxy in front sends: what it is told, and a real nginx that does so by the text of the documents."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.local_video.platform import LocalVideo
from application.ports.video_platform import MediaRefused
from benchmarks.nginx import ABSENT, nginx
from entrypoints.http.media import send_media
from entrypoints.settings import SettingsInvalid, read_settings
from tests.http.serving import served

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
PREFIX = "/streamly-media"
VIDEO, PLAYBACK, SEGMENT = UUID(int=7), "0123456789abcdef", bytes(range(256)) * 1000
MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n240p/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n480p/index.m3u8\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def platform(root: Path) -> LocalVideo:
    platform = LocalVideo(root, public_url="http://127.0.0.1", signing_keys={"k": b"x" * 32}, accel_prefix=PREFIX)
    folder = root / "hls" / str(VIDEO) / PLAYBACK
    (folder / "240p").mkdir(parents=True)
    (folder / "master.m3u8").write_bytes(MASTER)
    (folder / "240p/seg_00000.m4s").write_bytes(SEGMENT)
    return platform


@pytest.fixture(scope="module")
async def port(platform: LocalVideo) -> AsyncIterator[int]:
    """A server of these files that has no sessions."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})
            return
        token, video_id, path = scope["path"].removeprefix("/media/").split("/", 2)
        try:
            file = platform.open_media(token, UUID(video_id), path, now=datetime.now(UTC))
        except MediaRefused:
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await send_media(file, scope, receive, send)

    async with served(app) as port:
        yield port


@pytest.fixture(scope="module")
def proxy(root: Path, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if ABSENT:
        pytest.skip(ABSENT)
    (text,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/local-video.md").read_text(), re.DOTALL)
    text = text.replace("/srv/streamly/video/hls", str(root / "hls")).replace(":8000", f":{port}")
    with nginx(tmp_path_factory.mktemp("nginx") / "x", f"server {{ listen 127.0.0.1:@PORT@; {text} }}") as proxy:
        yield proxy


async def path_of(platform: LocalVideo, file: str = "240p/seg_00000.m4s", max_height: int | None = None) -> str:
    until = datetime.now(UTC) + timedelta(hours=1)
    grant = await platform.grant_playback(
        PLAYBACK, video_id=VIDEO, session_id=uuid4(), until=until, max_height=max_height
    )
    return urlsplit(grant.url).path.replace("master.m3u8", file)


async def test_the_proxy_is_told_which_file_and_nothing_is_sent(platform: LocalVideo, port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        told = await client.get(await path_of(platform), headers={"Range": "bytes=1-2"})

    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["x-accel-redirect"] == f"{PREFIX}/{VIDEO}/{PLAYBACK}/240p/seg_00000.m4s"
    assert told.headers["content-type"] == "video/iso.segment"
    assert told.headers["cache-control"] == "private, max-age=43200, immutable"
    assert not {"etag", "accept-ranges", "content-range"} & set(told.headers)


async def test_what_is_cut_to_a_height_is_sent_by_us(platform: LocalVideo, port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        cut = await client.get(await path_of(platform, "master.m3u8", max_height=240))

    assert "x-accel-redirect" not in cut.headers
    assert "240p/index.m3u8" in cut.text
    assert "480p/index.m3u8" not in cut.text


@pytest.mark.parametrize("prefix", ["media", "/", "/a/", "/a b", "//a", "/a/../b", "/a;b", "http://x"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    with pytest.raises(SettingsInvalid, match="MEDIA_ACCEL_PREFIX"):
        read_settings({"MEDIA_ACCEL_PREFIX": prefix}, env_file=None)

    assert read_settings({"MEDIA_ACCEL_PREFIX": "/a/b-1"}, env_file=None).media_accel_prefix == "/a/b-1"


async def test_nginx_sends_the_file_as_the_documents_say(platform: LocalVideo, proxy: int) -> None:
    path = await path_of(platform)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{proxy}") as client:
        whole, head = await client.get(path), await client.head(path)
        part = await client.get(path, headers={"Range": "bytes=10-19"})
        same = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        beyond = await client.get(path, headers={"Range": f"bytes={len(SEGMENT)}-"})

    assert (whole.status_code, whole.content) == (200, SEGMENT)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(SEGMENT)), b"")
    assert (part.status_code, part.content) == (206, SEGMENT[10:20])
    assert (same.status_code, beyond.status_code) == (304, 416)
    for answer in (whole, part):
        assert answer.headers["content-type"] == "video/iso.segment"
        assert answer.headers["cache-control"] == "private, max-age=43200, immutable"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "x-accel-redirect" not in answer.headers


async def test_nobody_reaches_the_files_without_us(platform: LocalVideo, proxy: int) -> None:
    path = await path_of(platform)
    file = f"{PREFIX}/{VIDEO}/{PLAYBACK}/240p/seg_00000.m4s"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{proxy}") as client:
        straight = await client.get(file)
        forged = await client.get(path.replace("/media/", "/media/x"))
        smuggled = await client.get(path.replace("/media/", "/media/x"), headers={"X-Accel-Redirect": file})

    assert (straight.status_code, forged.status_code, smuggled.status_code) == (404, 403, 403)
