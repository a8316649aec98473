"""Whoever downloads files: over real connections, all of them in turn, the next when the last is there."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import cast

from benchmarks.contest import P50, P99, Sample, percentile

PATIENCE_SECONDS = 30.0
RATE, ANSWERS, MEGABYTES = "segments_per_second", "answers", "megabytes_per_second"
LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)

Files = Iterator[tuple[bytes, int]]
"""Requests, and how long the body of the answer must be."""


class Downloads:
    """So many connections, each with one file under way, for so many seconds."""

    def __init__(self, port: int, sizes: Mapping[str, int], *, connections: int, seconds: float) -> None:
        """`sizes` in bytes, by path."""
        self._port, self._connections, self._seconds = port, connections, seconds
        self._files = cycle([(_request(path), size) for path, size in sizes.items()])

    async def measure(self) -> Sample:
        """Raises ConnectionError for any answer but a 200 of the length that is expected."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        lines = [Download(self._files, started + self._seconds) for _ in range(self._connections)]
        for line in lines:
            await loop.create_connection(lambda line=line: line, "127.0.0.1", self._port)  # type: ignore[misc]
        async with asyncio.timeout(self._seconds + PATIENCE_SECONDS):
            await asyncio.gather(*(line.done for line in lines))
        elapsed = time.perf_counter() - started
        latencies_ms = [latency for line in lines for latency in line.latencies_ms]
        return {
            RATE: len(latencies_ms) / elapsed,
            ANSWERS: len(latencies_ms),
            MEGABYTES: sum(line.received for line in lines) / elapsed / 1e6,
            P50: percentile(latencies_ms, 0.5),
            P99: percentile(latencies_ms, 0.99),
        }


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: benchmark\r\n\r\n".encode()


class Download(asyncio.Protocol):
    """One connection; `done` when the time is over and the last file is there. `received` counts bytes of files."""

    def __init__(self, files: Files, deadline: float) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies_ms: list[float] = []
        self.received = 0
        self._files, self._deadline = files, deadline
        self._head, self._size, self._left, self._sent_at = b"", 0, 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one too, and does not say so.
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        request, self._size = next(self._files)
        self._head, self._left, self._sent_at = b"", 0, time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            data = self._body_after_head(data)
        self.received += len(data)
        self._left -= len(data)
        if self._left < 0:
            self._fail("more came than was said")
        elif not self._left and self._head.endswith(b"\r\n\r\n"):
            self._next()

    def _body_after_head(self, data: bytes) -> bytes:
        self._head += data
        end = self._head.find(b"\r\n\r\n") + 4
        if end < 4:
            return b""
        self._head, body = self._head[:end], self._head[end:]
        length = LENGTH.search(self._head)
        if not self._head.startswith(b"HTTP/1.1 200 ") or length is None or int(length[1]) != self._size:
            self._fail(self._head.decode(errors="replace"))
            return b""
        self._left = self._size
        return body

    def _next(self) -> None:
        now = time.perf_counter()
        self.latencies_ms.append((now - self._sent_at) * 1_000)
        if now < self._deadline:
            self._ask()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(why))
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed the connection: {exc}")
