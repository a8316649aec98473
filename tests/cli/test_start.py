"""When `serve` says that it is ready."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import AF_INET6, has_dualstack_ipv6
from threading import Thread
from typing import Any

import pytest

from entrypoints.cli.service import READY, _answers, _opened, _reached_at  # pyright: ignore[reportPrivateUsage]


class Ipv6(HTTPServer):
    address_family = AF_INET6


@contextmanager
def answering(status: int, failing: list[str], *, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a service that says this."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps({"failing": failing}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = (Ipv6 if ":" in host else HTTPServer)((host, 0), Ready)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{_reached_at(host)}:{server.server_port}{READY}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "failing", "ready"),
    [
        (200, [], True),
        (503, ["queue of letters"], True),
        (503, ["accounts", "queue of letters"], True),
        (503, ["database"], False),
        (503, ["process"], False),
        (503, [], False),
    ],
)
def test_what_the_worker_sees_to_keeps_nobody_waiting(status: int, failing: list[str], *, ready: bool) -> None:
    with answering(status, failing) as address:
        assert _answers(address) is ready


@pytest.mark.skipif(not has_dualstack_ipv6(), reason="there is no IPv6 here")
def test_one_that_listens_by_ipv6_alone_is_asked_there() -> None:
    with answering(200, [], host="::1") as address:
        assert _answers(address)


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("10.0.0.7", "10.0.0.7"), ("localhost", "localhost")],  # noqa: S104 - names of it
)
def test_where_a_service_is_reached(host: str, reached_at: str) -> None:
    assert _reached_at(host) == reached_at


@pytest.mark.parametrize("former", [None, 0o644])
def test_what_the_processes_say_is_for_whoever_runs_them_alone(tmp_path: Path, former: int | None) -> None:
    """Accounts are named in it; what an earlier version said stays."""
    log = tmp_path / "data" / "streamly.log"
    if former is not None:
        log.parent.mkdir()
        log.write_text("before\n")
        log.chmod(former)

    with _opened(log) as opened:
        opened.write(b"now\n")

    assert log.stat().st_mode & 0o777 == 0o600
    assert log.read_text() == ("before\nnow\n" if former else "now\n")
