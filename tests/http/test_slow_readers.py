"""Who does not read what was asked for is hung up on, who reads slowly is not, and who asks on and on is."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from litestar import Litestar
from uvicorn.server import ServerState

from entrypoints.http.deadlines import Crowd, Patience, Patient
from entrypoints.http.metrics import Uncounted
from entrypoints.http.protocol import AHEAD_MAX, HEAD_BYTES_MAX
from entrypoints.http.server import new_server
from tests.http.serving import served
from tests.http.test_server import LAST_GREETING, Wire, say

pytestmark = pytest.mark.anyio

HURRIED = Patience(
    body_look_seconds=0.1, answer_look_seconds=0.2, answer_bytes_a_second=100_000, answer_arrears_seconds=0.6
)
GREETING = b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n"
PIECE, PIECES = b"x" * 262_144, 96


async def film(scope: Any, receive: Any, send: Any) -> None:
    """More than all kernels on the way keep ready."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(PIECES):
        await send({"type": "http.response.body", "body": PIECE, "more_body": number + 1 < PIECES})


@asynccontextmanager
async def asking(port: int) -> AsyncIterator[socket.socket]:
    """A client with little room that has asked and read nothing yet."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(client, LAST_GREETING)
        yield client


async def read(client: socket.socket, most: int) -> int:
    """So many bytes, or as many as there are until it is hung up on."""
    total = 0
    try:
        while total < most and (piece := await asyncio.get_running_loop().sock_recv(client, 65_536)):
            total += len(piece)
    except ConnectionResetError:
        pass
    return total


async def test_who_stops_reading_is_hung_up_on() -> None:
    async with served(film, patience=HURRIED) as port, asking(port) as client:
        await anyio.sleep(1.5)
        with anyio.fail_after(5):
            assert await read(client, len(PIECE) * PIECES) < len(PIECE) * PIECES


async def test_who_reads_slowly_is_served_to_the_end() -> None:
    async with served(film, patience=HURRIED) as port, asking(port) as client:
        total, began = 0, time.monotonic()
        while time.monotonic() - began < 2:
            total += await read(client, 65_536)
            await anyio.sleep(0.1)
        with anyio.fail_after(10):
            assert total + await read(client, len(PIECE) * PIECES) > len(PIECE) * PIECES


class UnreadWire(Wire):
    """Somebody leaves the end of an answer unread."""

    def get_write_buffer_size(self) -> int:
        return 1_000

    def abort(self) -> None:
        self.written.append(b"aborted")

    def pause_reading(self) -> None:
        """There is nothing to read."""


def patient_on(wire: Wire, app: object) -> Patient:
    config = new_server(app, host="127.0.0.1", port=0).config
    config.load()
    given = {"config": config, "server_state": ServerState(), "app_state": {}}
    protocol = Patient(**given, crowd=Crowd(10, HURRIED), requests=Uncounted())
    protocol.connection_made(wire)
    return protocol


@pytest.mark.parametrize("last", [LAST_GREETING, GREETING])
async def test_a_connection_that_is_closed_does_not_wait_for_ever_to_be_read(
    small_application: Litestar, last: bytes
) -> None:
    wire = UnreadWire()
    protocol = patient_on(wire, small_application)
    protocol.data_received(last)
    with anyio.fail_after(5):
        while not wire.written:
            await anyio.sleep(0.01)
        if last == GREETING:
            protocol.timeout_keep_alive_handler()
        while wire.written[-1] != b"aborted":
            await anyio.sleep(0.01)

    assert wire.written[-2:] == [b"closed", b"aborted"]
    protocol.connection_lost(None)


async def test_so_many_may_wait_for_their_turn(small_application: Litestar) -> None:
    async with served(small_application) as port:
        assert (await say(port, GREETING * AHEAD_MAX + LAST_GREETING)).count(b"HTTP/1.1 200 ") == AHEAD_MAX + 1
        assert (await say(port, GREETING * 200)).count(b"HTTP/1.1 200 ") <= AHEAD_MAX + 1
        assert (await say(port, LAST_GREETING)).startswith(b"HTTP/1.1 200 ")


CHUNKED = b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_REQUESTS = {
    "no HTTP": b"nonsense\r\n\r\n",
    "no address": b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address without end": b"GET /".ljust(HEAD_BYTES_MAX + 1, b"y"),
    "a body that is none": CHUNKED + b"5\r\nabcdeXX",
}


@pytest.mark.parametrize("behind", NO_REQUESTS.values(), ids=NO_REQUESTS)
@pytest.mark.parametrize("asked", [1, 3])
async def test_what_is_owed_is_answered_before_it_is_hung_up_on_who_sends_no_request_behind_it(
    small_application: Litestar, behind: bytes, asked: int
) -> None:
    async with served(small_application) as port:
        answers = (await say(port, GREETING * asked + behind, b"GET /v1/greeting")).split(b"HTTP/1.1 ")[1:]

    assert [answer[:3] for answer in answers] == [b"200"] * asked
    assert [b"\r\nconnection: close\r\n" in answer for answer in answers] == [False] * (asked - 1) + [True]


@pytest.mark.parametrize(
    ("sent", "then"),
    [
        (CHUNKED, b"XX"),
        (GREETING, b"GET /v1/greeting HTTP/1.1\r\nX-Long: ".ljust(HEAD_BYTES_MAX + 1, b"y")),
        (GREETING, GREETING + b"nonsense\r\n\r\n"),
    ],
    ids=["a body that is none", "a head that does not end", "a request, and no HTTP"],
)
async def test_an_answer_that_has_begun_is_ended_whatever_follows(sent: bytes, then: bytes) -> None:
    broken = asyncio.Event()

    async def early(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"4")]})
        await broken.wait()
        await send({"type": "http.response.body", "body": b"none"})

    wire = UnreadWire()
    protocol = patient_on(wire, early)
    protocol.data_received(sent)
    await anyio.sleep(0.05)
    protocol.data_received(then)
    assert not protocol.flow.read_paused
    broken.set()
    await anyio.sleep(0.05)

    assert wire.written[-1] == b"ended"
    assert wire.written[-2].endswith(b"none")
    assert b"".join(wire.written).count(b"HTTP/1.1 403 ") == max(1, (sent + then).count(GREETING))
    protocol.connection_lost(None)


async def test_a_body_may_wait_while_it_is_not_its_turn() -> None:
    """Also where the request before it asks for more of its own, upon which uvicorn reads on."""
    turn = asyncio.Event()

    async def taking_its_time(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await turn.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    wire = UnreadWire()
    protocol = patient_on(wire, taking_its_time)
    protocol.data_received(GREETING + CHUNKED)
    await anyio.sleep(0.3)
    assert wire.written == []
    turn.set()
    await anyio.sleep(0.02)
    protocol.data_received(b"0\r\n\r\n")
    await anyio.sleep(0.05)

    assert b"".join(wire.written).count(b"HTTP/1.1 200 ") == 2
    protocol.connection_lost(None)


async def test_an_answer_that_has_begun_keeps_nobody_who_sends_no_body_for_ever() -> None:
    async def waiting(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass

    wire = UnreadWire()
    protocol = patient_on(wire, waiting)
    protocol.data_received(CHUNKED)
    await anyio.sleep(0.02)
    for _ in range(30):
        protocol.data_received(b"XX" * 500)
        await anyio.sleep(0.01)

    assert wire.written[-1] == b"closed"
    protocol.connection_lost(None)


async def test_the_one_that_is_being_answered_hears_that_its_client_has_gone() -> None:
    gone = asyncio.Event()

    async def waiting(_scope: Any, receive: Any, _send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    protocol = patient_on(UnreadWire(), waiting)
    protocol.data_received(GREETING * 2)
    await anyio.sleep(0.05)
    assert not gone.is_set()
    protocol.connection_lost(None)
    with anyio.fail_after(2):
        await gone.wait()


async def test_whose_body_is_none_is_answered_once(caplog: pytest.LogCaptureFixture) -> None:
    """The application, which knows nothing of it yet, answers nobody, and hears that nobody listens."""
    heard: list[str] = []

    async def late(_scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        heard.append(message["type"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    wire = UnreadWire()
    protocol = patient_on(wire, late)
    protocol.data_received(CHUNKED)
    await anyio.sleep(0.02)
    protocol.data_received(b"XX")
    await anyio.sleep(0.02)

    assert heard == ["http.disconnect"]
    assert [word[:12] for word in wire.written] == [b"HTTP/1.1 400", b"ended"]
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
    protocol.connection_lost(None)
