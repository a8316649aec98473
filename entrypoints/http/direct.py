"""Routes that are asked for so often that their plain requests are answered before Litestar, in a fifth of its time.

Each also has a handler of Litestar's, which the API's document is made of and which answers every request that is not
plain. Both give the same answers, to the byte (tests/http/test_direct_routes.py). Nobody signs in here, no position is
waited for, no try is counted and no answer kept: a route that needs one of these is no direct one.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from litestar.enums import ScopeType
from litestar.exceptions import InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from entrypoints.http.bodies import BODY_BYTES_MAX
from entrypoints.http.problems import answer_of, logged_problem

LENGTH_DIGITS_MAX = 9

DirectAnswer = Callable[[HTTPScope, bytes], Awaitable[bytes]]
"""From a request and its body to the JSON of a 200. Raises what the handler in its place raises."""

DirectTable = Mapping[tuple[str, str], DirectAnswer]
"""By method and path; a path has no parameters, so it is the route's name too."""

NOTHING_DIRECT: Final[DirectTable] = {}


class DirectRoutes:
    """Answers the plain requests for the routes of a table, and hands on all others."""

    def __init__(self, app: ASGIApp, table: DirectTable) -> None:
        self._app = app
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        answer = self._table.get((scope["method"], scope["path"]))
        if answer is None or not is_plain(scope):
            await self._app(scope, receive, send)
            return
        scope["path_template"] = scope["path"]
        try:
            json = await answer(scope, await body_of(receive))
        except Exception as exception:  # noqa: BLE001 - as Litestar does: every one is a problem to the client
            await answer_of(logged_problem(exception, scope), scope)(scope, receive, send)
            return
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(json))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": json, "more_body": False})


def is_plain(scope: HTTPScope) -> bool:
    """It says how long its body is, within the limit, and asks for nothing that Litestar knows more about."""
    has_length = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or len(value) > LENGTH_DIGITS_MAX or int(value) > BODY_BYTES_MAX:
                return False
            has_length = True
        elif name == b"origin":
            return False
    return has_length and not scope["root_path"]


async def body_of(receive: Receive) -> bytes:
    """To its end, whatever was said of its length. Raises what Litestar raises of a body that is too long, or cut."""
    pieces, total = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InternalServerException("client disconnected prematurely")
        piece = message.get("body", b"")
        total += len(piece)
        if total > BODY_BYTES_MAX:
            raise RequestEntityTooLarge
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        pieces.append(piece)
