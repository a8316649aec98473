"""What only a real connection can show: heads and bodies that do not end, and bytes that are no HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import NoReturn

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from litestar import Litestar
from uvicorn.server import ServerState

from entrypoints.http.deadlines import Patience
from entrypoints.http.last_words import NO_ROOM, last_words, scope_without_head
from entrypoints.http.middleware import SAFE_HEADERS
from entrypoints.http.protocol import HEAD_BYTES_MAX, BoundedHead, HeadWithBody
from entrypoints.http.server import new_server
from tests.http.problem import problem_in
from tests.http.serving import served
from tests.http.small_app import AS_VIEWER

pytestmark = pytest.mark.anyio

LAST_GREETING = b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def port(small_application: Litestar) -> AsyncIterator[int]:
    async with served(small_application) as port:
        yield port


@pytest.fixture
async def client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


async def say(port: int, *pieces: bytes) -> bytes:
    """Everything that the server answers to these very bytes, until it hangs up or has nothing to say for a while."""
    answer = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as connection:
        try:
            for piece in pieces:
                await connection.send(piece)
            with anyio.move_on_after(1):
                while True:
                    answer += await connection.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
    return answer


def said_like_any_other(sent: bytes, status: int, code: str, instance: str = "") -> httpx.Response:
    """An answer that was made before the application: a problem with the headers that all answers have."""
    start, _, rest = sent.partition(b"\r\n")
    head, _, body = rest.partition(b"\r\n\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n"))]
    request = httpx.Request("GET", f"http://streamly.test{instance or '/'}")
    answer = httpx.Response(int(start.split()[1]), headers=headers, content=body, request=request)
    if not instance:
        assert answer.json()["instance"] == ""
        answer = httpx.Response(status, headers=headers, json=answer.json() | {"instance": "/"}, request=request)
    problem_in(answer, status, code)
    safe = [(name.decode(), value.decode()) for name, value in SAFE_HEADERS]
    assert [(name, answer.headers.get(name)) for name, _ in safe] == safe
    assert answer.headers["connection"] == "close"
    assert answer.headers["date"]
    assert answer.headers["x-request-id"]
    assert int(dict(headers)[b"content-length"]) == len(body)
    return answer


async def send_for_ever(connection: SocketStream, piece: bytes) -> NoReturn:
    while True:
        await connection.send(piece)


async def endless(chunks: int) -> AsyncIterator[bytes]:
    for _ in range(chunks):
        yield b"x" * 65_536


async def test_a_body_without_a_length_is_counted(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/raw", content=endless(16))

    problem_in(answer, 413, "body_too_large")
    assert (await client.post("/v1/raw", content=endless(15))).json() == {"bytes": 15 * 65_536}


async def test_a_file_has_no_limit_here(client: httpx.AsyncClient) -> None:
    assert (await client.put("/v1/files/token", content=endless(160))).json() == {"bytes": 160 * 65_536}


async def test_deep_json_leaves_the_server_as_it_was(client: httpx.AsyncClient) -> None:
    body = b'{"film": "x", "extra": {"a": ' + b"[" * 400_000
    headers = AS_VIEWER | {"Content-Type": "application/json"}

    problem_in(await client.post("/v1/tickets", content=body, headers=headers), 400, "malformed_body")
    assert (await client.get("/v1/greeting")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/tickets/%FF", "/v1/%C3%28", "/%00", "/v1/tickets?limit=%FF", "/v1//greeting"])
async def test_no_spelling_of_an_address_makes_a_500(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=AS_VIEWER)

    assert answer.status_code in {200, 400, 404}


async def test_the_server_says_nothing_of_itself(client: httpx.AsyncClient) -> None:
    assert "server" not in (await client.get("/v1/greeting")).headers


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        b"GET /v1/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400_and_hung_up_on(port: int, sent: bytes) -> None:
    said_like_any_other(await say(port, sent), 400, "malformed_request")
    assert (await say(port, LAST_GREETING)).startswith(b"HTTP/1.1 200 ")


def test_whoever_makes_room_is_told_as_much() -> None:
    answer = said_like_any_other(
        last_words(NO_ROOM, scope_without_head(), [(b"date", b"today")]), 503, "too_many_connections"
    )

    assert answer.headers["retry-after"] == "1"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


HOSTS = {
    "a port that there cannot be": b"Host: a:99999\r\n",
    "an address of IPv6 that there cannot be": b"Host: [...]\r\n",
    "none": b"",
    "two": b"Host: x\r\nHost: x\r\n",
    "nothing": b"Host:\r\n",
    "more than a name": b"Host: x/y\r\n",
    "no port": b"Host: x:y\r\n",
}


@pytest.mark.parametrize("hosts", HOSTS.values(), ids=HOSTS)
async def test_what_is_not_for_one_host_is_400_and_hung_up_on(port: int, hosts: bytes) -> None:
    answer = await say(port, b"GET /v1/greeting HTTP/1.1\r\n" + hosts + b"\r\n", LAST_GREETING)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_http_1_0_knows_no_hosts(port: int) -> None:
    assert b" 200 OK" in await say(port, b"GET /v1/greeting HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize("start", [b"GET /v1/greeting HTTP/1.1\r\nX-Long: ", b"GET /"])
async def test_a_head_that_does_not_end_is_cut_off(port: int, start: bytes) -> None:
    said_like_any_other(await say(port, start.ljust(HEAD_BYTES_MAX + 1, b"y")), 431, "headers_too_large")


async def test_a_flood_of_headers_is_hung_up_on(small_application: Litestar) -> None:
    served_patiently = served(small_application, patience=Patience(lingering_seconds=0.4))
    async with served_patiently as port, await anyio.connect_tcp("127.0.0.1", port) as connection:
        await connection.send(b"GET /v1/greeting HTTP/1.1\r\n")
        with anyio.fail_after(5), pytest.raises(anyio.BrokenResourceError):
            await send_for_ever(connection, b"X-Flood: " + b"y" * 60_000 + b"\r\n")


async def test_requests_on_one_connection_have_each_their_own_head(port: int) -> None:
    one = b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"y" * 9000 + b"\r\n\r\n"

    assert (await say(port, *[one] * 12, LAST_GREETING)).count(b"HTTP/1.1 200 ") == 13


async def test_a_client_that_leaves_in_the_middle_is_no_trouble_of_ours(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamly")
    async with await anyio.connect_tcp("127.0.0.1", port) as connection:
        await connection.send(b"PUT /v1/files/t HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        await anyio.sleep(0.1)
    with anyio.fail_after(5):
        while not (lines := [vars(record) for record in caplog.records if record.name == "streamly.access"]):
            await anyio.sleep(0.01)

    assert lines[0]["status"] == 400
    assert [record for record in caplog.records if record.name == "streamly.http"] == []


class Wire(asyncio.Transport):
    """What goes out, a write at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.written.append(b"".join(list_of_data))

    def write_eof(self) -> None:
        self.written.append(b"ended")

    def close(self) -> None:
        self.written.append(b"closed")

    def is_closing(self) -> bool:
        return self.written[-1:] == [b"closed"]

    def resume_reading(self) -> None:
        """There is nothing to read."""


