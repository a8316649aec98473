"""How long a client may take, and how many may come: uvicorn itself waits for a request for as long as it takes."""

import asyncio
import termios
from array import array
from collections.abc import Iterable
from contextlib import suppress
from fcntl import ioctl
from typing import Any, NamedTuple

from entrypoints.http.last_words import NO_ROOM, TOO_SLOW
from entrypoints.http.metrics import RequestMetrics
from entrypoints.http.problems import Problem
from entrypoints.http.protocol import BoundedHead


class Patience(NamedTuple):
    """What a client is given. A head: from the connection, or from the first byte of a later request, to its end."""

    head_seconds: float = 10.0
    body_look_seconds: float = 10.0
    """A body that is not there after so long is looked at, again and again."""
    body_bytes_a_second: int = 1_000
    """And must have come as fast as that since the last look."""
    body_seconds: float = 30.0
    """And is there after so long, however fast it comes."""
    lingering_seconds: float = 30.0
    """What still comes of a request after the last answer is heard for so long."""
    answer_look_seconds: float = 10.0
    """Where an answer waits to be read it is looked at so often how much of it was,"""
    answer_bytes_a_second: int = 1_000
    """against as fast as that."""
    answer_arrears_seconds: float = 30.0
    """So far a client may be behind; so long it may read nothing at all."""


LAST_REQUEST_SECONDS = 1
"""So long a connection stays that a process on its leave answered without saying that it ends."""

UNHURRIED = "/uploads/"
"""What is sent here may come at any rate: the platform that takes it ends what stands still."""


