"""Media for pages of any origin: the address is the leave, so a player anywhere may read what it is answered."""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

MEDIA_FOLDER: Final = "/media/"
ALLOW_ORIGIN: Final = (b"access-control-allow-origin", b"*")
PREFLIGHT: Final = [
    ALLOW_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD"),
    # Those that ask for a part of a file; what else a page sends along is not looked at.
    (b"access-control-allow-headers", b"range, if-range, if-none-match, if-modified-since"),
    (b"access-control-max-age", b"86400"),
]


class ForAnyPage:
    """Answers preflights of media, and says of what was refused too that any page may know it.

    `CORS_ORIGINS` is for those who act for an account; Litestar would refuse all others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(MEDIA_FOLDER):
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and _is_preflight(scope):
            await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._app(scope, receive, _opened(send))


def _is_preflight(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names


def _opened(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = [header for header in message["headers"] if header[0].lower() != ALLOW_ORIGIN[0]]
            message["headers"] = [*told, ALLOW_ORIGIN]
        await send(message)

    return sending
