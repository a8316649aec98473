"""Many requests that arrive as one: each on a connection of its own, all of it sent before but the last byte."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from tests.abuse.installation import Installation
from tests.abuse.running import new_peer

GREETING = b"GET /health/live HTTP/1.1\r\nhost: abuse\r\n\r\n"
ANSWER_SECONDS = 60.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Shot(msgspec.Struct, frozen=True):
    """A request: `body` goes as JSON, bytes as they are."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = {}

    def encoded(self) -> bytes:
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"host": "abuse", "content-type": "application/json", **self.headers}
        if self.body is None:
            content = b""
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, f"content-length: {len(content)}", "", ""]).encode() + content


async def volley(at: Installation, shots: Sequence[Shot], *, peer: str | None = None) -> list[httpx.Response]:
    """The answers in the order of the requests, which come from one address; each API process gets an equal share."""
    peer = peer or new_peer()
    async with AsyncExitStack() as stack:
        connections: list[Connection] = []
        pids = at.api_pids()
        for number, pid in enumerate(pids):
            share = len(shots[number :: len(pids)])
            with_it = await stack.enter_async_context(_accepted_by(at, pid, pids, share, peer))
            connections.extend(with_it)
        encoded = [shot.encoded() for shot in shots]
        for (_, writer), request in zip(connections, encoded, strict=True):
            writer.write(request[:-1])
            await writer.drain()
        await asyncio.sleep(0.02)
        for (_, writer), request in zip(connections, encoded, strict=True):
            writer.write(request[-1:])
        async with asyncio.timeout(ANSWER_SECONDS):
            answers = [_answer(reader, to=shot) for (reader, _), shot in zip(connections, shots, strict=True)]
            return list(await asyncio.gather(*answers))


async def said_everywhere(at: Installation, sent: bytes) -> list[bytes]:
    """All that each API process answers to these very bytes, until it hangs up."""
    pids, heard = at.api_pids(), []
    for pid in pids:
        async with _accepted_by(at, pid, pids, 1, new_peer()) as [(reader, writer)]:
            writer.write(sent)
            async with asyncio.timeout(ANSWER_SECONDS):
                heard.append(await reader.read())
    return heard


@asynccontextmanager
async def _accepted_by(
    at: Installation, pid: int, pids: Sequence[int], count: int, peer: str
) -> AsyncIterator[list[Connection]]:
    """So many connections to one of the processes: the others stand still meanwhile."""
    others = [other for other in pids if other != pid]
    connections: list[Connection] = []
    try:
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            connections = list(await asyncio.gather(*(_greeted(at, peer) for _ in range(count))))
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)
        yield connections
    finally:
        for _, writer in connections:
            writer.close()


async def _greeted(at: Installation, peer: str) -> Connection:
    """A connection on which there has been an answer, so that it is accepted for certain."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(at.address).port, local_addr=(peer, 0))
    writer.write(GREETING)
    await _answer(reader, to=Shot("GET", "/health/live"))
    return reader, writer


async def _answer(reader: asyncio.StreamReader, *, to: Shot) -> httpx.Response:
    """Of the length that it says; without one, all until the connection ends."""
    start, _, lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").partition("\r\n")
    assert start.startswith("HTTP/1.1 "), f"no answer came: {start!r}"
    pairs = [line.partition(":") for line in lines.split("\r\n") if line]
    headers = httpx.Headers([(name.strip(), value.strip()) for name, _, value in pairs])
    length = headers.get("content-length")
    content = await (reader.read() if length is None else reader.readexactly(int(length)))
    request = httpx.Request(to.method, f"http://abuse{to.path}")
    return httpx.Response(int(start.split(" ")[1]), headers=headers, content=content, request=request)
