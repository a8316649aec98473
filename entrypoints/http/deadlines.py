"""How long a client may take, and how many may come: uvicorn itself waits for a request for as long as it takes."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from entrypoints.http.protocol import BoundedHead


class Patience(NamedTuple):
    """What a client is given. A head: from the connection, or from the first byte of a later request, to its end."""

    head_seconds: float = 10.0
    body_look_seconds: float = 10.0
    """A body that is not there after so long is looked at, again and again."""
    body_bytes_a_second: int = 1_000
    """And must have come as fast as that since the last look."""


UNHURRIED = "/uploads/"
"""What is sent here may come at any rate: the platform that takes it ends what stands still."""


def _last_words(status: HTTPStatus) -> bytes:
    return b"HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % (status, status.phrase.encode())


TOO_SLOW = _last_words(HTTPStatus.REQUEST_TIMEOUT)
NO_ROOM = _last_words(HTTPStatus.SERVICE_UNAVAILABLE)


class Crowd:
    """The connections of one server. Those that have sent no whole request yet make room for those who come.

    So whoever holds connections open and sends nothing, or sends it by the byte, keeps nobody out.
    """

    def __init__(self, connections_max: int, patience: Patience) -> None:
        self.connections_max = connections_max
        self.patience = patience
        self.leaving = False
        self._waiting: dict[Patient, None] = {}

    def wait(self, one: "Patient") -> None:
        """It has nothing to be answered; the last that came waits behind the others."""
        self._waiting[one] = None

    def go(self, one: "Patient") -> None:
        """It is being served, or gone."""
        self._waiting.pop(one, None)

    def leave(self, connections: Iterable["Patient"]) -> None:
        """From now on each of these, and of those to come, ends with its next answer."""
        self.leaving = True
        for connection in connections:
            connection.answer_for_the_last_time()

    def make_room(self, present: int) -> None:
        """Where there are too many, whoever has waited longest leaves: that may be the one who has just come."""
        if present > self.connections_max and (longest := next(iter(self._waiting), None)) is not None:
            self.go(longest)
            longest.leave(NO_ROOM)


class Patient(BoundedHead):
    """A connection whose client has so long for a head, and a least rate for a body.

    A request that comes in one piece costs no timer.
    """

    def __init__(self, *given: Any, crowd: Crowd, **named: Any) -> None:
        super().__init__(*given, **named)
        self._crowd = crowd
        self._timer: asyncio.TimerHandle | None = None
        self._patience = crowd.patience
        self._in_body = False
        self._body_bytes = 0
        self._has_asked = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's does
        super().connection_made(transport)
        self._crowd.wait(self)
        self._set(self._patience.head_seconds, self._head_is_late)
        self._crowd.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset()
        self._crowd.go(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_body:
            self._body_bytes += len(data)
        super().data_received(data)
        if self._timer is not None or self.transport.is_closing():
            return
        if self._in_body:
            self._body_bytes = 0
            self._set(self._patience.body_look_seconds, self._look_at_body)
        elif self._head_bytes or (self._is_idle and self.timeout_keep_alive_task is None):
            self._set(self._patience.head_seconds, self._head_is_late)

    @property
    def _is_idle(self) -> bool:
        """Everything that was asked has been answered."""
        return self._has_asked and not self._in_body and self.cycle.response_complete

    def on_headers_complete(self) -> None:
        self._unset()
        self._in_body = self._has_asked = True
        self._crowd.go(self)
        super().on_headers_complete()
        if self._crowd.leaving:
            self.answer_for_the_last_time()

    def on_message_complete(self) -> None:
        self._unset()
        self._in_body = False
        super().on_message_complete()
        self._wait_again()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_again()

    def answer_for_the_last_time(self) -> None:
        """Where an answer is due: it says that the connection ends, which then does."""
        if self._has_asked and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """As uvicorn's, but not in the middle of a head: that is a request which has been begun."""
        if self._in_body or not self._head_bytes:
            super().shutdown()

    def _wait_again(self) -> None:
        if self._is_idle and not self.transport.is_closing():
            self._crowd.wait(self)

    def _head_is_late(self) -> None:
        """Unless an answer is still on its way: then the next request has time until it is there."""
        self._timer = None
        if self._has_asked and not self.cycle.response_complete:
            self._set(self._patience.head_seconds, self._head_is_late)
        else:
            self.leave(TOO_SLOW)

    def _look_at_body(self) -> None:
        """Not where we are the ones who do not read on, nor where the application has a rule of its own."""
        self._timer = None
        too_slow = self._body_bytes < self._patience.body_look_seconds * self._patience.body_bytes_a_second
        is_ours = self.cycle.response_complete or not self.scope["path"].startswith(UNHURRIED)
        if too_slow and is_ours and not self.flow.read_paused:
            self.leave(TOO_SLOW)
            return
        self._body_bytes = 0
        self._set(self._patience.body_look_seconds, self._look_at_body)

    def leave(self, words: bytes) -> None:
        """Hang up, and say why to whoever is in the middle of a request that nothing has been answered to."""
        if self.transport.is_closing():
            return
        if self._head_bytes if not self._in_body else not self.cycle.response_started:
            self.transport.write(words)
        self.transport.close()

    def _set(self, seconds: float, late: Any) -> None:
        self._unset()
        self._timer = self.loop.call_later(seconds, late)

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
