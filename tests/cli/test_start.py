"""When `serve` says that it is ready."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import AF_INET6, has_dualstack_ipv6
from threading import Thread
from typing import Any

import pytest

from entrypoints.cli.service import READY, _answers, _reached_at  # pyright: ignore[reportPrivateUsage]


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
