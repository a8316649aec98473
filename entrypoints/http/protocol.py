"""One connection: a head that ends, so many requests ahead of their answers, each of those owed and in one write."""

import asyncio
from collections.abc import Callable
from typing import cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from entrypoints.http.last_words import HEAD_TOO_LARGE, NO_REQUEST, last_words, scope_without_head, tell_of
from entrypoints.http.metrics import RequestMetrics, Uncounted
from entrypoints.http.problems import Problem

HEAD_BYTES_MAX = 65_536
AHEAD_MAX = 32
"""Requests that wait behind one that is being answered, on one connection."""


class HeadWithBody:
    """A transport that sends the head of an answer together with what follows it, if that comes in the same turn.

    uvicorn writes the two one by one: two calls of the kernel and two packets to an answer of a few bytes. To a
    connection that was hung up on meanwhile nothing is said: uvloop would raise. `hang_up` is what an answer does that
    is the last.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, hang_up: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._hang_up = hang_up
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
        self._hang_up()

    def abort(self) -> None:
        """At once, whatever was to be sent still: the simulated providers hang up so."""
        self._head = b""
        self._transport.abort()

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

    And one that asks for too much at once: each request that waits takes memory. What was asked for in whole before
    that is answered first, as it is before what is no HTTP.
    """

    _head_bytes = 0
    _in_body = False
    _is_ending = False
    """Nothing more is read; it is hung up on after the answers that are owed."""
    _is_lingering = False
    """All is said; what still comes is thrown away, until the client hangs up too."""
    _running: RequestResponseCycle | None = None
    """What is being answered; `cycle` is what was asked last."""
    _requests: RequestMetrics = Uncounted()

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        if not self._in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_body and self._head_bytes > HEAD_BYTES_MAX and not self._is_ending:
            self._end(HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= AHEAD_MAX:
            raise TooManyAhead  # Which the parser takes for a request that is none.
        super().on_headers_complete()
        self._in_body = True
        # Its task has not begun yet: what it writes goes this way.
        self.cycle.transport = cast(
            "asyncio.Transport", HeadWithBody(self.transport, self.loop, self.hang_up_after_answer)
        )

    def hang_up_after_answer(self) -> None:
        """It was the last on this connection; where its request still comes, or what is none, that is heard out."""
        if self._is_ending or (self._in_body and self.cycle is self._running):
            self._hear_out()
        else:
            self.transport.close()

    def _hear_out(self) -> None:
        """Say no more, and wait for the client to hang up (RFC 9112, 9.6).

        Else the kernel would answer what still comes with a reset, which takes back an answer that was not read yet.
        """
        if self.transport.is_closing():
            return
        self._is_ending = self._is_lingering = True
        self._tell_that_nobody_listens()
        self.transport.write_eof()
        self.flow.resume_reading()

    def on_response_complete(self) -> None:
        if not self._is_lingering:
            super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body, self._head_bytes = False, 0

    def send_400_response(self, msg: str) -> None:
        self._end(NO_REQUEST)

    def _end(self, problem: Problem) -> None:
        """Hang up after the answers that are owed; where none is, say why, but not in another answer's place."""
        self._is_ending = True
        self.flow.resume_reading()
        if self._in_body and self.cycle is not self._running:
            self.pipeline.popleft()  # Its body will never be whole.
            self.cycle = self.pipeline[0][0] if self.pipeline else cast("RequestResponseCycle", self._running)
            self._in_body = False
        if self._is_owed(self.cycle):
            self.cycle.keep_alive = False
            return
        if not self._in_body or not self.cycle.response_started:
            self._say(problem)
        self._hear_out()

    def _say(self, problem: Problem) -> None:
        """To whoever is in the middle of a request, of whose head it is answered where that is there."""
        scope = self.cycle.scope if self._in_body else scope_without_head()
        self.transport.write(last_words(problem, scope, self.server_state.default_headers))
        if not (self._in_body and self.cycle is self._running):
            tell_of(problem, scope, self._requests)

    def _is_owed(self, cycle: RequestResponseCycle | None) -> bool:
        """A request that came whole and is not answered yet, or whose answer has begun."""
        return cycle is not None and not cycle.response_complete and (cycle.response_started or not self._in_body)

    def _tell_that_nobody_listens(self) -> None:
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn tells it to the request that came last; the one that is being answered may be another."""
        self._tell_that_nobody_listens()
        super().connection_lost(exc)
