"""One connection: a head that ends, so many requests ahead of their answers, and an answer in one write."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX = 65_536
AHEAD_MAX = 32
"""Requests that wait behind one that is being answered, on one connection."""

TOO_LARGE = (
    b"HTTP/1.1 %d Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    % HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
)


class HeadWithBody:
    """A transport that sends the head of an answer together with what follows it, if that comes in the same turn.

    uvicorn writes the two one by one: two calls of the kernel and two packets to an answer of a few bytes. To a
    connection that was hung up on meanwhile nothing is said: uvloop would raise. `when_closed` hears of it when an
    answer closes the connection, whose end may still wait to be read.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, when_closed: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._when_closed = when_closed
        self._head = b""
        self._is_head = True

    def write(self, data: bytes) -> None:
        if self._is_head:
            self._is_head, self._head = False, data
            self._loop.call_soon(self._send_head)
        else:
            head, self._head = self._head, b""
            if self._transport.is_closing():
                return
            if head:
                self._transport.writelines((head, data))
            else:
                self._transport.write(data)

    def close(self) -> None:
        self._send_head()
        self._transport.close()
        self._when_closed()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)


class TooManyAhead(Exception):
    """A client asks on and on without waiting for answers."""


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose request line and headers do not end: httptools itself would take them for ever.

    And one that asks for too much at once: each request that waits takes memory.
    """

    _head_bytes = 0
    _in_head = True
    _running: RequestResponseCycle | None = None
    """What is being answered; `cycle` is what was asked last."""

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= AHEAD_MAX:
            raise TooManyAhead  # Which the parser takes for a request that is none.
        self._in_head = False
        super().on_headers_complete()
        # Its task has not begun yet: what it writes goes this way.
        self.cycle.transport = cast(
            "asyncio.Transport", HeadWithBody(self.transport, self.loop, self.on_closed_by_answer)
        )

    def on_closed_by_answer(self) -> None:
        """An answer was the last one on this connection."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def send_400_response(self, msg: str) -> None:
        """Not into the middle of another request's answer, nor in its place: then without a word."""
        running = self._running
        if running is None or running.response_complete:
            super().send_400_response(msg)
        elif self._in_head or running is not self.cycle or running.response_started:
            self.transport.close()
        else:
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn tells it to the request that came last; the one that is being answered may be another."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
