"""A server that was told to leave while long answers are on their way, which do not say that they are the last."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from entrypoints.http.deadlines import LAST_REQUEST_SECONDS
from entrypoints.http.server import Server
from tests.http.serving import served_until_told

pytestmark = pytest.mark.anyio

FILM = b"GET /film HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_REEL = b"the last reel"


class Cinema:
    """Answers with the head at once, and with the film once that goes on."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})
            return
        length = (b"content-length", b"%d" % len(LAST_REEL))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await self.goes_on.wait()
        await send({"type": "http.response.body", "body": LAST_REEL})


async def until(connection: SocketStream, end: bytes) -> bytes:
    read = b""
    with anyio.fail_after(5):
        while not read.endswith(end):
            read += await connection.receive()
    return read


async def told_to_leave(server: Server) -> None:
    """And every connection has heard of it."""
    server.should_exit = True
    with anyio.fail_after(5):
        while any(each.is_serving() for each in server.servers):
            await anyio.sleep(0.01)
    await anyio.sleep(0.05)


@asynccontextmanager
async def a_film_that_ends_while_it_leaves() -> AsyncIterator[SocketStream]:
    """To whoever sees it its head had said nothing of an end of the connection."""
    cinema = Cinema()
    async with served_until_told(cinema) as (port, server), await anyio.connect_tcp("127.0.0.1", port) as viewer:
        await viewer.send(FILM)
        assert b"connection: close" not in await until(viewer, b"\r\n\r\n")
        await told_to_leave(server)
        cinema.goes_on.set()
        await until(viewer, LAST_REEL)
        yield viewer


async def test_after_a_long_answer_one_more_request_is_heard_and_told_that_it_is_the_last() -> None:
    async with a_film_that_ends_while_it_leaves() as viewer:
        await anyio.sleep(0.2)
        await viewer.send(FILM)
        assert b"\r\nconnection: close\r\n" in await until(viewer, LAST_REEL)
        with pytest.raises(anyio.EndOfStream), anyio.fail_after(1):
            await viewer.receive()


async def test_who_asks_for_nothing_more_does_not_hold_it_up() -> None:
    async with a_film_that_ends_while_it_leaves() as viewer:
        began = time.monotonic()
        with pytest.raises(anyio.EndOfStream), anyio.fail_after(5):
            await viewer.receive()
        assert LAST_REQUEST_SECONDS * 0.9 < time.monotonic() - began < 4


async def test_who_still_sends_after_the_last_answer_is_heard_out() -> None:
    """Hung up on, the client might lose the answer that it has not read yet."""
    cinema = Cinema()
    cinema.goes_on.set()
    async with served_until_told(cinema) as (port, server), await anyio.connect_tcp("127.0.0.1", port) as viewer:
        await viewer.send(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n")
        await until(viewer, LAST_REEL)
        await told_to_leave(server)
        for _ in range(20):
            await viewer.send(b"x" * 1_000)
            await anyio.sleep(0.005)
