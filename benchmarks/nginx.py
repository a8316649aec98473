"""nginx as it is in PATH: one worker, from a configuration that is given, with all of its files in one folder."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAM = shutil.which("nginx")
ABSENT = "" if PROGRAM else "there is no nginx in PATH"
START_SECONDS, STOP_SECONDS = 15.0, 15.0

AROUND = """
worker_processes 1;
daemon off;
user {user};
pid nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    types {{ application/vnd.apple.mpegurl m3u8; image/jpeg jpg; video/iso.segment m4s; video/mp4 mp4; }}
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{servers}
}}
"""


@contextmanager
def nginx(folder: Path, servers: str) -> Iterator[int]:
    """The port; it stands for `@PORT@` in the `server` blocks that are given. Raises AssertionError with its words."""
    assert PROGRAM, "whoever asks has looked"
    folder.mkdir(parents=True)
    port = _free_port()
    user = folder.owner()
    (folder / "nginx.conf").write_text(AROUND.format(user=user, servers=servers.replace("@PORT@", str(port))))
    command = [PROGRAM, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with (folder / "log").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            _wait_for(port, process, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(f"nginx did not start: {log.read_text()[-2_000:]}")
