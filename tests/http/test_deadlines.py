"""Who takes too long is hung up on, who asks is answered however many hold connections, and bad heads end theirs."""

import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from functools import partial
from http.client import HTTPConnection

import anyio
import anyio.to_thread
import pytest
from anyio.abc import SocketStream
from litestar import Litestar

from entrypoints.http.deadlines import Patience
from tests.http.serving import served
from tests.http.test_server import said_like_any_other

pytestmark = pytest.mark.anyio

HURRIED = Patience(head_seconds=0.4, body_look_seconds=0.4, body_bytes_a_second=1_000)
GREETING = b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/raw HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def port(small_application: Litestar) -> AsyncIterator[int]:
    async with served(small_application, patience=HURRIED) as port:
        yield port


async def connected(port: int) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", port)


async def rest_of(connection: SocketStream, seconds: float = 5) -> bytes:
    """Everything until the server hangs up, which it has to do in time."""
    answer = b""
    with anyio.fail_after(seconds):
        try:
            while True:
                answer += await connection.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return answer


async def drip(connection: SocketStream, what: bytes, *, every: float = 0.05, at_a_time: int = 1) -> None:
    """One byte after the other, or so many, until it is hung up on."""
    with anyio.fail_after(10):
        try:
            for number in range(0, len(what), at_a_time):
                await connection.send(what[number : number + at_a_time])
                await anyio.sleep(every)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return


async def rest_while_dripping(connection: SocketStream, what: bytes, *, at_a_time: int = 1) -> bytes:
    """What the server says to it until it has enough."""
    said: list[bytes] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(drip, connection, what, at_a_time=at_a_time))
        said.append(await rest_of(connection))
    return b"".join(said)


async def test_who_says_nothing_is_hung_up_on_without_a_word(port: int) -> None:
    async with await connected(port) as idle:
        began = time.monotonic()
        assert await rest_of(idle) == b""
        assert 0.3 < time.monotonic() - began < 3


async def test_a_head_by_the_byte_is_cut_off(port: int) -> None:
    async with await connected(port) as slow:
        began = time.monotonic()
        answer = await rest_while_dripping(slow, GREETING * 10)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 3


async def test_so_is_that_of_a_later_request(port: int) -> None:
    async with await connected(port) as slow:
        await slow.send(GREETING)
        assert (await slow.receive()).startswith(b"HTTP/1.1 200 ")
        answer = await rest_while_dripping(slow, GREETING * 10)
        assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("framing", [b"Content-Length: 100000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"])
async def test_a_body_by_the_byte_is_cut_off(port: int, framing: bytes) -> None:
    async with await connected(port) as slow:
        await slow.send(POST + b"X-Request-ID: slow.1\r\n" + framing)
        answer = await rest_while_dripping(slow, b"x" * 100_000)
    said = said_like_any_other(answer, 408, "request_timeout", "/v1/raw")
    assert said.headers["x-request-id"] == "slow.1"


async def test_a_body_is_there_in_time_however_fast_it_comes(small_application: Litestar) -> None:
    patience = HURRIED._replace(body_look_seconds=0.2, body_seconds=0.6)
    async with served(small_application, patience=patience) as port, await connected(port) as steady:
        began = time.monotonic()
        await steady.send(POST + b"Content-Length: 900000\r\n\r\n")
        answer = await rest_while_dripping(steady, b"x" * 900_000, at_a_time=1_000)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 3


async def test_a_body_that_comes_at_the_least_rate_may_take_its_time(port: int) -> None:
    async with await connected(port) as steady:
        await steady.send(POST + b"Content-Length: 6000\r\n\r\n")
        for _ in range(12):
            await steady.send(b"x" * 500)
            await anyio.sleep(0.1)
        answer = await steady.receive()
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_a_file_may_come_at_any_rate(port: int) -> None:
    async with await connected(port) as upload:
        await upload.send(b"PUT /uploads/token HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n")
        await drip(upload, b"x" * 12, every=0.1)
        assert (await upload.receive()).startswith(b"HTTP/1.1 200 ")


