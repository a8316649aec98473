"""Who is hung up on with an answer has a line in the log and a count as everybody has, and not a line more."""

import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from entrypoints.http.deadlines import Patience
from entrypoints.http.last_words import NO_ROOM
from entrypoints.http.protocol import HEAD_BYTES_MAX
from tests.http.serving import served_until_told
from tests.http.small_app import small_app
from tests.http.test_deadlines import connected, rest_of

pytestmark = pytest.mark.anyio

HURRIED = Patience(head_seconds=0.2, body_look_seconds=0.2, body_bytes_a_second=1_000)
GREETING = b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n"
RAW, FILE = b"POST /v1/raw", b"PUT /v1/files/t"
STOPS = b" HTTP/1.1\r\nHost: x\r\nX-Request-ID: slow.1\r\nContent-Length: 60\r\n\r\nabc"
NO_CHUNK = b" HTTP/1.1\r\nHost: x\r\nX-Request-ID: slow.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"

Count = tuple[str, str | None, int]


class Counts:
    """What is counted, by the application and before it."""

    def __init__(self) -> None:
        self.active = 0
        self.ended_as = Counter[Count]()

    def began(self, method: str) -> None:
        self.active += 1

    def ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        assert 0 <= seconds < 5
        self.active -= 1
        self.ended_as[method, route, status] += 1


class House:
    """A server whose log is read."""

    def __init__(self, port: int, server: Any, counts: Counts, log: pytest.LogCaptureFixture) -> None:
        self.port, self.server, self.counts, self._log = port, server, counts, log

    async def says(self, *pieces: bytes) -> bytes:
        """Everything, until it hangs up."""
        async with await connected(self.port) as client:
            for piece in pieces:
                await client.send(piece)
                await anyio.sleep(0.05)
            return await rest_of(client)

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """All that was logged, once there are so many; uvicorn's own are lost in the service."""
        with anyio.fail_after(5):
            while len(said := self._said()) < count or self.counts.active:
                await anyio.sleep(0.01)
        return said

    def _said(self) -> list[dict[str, Any]]:
        return [vars(record) for record in self._log.records if record.name != "uvicorn.access"]


@pytest.fixture
async def house(caplog: pytest.LogCaptureFixture) -> AsyncIterator[House]:
    counts = Counts()
    app = small_app(requests=counts)
    async with served_until_told(app, patience=HURRIED, requests=counts) as (port, server):
        caplog.set_level(logging.INFO)
        yield House(port, server, counts, caplog)


def status_and_id(answer: bytes) -> tuple[int, str]:
    head = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    ids = [line.partition(": ")[2] for line in head if line.lower().startswith("x-request-id: ")]
    (id,) = ids
    return int(head[0].split()[1]), id


@pytest.mark.parametrize(
    ("sent", "method", "route", "status", "code"),
    [
        (RAW + STOPS, "POST", "/v1/raw", 408, "request_timeout"),
        (FILE + STOPS, "PUT", "/v1/files/{token}", 408, "request_timeout"),
        (RAW + NO_CHUNK.replace(b"slow.1", b"\\"), "POST", "/v1/raw", 400, "malformed_request"),
        (RAW + NO_CHUNK, "POST", "/v1/raw", 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "_OTHER", None, 400, "malformed_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "_OTHER", None, 400, "malformed_request"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "_OTHER", None, 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", "_OTHER", None, 400, "malformed_request"),
        (b"GET /".ljust(HEAD_BYTES_MAX + 1, b"y"), "_OTHER", None, 431, "headers_too_large"),
        (GREETING[:20], "_OTHER", None, 408, "request_timeout"),
    ],
)
async def test_it_says_what_the_client_was_told(
    house: House, sent: bytes, method: str, route: str | None, status: int, code: str
) -> None:
    told, id = status_and_id(await house.says(sent))
    (line,) = await house.lines(1)

    assert told == status
    assert (line["name"], line["message"], line["request_id"]) == ("streamly.access", "answered", id)
    assert (line["method"], line["route"], line["status"], line["code"]) == (method, route, status, code)
    assert house.counts.ended_as == {(method, route, status): 1}


async def test_who_makes_room_in_the_middle_of_a_head_is_told_of_too(house: House) -> None:
    async with await connected(house.port) as half:
        await half.send(GREETING[:20])
        await anyio.sleep(0.05)
        (one,) = house.server.server_state.connections
        one.leave(NO_ROOM)
        one.leave(NO_ROOM)
        _, id = status_and_id(await rest_of(half))

    (line,) = await house.lines(1)
    assert (line["status"], line["code"], line["request_id"]) == (503, "too_many_connections", id)


async def test_it_is_none_of_the_request_before_it(house: House) -> None:
    answers = await house.says(GREETING, b"nonsense\r\n\r\n")
    _, answer = answers.split(b"HTTP/1.1 400 ")
    good, bad = await house.lines(2)

    assert good["status"] == 200
    assert bad["request_id"].encode() in answer
    assert bad["request_id"] != good["request_id"]


async def test_to_who_is_heard_out_nothing_more_is_said(house: House) -> None:
    async with await connected(house.port) as flood:
        await flood.send(b"nonsense\r\n\r\n")
        await anyio.sleep(0.05)
        (one,) = house.server.server_state.connections
        one.leave(NO_ROOM)
        answer = await rest_of(flood)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(await house.lines(1)) == 1
