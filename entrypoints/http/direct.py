"""Routes that are asked for so often that their plain requests are answered before Litestar, in a fifth of its time.

Each also has a handler of Litestar's, which the API's document is made of and which answers every request that is not
plain, or that a direct answer leaves to it. Both give the same answers, to the byte (tests/http/test_direct_routes.py,
test_direct_playback.py). No position is waited for, no try is counted and no answer kept here: a request that needs one
of these is left to Litestar.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from entrypoints.http.bodies import BODY_BYTES_MAX
from entrypoints.http.problems import answer_of, logged_problem

LENGTH_DIGITS_MAX = 9

Header = tuple[bytes, bytes]


class Answered(NamedTuple):
    """The JSON of a 200, and what its head says besides."""

    json: bytes
    headers: Sequence[Header] = ()


DirectAnswer = Callable[[HTTPScope, bytes, str], Awaitable[Answered | None]]
"""From a request, its body, and the part of its path that stands for the parameter; None leaves it to Litestar.

Raises what the handler in its place raises.
"""

DirectTable = Mapping[tuple[str, str], DirectAnswer]
"""By method and the route's template, which is its name too, with one parameter at most: `/videos/{video_id}`."""

NOTHING_DIRECT: Final[DirectTable] = {}


class Template(NamedTuple):
    """A route whose path has a parameter, taken apart."""

    method: str
    before: str
    after: str
    path: str
    answer: DirectAnswer

    def part(self, method: str, path: str) -> str | None:
        """What stands for the parameter; None where the path is another one."""
        if method != self.method or not path.startswith(self.before) or not path.endswith(self.after):
            return None
        part = path[len(self.before) : len(path) - len(self.after)]
        return part if part and "/" not in part else None


class DirectRoutes:
    """Answers the plain requests for the routes of a table, and hands on all others."""

    def __init__(self, app: ASGIApp, table: DirectTable) -> None:
        self._app = app
        self._table = {place: answer for place, answer in table.items() if "{" not in place[1]}
        self._templates = [_taken_apart(*place, answer) for place, answer in table.items() if "{" in place[1]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or (found := self._find(scope)) is None or not is_plain(scope):
            await self._app(scope, receive, send)
            return
        template, answer, part = found
        received = list[Any]()
        body = await body_of(receive, received)
        try:
            answered = None if body is None else await answer(scope, body, part)
        except Exception as exception:  # noqa: BLE001 - as Litestar does: every one is a problem to the client
            scope["path_template"] = template
            await answer_of(logged_problem(exception, scope), scope)(scope, receive, send)
            return
        if answered is None:
            await self._app(scope, again(received, receive), send)
            return
        scope["path_template"] = template
        json, headers = answered
        head = [*headers, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(json))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": json, "more_body": False})

    def _find(self, scope: HTTPScope) -> tuple[str, DirectAnswer, str] | None:
        method, path = scope["method"], scope["path"]
        if (answer := self._table.get((method, path))) is not None:
            return path, answer, ""
        for template in self._templates:
            if (part := template.part(method, path)) is not None:
                return template.path, template.answer, part
        return None


def _taken_apart(method: str, path: str, answer: DirectAnswer) -> Template:
    before, _, rest = path.partition("{")
    return Template(method, before, rest.partition("}")[2], path, answer)


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


async def body_of(receive: Receive, received: list[Any]) -> bytes | None:
    """To its end, whatever was said of its length, with what came noted; None where it is too long, or cut."""
    total = 0
    while True:
        message = await receive()
        received.append(message)
        if message["type"] != "http.request":
            return None
        total += len(message.get("body", b""))
        if total > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            break
    return received[0].get("body", b"") if len(received) == 1 else b"".join(one.get("body", b"") for one in received)


def again(received: list[Any], receive: Receive) -> Receive:
    """What has come already, and then the rest."""
    waiting = iter(received)

    async def from_the_beginning() -> Any:
        for message in waiting:
            return message
        return await receive()

    return from_the_beginning