class Crowd:
    """The connections of one server. Those that have sent no whole request yet make room for those who come.

    And those that are behind with reading. So whoever holds connections open and sends nothing, or sends it by the
    byte, or does not read, keeps nobody out.
    """

    def __init__(self, connections_max: int, patience: Patience) -> None:
        self.connections_max = connections_max
        self.patience = patience
        self.leaving = False
        self._waiting: dict[Patient, None] = {}

    def wait(self, one: "Patient") -> None:
        """It has nothing to be answered, or does not read it; the last that came waits behind the others."""
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
    """A connection whose client has so long for a head, and a least rate for a body and for reading an answer.

    A request that comes in one piece, and an answer that the kernel takes in one, cost no timer.
    """

    def __init__(self, *given: Any, crowd: Crowd, requests: RequestMetrics, **named: Any) -> None:
        super().__init__(*given, **named)
        self._crowd = crowd
        self._requests = requests
        self._timer: asyncio.TimerHandle | None = None
        self._patience = crowd.patience
        self._body_bytes = self._body_looks = 0
        self._has_asked = self._may_ask_again = False
        self._reading_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = self._read_bytes = 0
        self._arrears_bytes = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's does
        super().connection_made(transport)
        self._crowd.wait(self)
        self._set(self._patience.head_seconds, self._head_is_late)
        self._crowd.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
        self._crowd.go(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_body and not self._is_ending:
            self._body_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._watch_reading()
            return
        if self._timer is not None:
            return
        if self._in_body:
            self._look_at_body_later()
        elif self._head_bytes or (self._is_idle and self.timeout_keep_alive_task is None):
            self._set(self._patience.head_seconds, self._head_is_late)

    @property
    def _is_idle(self) -> bool:
        """Everything that was asked has been answered."""
        return self._has_asked and not self._in_body and self.cycle.response_complete

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._unset()
        self._body_looks = 0
        self._has_asked = True
        self._crowd.go(self)
        if self._crowd.leaving:
            self.answer_for_the_last_time()

    def on_message_complete(self) -> None:
        self._unset()
        super().on_message_complete()
        self._wait_again()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.cycle.response_complete:
            self._look_at_body_later()  # It may be its turn now.
        self._wait_again()

    def answer_for_the_last_time(self) -> None:
        """Where an answer is due: it says that the connection ends, which then does.

        One whose head is out says so no more: there is a moment for one more request, whose answer does.
        """
        if not self._has_asked or self.cycle.response_complete:
            return
        if self.cycle.response_started and self.cycle.keep_alive:
            self._may_ask_again = True
            self.timeout_keep_alive = LAST_REQUEST_SECONDS
        else:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """As uvicorn's, but not in the middle of a head, or before one for which there is a moment.

        The one is a request which has been begun, the other one that may be on its way. Nor while one is heard out.
        """
        if not self._may_ask_again and not self._is_lingering and (self._in_body or not self._head_bytes):
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
        """Not where we do not read on, or it is not its turn, nor where the application has a rule of its own."""
        self._timer = None
        is_ours = self.cycle.response_complete or not self.scope["path"].startswith(UNHURRIED)
        if is_ours and self.cycle is self._running and not self.flow.read_paused:
            self._body_looks += 1
            if self._is_body_late():
                self.leave(TOO_SLOW)
                return
        self._look_at_body_later()

    def _is_body_late(self) -> bool:
        each = self._patience.body_look_seconds
        too_slow = self._body_bytes < each * self._patience.body_bytes_a_second
        return too_slow or self._body_looks * each >= self._patience.body_seconds

    def _look_at_body_later(self) -> None:
        self._body_bytes = 0
        self._set(self._patience.body_look_seconds, self._look_at_body)

    def pause_writing(self) -> None:
        """More of an answer waits to be read than is kept ready: uvicorn would wait for ever."""
        super().pause_writing()
        self._unread_bytes = unread_of(self.transport)
        self._watch_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._count_reading()

    def hang_up_after_answer(self) -> None:
        super().hang_up_after_answer()
        self._watch_reading()

    def _hear_out(self) -> None:
        super()._hear_out()
        if self._is_lingering:
            self._crowd.wait(self)
            self._set(self._patience.lingering_seconds, self.transport.close)
            self._watch_reading()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_reading()

    def _watch_reading(self) -> None:
        """Also of a connection that is closed: it stays until all is read that was written."""
        if self._reading_timer is None and (unread := unread_of(self.transport)):
            self._unread_bytes, self._read_bytes = unread, 0
            self._reading_timer = self.loop.call_later(self._patience.answer_look_seconds, self._look_at_reading)

    def _count_reading(self) -> None:
        unread = unread_of(self.transport)
        self._read_bytes += max(0, self._unread_bytes - unread)
        self._unread_bytes = unread

    def _look_at_reading(self) -> None:
        """Who stands still for a while may catch up; who is behind makes room where others need it."""
        self._reading_timer = None
        self._count_reading()
        rate = self._patience.answer_bytes_a_second
        behind = self._arrears_bytes + rate * self._patience.answer_look_seconds - self._read_bytes
        was_behind = self._arrears_bytes > 0
        self._arrears_bytes = max(0.0, behind) if self._unread_bytes else 0.0
        if self._arrears_bytes >= rate * self._patience.answer_arrears_seconds:
            self.transport.abort()
            return
        if self._arrears_bytes:
            self._crowd.wait(self)
        elif was_behind and not self._is_idle:
            self._crowd.go(self)
        self._watch_reading()

    def leave(self, problem: Problem) -> None:
        """Hang up, and say why to whoever is in the middle of a request that nothing has been answered to."""
        if self._arrears_bytes:
            self.transport.abort()
        if self.transport.is_closing():
            return
        in_the_middle = self._head_bytes if not self._in_body else not self.cycle.response_started
        if in_the_middle and not self._is_lingering:
            self._say(problem)
        self.transport.close()
        self._watch_reading()

    def _set(self, seconds: float, late: Any) -> None:
        self._unset()
        self._timer = self.loop.call_later(seconds, late)

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def unread_of(transport: asyncio.Transport) -> int:
    """The bytes that wait to be read; 0 where the kernel has taken all.

    Those that it has taken and the client has not are counted too: a kernel that keeps megabytes ready asks for more
    long after it gave some away.
    """
    waiting = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if not waiting or connection is None:
        return waiting
    taken = array("i", [0])
    with suppress(OSError):
        ioctl(connection.fileno(), termios.TIOCOUTQ, taken)
    return waiting + taken[0]
