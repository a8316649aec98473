"""Whoever sends requests to a server: over real connections, the next when the last was answered."""

import asyncio
import re
import time
from typing import Protocol, cast

from benchmarks.contest import P50, P99, Sample, percentile

PATIENCE_SECONDS = 30.0
ANSWERED = b"HTTP/1.1 200 "
LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


class Requests(Protocol):
    """What is sent."""

    def next(self) -> bytes:
        """A whole request; the same may come again."""
        ...


class Sender:
    """So many connections, each with one request under way, for so many seconds."""

    def __init__(self, port: int, requests: Requests, rate: str, *, connections: int, seconds: float) -> None:
        """`rate` is the name of the figure that says how many were answered a second."""
        self.acknowledged = 0
        self._port = port
        self._requests = requests
        self._rate = rate
        self._connections = connections
        self._seconds = seconds

    async def measure(self) -> Sample:
        """Raises ConnectionError when one is refused or broken off; an answer other than 200 ends the run."""
        latencies_ms: list[float] = []
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        deadline = started + self._seconds
        lines = [Line(self._requests, deadline, latencies_ms) for _ in range(self._connections)]
        for line in lines:
            await loop.create_connection(lambda line=line: line, "127.0.0.1", self._port)  # type: ignore[misc]
        async with asyncio.timeout(self._seconds + PATIENCE_SECONDS):
            await asyncio.gather(*(line.done for line in lines))
        elapsed = time.perf_counter() - started
        self.acknowledged += len(latencies_ms)
        return {
            self._rate: len(latencies_ms) / elapsed,
            P50: percentile(latencies_ms, 0.5),
            P99: percentile(latencies_ms, 0.99),
        }


class Line(asyncio.Protocol):
    """One connection; `done` when the time is over and the last answer is there."""

    def __init__(self, requests: Requests, deadline: float, latencies_ms: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._deadline = deadline
        self._latencies_ms = latencies_ms
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one too, and does not say so.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = self._requests.next()
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_whole():
            return
        now = time.perf_counter()
        if not self._received.startswith(ANSWERED):
            self.done.set_exception(ConnectionError(self._received[:500].decode(errors="replace")))
            self._transport.close()
            return
        self._latencies_ms.append((now - self._sent_at) * 1_000)
        self._received = b""
        if now < self._deadline:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _is_whole(self) -> bool:
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return False
        length = LENGTH.search(self._received, 0, head + 2)
        return length is not None and len(self._received) >= head + 4 + int(length[1])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))