async def test_what_still_comes_of_a_file_that_was_refused_is_no_file_any_more(port: int) -> None:
    async with await connected(port) as upload:
        await upload.send(b"PUT /uploads/token/too/far HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert (await upload.receive()).startswith(b"HTTP/1.1 404 ")
        assert await rest_while_dripping(upload, b"x" * 900) == b""


async def test_a_body_that_nobody_wants_any_more_leaves_no_connection_behind(port: int) -> None:
    async with await connected(port) as late:
        await late.send(b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        assert (await late.receive()).startswith(b"HTTP/1.1 200 ")
        await late.send(b"abcde")
        assert await rest_of(late) == b""


TOO_LONG = "/v1/" + "a" * 5_000


def refused(port: int, path: str, body: bytes) -> tuple[int, str | None, bytes]:
    """Of a client that reads the answer once all of its request is sent."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("POST", path, body, {"Content-Type": "text/plain"})
        answer = client.getresponse()
        return answer.status, answer.getheader("connection"), answer.read()


@pytest.mark.parametrize("megabytes", [1, 20])
@pytest.mark.parametrize(
    ("path", "status", "connection"),
    [(TOO_LONG, 414, "close"), ("/v1/tickets", 401, None), ("/v1/notes", 413, None), ("/v1/none", 404, None)],
)
async def test_an_answer_reaches_whoever_is_still_sending(
    port: int, path: str, status: int, connection: str | None, megabytes: int
) -> None:
    """Also where it says that the connection ends: what was not heard would take it back."""
    answered = await anyio.to_thread.run_sync(refused, port, path, b"x" * megabytes * 1_048_576)

    assert answered[:2] == (status, connection)
    assert b'"status":%d' % status in answered[2]


ENDLESS_HEAD = b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-A: "
NO_CHUNK = POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"


def told(port: int, begun: bytes) -> bytes:
    """To a client that reads once it has sent 20 MB more than it ought to have begun."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(begun + b"x" * 20_000_000)
        return b"".join(iter(partial(client.recv, 65_536), b""))


@pytest.mark.parametrize(
    ("begun", "answers"),
    [(ENDLESS_HEAD, [431]), (b"nonsense", [400]), (NO_CHUNK, [400]), (GREETING, [200]), (GREETING * 3, [200] * 3)],
    ids=["an endless head", "no HTTP", "no chunk", "no second request", "no fourth request"],
)
async def test_what_is_no_request_is_heard_out_too(port: int, begun: bytes, answers: list[int]) -> None:
    heard = await anyio.to_thread.run_sync(told, port, begun)

    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", heard)] == answers


async def test_who_is_heard_out_after_the_last_answer_is_not_heard_for_ever(small_application: Litestar) -> None:
    served_patiently = served(small_application, patience=Patience(lingering_seconds=0.4))
    async with served_patiently as port, await connected(port) as slow:
        began = time.monotonic()
        await slow.send(f"POST {TOO_LONG} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode())
        assert (await rest_of(slow)).startswith(b"HTTP/1.1 414 ")
        assert time.monotonic() - began < 0.3, "the end of the answer waits for nothing"
        await drip(slow, b"x" * 100_000)
        assert time.monotonic() - began < 3


async def test_requests_in_one_piece_are_answered_one_after_the_other(port: int) -> None:
    async with await connected(port) as keen:
        for _ in range(8):
            await keen.send(GREETING * 3)
            answer = b""
            with anyio.fail_after(5):
                while answer.count(b"HTTP/1.1 200 ") < 3:
                    answer += await keen.receive()
            await anyio.sleep(0.1)


async def test_whoever_waits_longest_makes_room(small_application: Litestar) -> None:
    async with served(small_application, connections_max=10) as port, AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(await connected(port)) for _ in range(10)]
        half = await stack.enter_async_context(await connected(port))
        await half.send(GREETING[:20])
        for _ in range(9):
            async with await connected(port) as keen:
                await keen.send(GREETING)
                assert (await keen.receive()).startswith(b"HTTP/1.1 200 ")

        assert await rest_of(idle[0]) == b""
        await half.send(GREETING[20:])
        assert (await half.receive()).startswith(b"HTTP/1.1 200 ")


async def test_where_all_are_busy_another_one_is_not_let_in(small_application: Litestar) -> None:
    async with served(small_application, connections_max=10) as port, AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(await connected(port)) for _ in range(10)]
        for one in busy:
            await one.send(POST + b"Content-Length: 5\r\n\r\nab")
        await anyio.sleep(0.2)
        async with await connected(port) as late:
            assert await rest_of(late) == b""
        for one in busy:
            await one.send(b"cde")
            assert (await one.receive()).startswith(b"HTTP/1.1 201 ")


BAD_HEADS = {
    "two lengths that differ": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "two lengths that agree": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\na",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\na",
    "a length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "an encoding of no kind": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two encodings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunked, and not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a blank before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a chunk of less than nothing": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk beyond counting": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "chunks without carriage returns": POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "no carriage returns": b"GET /v1/greeting HTTP/1.1\nHost: x\n\n",
    "one line without": b"GET /v1/greeting HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n",
    "an end without": b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\n\n",
    "a carriage return alone": b"GET /v1/greeting HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n",
    "a folded header": b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n",
    "NUL in the path": b"GET /v1/gree\0ting HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the path, spelt": b"GET /v1/gree%00ting HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
LARGE_HEADS = {
    "a header of 40 kB": b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-A: " + b"y" * 40_000 + b"\r\n\r\n",
    "a header of 100 kB": b"GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-A: " + b"y" * 100_000 + b"\r\n\r\n",
    "1,000 headers": GREETING[:-2] + b"".join(b"X-%d: a\r\n" % each for each in range(1000)) + b"\r\n",
}


@pytest.mark.parametrize("sent", [*BAD_HEADS, *LARGE_HEADS])
async def test_a_bad_head_is_refused_and_nothing_after_it_is_read(port: int, sent: str) -> None:
    status = b"400" if sent in BAD_HEADS else b"431"
    async with await connected(port) as bad:
        await bad.send((BAD_HEADS | LARGE_HEADS)[sent])
        answer = await rest_of(bad, seconds=3)
    assert answer.startswith(b"HTTP/1.1 " + status + b" ")
    assert answer.count(b"HTTP/1.1 ") == 1
    async with await connected(port) as good:
        await good.send(GREETING)
        assert (await good.receive()).startswith(b"HTTP/1.1 200 ")
