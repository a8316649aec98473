"""Lists that are the same for everybody: a page is made once, and given to all who ask for it within the next second.

A list may be some facts behind; this adds a second at most, and nothing here decides who may watch. Who names a
position, or asks from another origin's page, is answered by the handler.
"""

from collections.abc import Collection
from http import HTTPStatus
from time import monotonic
from typing import Final, NamedTuple

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from entrypoints.http.problems import POSITION_HEADER

SHARED_SECONDS: Final = 1.0
SHARED_PAGES_MAX = 128
SHARED_PAGE_BYTES_MAX = 262_144

OF_ITS_OWN: Final = frozenset({b"origin", b"content-length", b"transfer-encoding", POSITION_HEADER.lower().encode()})
"""Headers that make a request one of its own."""


class SharedPage(NamedTuple):
    """What a handler answered with a 200, and the moment when it was asked, in seconds of `monotonic`."""

    asked_at: float
    headers: list[tuple[bytes, bytes]]
    body: bytes


class SharedPages:
    """Gives what Litestar answered to a GET at one of these paths to whoever asks the same in the next second.

    The same is the same path and query, to the byte. Holds 128 pages of 256 KiB at most.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._pages = dict[tuple[str, bytes], SharedPage]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"] not in self._paths or not is_alike(scope):
            await self._app(scope, receive, send)
            return
        asked, now = (scope["path"], scope["query_string"]), monotonic()
        page = self._pages.get(asked)
        if page is None or now - page.asked_at >= SHARED_SECONDS:
            await self._app(scope, receive, self._keeping(asked, now, send))
            return
        scope["path_template"] = scope["path"]
        await send({"type": "http.response.start", "status": 200, "headers": page.headers})
        await send({"type": "http.response.body", "body": page.body, "more_body": False})

    def _keeping(self, asked: tuple[str, bytes], now: float, send: Send) -> Send:
        """`send`, which also keeps a 200 that comes in one piece."""
        headers: list[tuple[bytes, bytes]] | None = None

        async def sending(message: Message) -> None:
            nonlocal headers
            if message["type"] == "http.response.start":
                headers = list(message["headers"]) if message["status"] == HTTPStatus.OK else None
            elif message["type"] == "http.response.body" and headers is not None:
                if not message.get("more_body"):
                    self._keep(asked, SharedPage(now, headers, message.get("body", b"")))
                headers = None
            await send(message)

        return sending

    def _keep(self, asked: tuple[str, bytes], page: SharedPage) -> None:
        if len(page.body) > SHARED_PAGE_BYTES_MAX:
            return
        if len(self._pages) >= SHARED_PAGES_MAX and asked not in self._pages:
            del self._pages[next(iter(self._pages))]
        self._pages[asked] = page


def is_alike(scope: HTTPScope) -> bool:
    """A GET without anything that would make its answer another one."""
    if scope["method"] != "GET" or scope["root_path"]:
        return False
    return all(name not in OF_ITS_OWN for name, _ in scope["headers"])
