"""One connection: a head that ends, and an answer in one write."""

import asyncio
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 65_536

TOO_LARGE = (
    b"HTTP/1.1 %d Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    % HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
)


class HeadWithBody:
    """A transport that sends the head of an answer together with what follows it, if that comes in the same turn.

    uvicorn writes the two one by one: two calls of the kernel and two packets to an answer of a few bytes. To a
    connection that was hung up on meanwhile nothing is said: uvloop would raise.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
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

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose request line and headers do not end: httptools itself would take them for ever."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        # Its task has not begun yet: what it writes goes this way.
        self.cycle.transport = cast("asyncio.Transport", HeadWithBody(self.transport, self.loop))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0
