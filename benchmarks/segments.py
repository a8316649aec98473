"""HLS segments over HTTP: the product's own API process, nginx with the same files, and the two together.

- `streamly`: the process that `serve` starts: token, live play session and what it rests on, for each segment; then the
  file.
- `nginx`: one worker that serves the files to anybody, with sendfile, as its documentation has it for such files.
- `streamly behind nginx`: the same nginx as the proxy in front of that process, which answers with `X-Accel-Redirect`
  alone (MEDIA_ACCEL_PREFIX, `docs/local-video.md`).

16 connections over loopback, the same client, which asks for all segments of all renditions in turn and checks their
lengths; client and servers share the machine. A film of twelve seconds in 240p, 480p and 720p, whose noise fills the
bit rate of each.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple
from urllib.parse import urlsplit

import imageio_ffmpeg  # type: ignore[import-untyped]

from application.recall import Asked
from application.videos import NewVideo
from benchmarks.contest import P99, Comparison, Contest, Contestant, Figure, Outcome, Sample, hold
from benchmarks.downloading import ANSWERS, RATE, Downloads
from benchmarks.nginx import ABSENT, nginx
from benchmarks.serving import API, Served, serving
from benchmarks.workbench import Options, Workbench
from domain.shared.fact import NO_CAUSE, Actor
from entrypoints.settings import Settings
from entrypoints.wiring import open_house

CONNECTIONS = 16
FILM_SECONDS, FILM_SIZE = 12, "1280x720"
ACCEL_PREFIX = "/sent-by-nginx"
OURS, NGINX, TOGETHER = "streamly", "nginx", "streamly behind nginx"
CPU = "cpu_us"

CONFIGURATION = """
    upstream streamly {{ server 127.0.0.1:{port}; keepalive 32; }}
    server {{
        listen 127.0.0.1:@PORT@;
        location /open/ {{ alias {hls}/; }}
        location /media/ {{
            proxy_pass http://streamly;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
        }}
        location /sent-by-nginx/ {{ internal; alias {hls}/; }}
    }}
"""

COMPARISONS = (
    Comparison("hls_vs_nginx", "segments/s", Figure(OURS, RATE), Figure(NGINX, RATE)),
    Comparison("hls_accel_vs_nginx", "segments/s", Figure(TOGETHER, RATE), Figure(NGINX, RATE)),
    Comparison("hls_segment_cpu_us", "us", Figure(OURS, CPU)),
    Comparison("hls_accel_segment_cpu_us", "us", Figure(TOGETHER, CPU)),
    Comparison("hls_segment_p99_ms", "ms", Figure(OURS, P99)),
)


class Shown(NamedTuple):
    """A film that a subscriber plays: the folder of its files, the path under which they are served, and the files."""

    folder: Path
    prefix: str
    sizes: dict[str, int]


async def segments(bench: Workbench, options: Options, say: Callable[[str, int], None]) -> Outcome:
    """The rows of `COMPARISONS`."""
    dsn, data = bench.database("segments"), bench.folder / "segments"
    hls = data / "video/hls"
    shown = await _show(dsn, data)
    with ExitStack() as stack:
        alone = stack.enter_context(_streamly(bench, dsn, data))
        contestants = [_contestant(OURS, alone.port, shown, options, process=alone)]
        if ABSENT:
            contestants += [Contestant(name, _never, absent=ABSENT) for name in (NGINX, TOGETHER)]
        else:
            behind = stack.enter_context(_streamly(bench, dsn, data, accel_prefix=ACCEL_PREFIX))
            port = stack.enter_context(nginx(bench.folder / "nginx", CONFIGURATION.format(port=behind.port, hls=hls)))
            opened = shown._replace(prefix=f"/open/{shown.folder.relative_to(hls)}")
            contestants.append(_contestant(NGINX, port, opened, options))
            contestants.append(_contestant(TOGETHER, port, shown, options, process=behind))
        return await hold(Contest("segments", contestants, COMPARISONS), rounds=options.rounds, on_round=say)


def _contestant(name: str, port: int, shown: Shown, options: Options, *, process: Served | None = None) -> Contestant:
    """`process`: of which it is told what CPU it used."""
    requests = {f"{shown.prefix}/{path}": size for path, size in shown.sizes.items()}
    downloads = Downloads(port, requests, connections=CONNECTIONS, seconds=options.seconds)

    async def measure() -> Sample:
        before = process.cpu_seconds() if process else 0.0
        sample = await downloads.measure()
        used = process.cpu_seconds() - before if process else 0.0
        return {**sample, CPU: used * 1e6 / sample[ANSWERS]}

    return Contestant(name, measure)


async def _never() -> Sample:
    raise AssertionError("who is absent is not measured")


async def _show(dsn: str, data: Path) -> Shown:
    """Put a film in, as an admin and the worker do, and begin to play it as somebody who was let in."""
    film = data.with_suffix(".mp4")
    await asyncio.to_thread(_make_film, film)
    asked = Asked(Actor("admin", "benchmark"), NO_CAUSE)
    async with open_house(Settings(database_url=dsn, data_dir=data)) as house:
        viewer = await house.accounts.register(
            email="anna@example.com", password=token_urlsafe(), name="Anna", cause=NO_CAUSE
        )
        until = house.business_time.now() + timedelta(days=30)
        await house.grants.grant(viewer.account.id, until=until, features=[], reason="benchmark", asked=asked)
        created = await house.videos.create(NewVideo(title="Noise"), asked)
        video_id = created.video_id
        link = created.upload.url.split("/")[-2]
        await house.videos.receive_upload(video_id, link, _pieces(film), NO_CAUSE)
        await house.videos.transcode(video_id)
        await house.videos.publish(video_id, asked)
        started = await house.playback.start(viewer.account.id, video_id, device_id="tv")
    prefix = urlsplit(started.grant.url).path.rpartition("/")[0]
    folder = data / "video/hls" / str(video_id) / started.grant.playback_id
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*.m4s"))}
    return Shown(folder, prefix, sizes)


def _make_film(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = f"testsrc2=size={FILM_SIZE}:rate=30:duration={FILM_SECONDS},noise=alls=30:allf=t"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", picture]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True, timeout=300)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    content = await asyncio.to_thread(path.read_bytes)
    for start in range(0, len(content), 1 << 20):
        yield content[start : start + (1 << 20)]


@contextmanager
def _streamly(bench: Workbench, dsn: str, data: Path, *, accel_prefix: str = "") -> Iterator[Served]:
    """`streamly api`, which logs each request to a file."""
    environment = {"ENV": "development", "DATABASE_URL": dsn, "DATA_DIR": str(data), "MEDIA_ACCEL_PREFIX": accel_prefix}
    log = bench.folder / f"segments{accel_prefix.replace('/', '-')}.log"
    with serving(API, log, environment, ready="/health/live") as served:
        yield served