async def test_head_and_body_go_together() -> None:
    wire = Wire()
    answer = HeadWithBody(wire, asyncio.get_running_loop(), wire.close)
    for piece in (b"head ", b"body", b"more"):
        answer.write(piece)
    await asyncio.sleep(0)

    assert wire.written == [b"head body", b"more"]


async def test_a_head_does_not_wait_for_its_body() -> None:
    wire = Wire()
    answer = HeadWithBody(wire, asyncio.get_running_loop(), wire.close)
    answer.write(b"head")
    await asyncio.sleep(0)
    assert wire.written == [b"head"]
    answer.write(b"body")

    assert wire.written == [b"head", b"body"]


async def test_a_head_goes_before_the_connection_is_closed() -> None:
    wire = Wire()
    answer = HeadWithBody(wire, asyncio.get_running_loop(), wire.close)
    answer.write(b"head")
    answer.close()
    await asyncio.sleep(0)

    assert wire.written == [b"head", b"closed"]


async def test_nothing_is_said_to_a_connection_that_was_hung_up_on() -> None:
    """uvloop would raise."""
    wire = Wire()
    answer, late = (HeadWithBody(wire, asyncio.get_running_loop(), wire.close) for _ in range(2))
    answer.write(b"head")
    wire.close()
    await asyncio.sleep(0)
    answer.write(b"body")
    late.write(b"head")
    late.write(b"body")

    assert wire.written == [b"closed"]


async def test_every_answer_is_one_write(small_application: Litestar) -> None:
    wire = Wire()
    config = new_server(small_application, host="127.0.0.1", port=0).config
    config.load()
    protocol = BoundedHead(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(wire)
    protocol.data_received(LAST_GREETING)
    with anyio.fail_after(5):
        while not wire.is_closing():
            await anyio.sleep(0.01)

    assert len(wire.written) == 2
    assert wire.written[0].startswith(b"HTTP/1.1 200 ")
    assert wire.written[0].endswith(b'{"role":null}')
