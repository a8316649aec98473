"""What every answer gets, also a 404: a request id, safe headers, a line in the log, limits on what came in."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from os import urandom
from time import perf_counter
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from application.ports.throttles import Standing
from application.tracing import ERROR_TYPE, Attributes, Trace, begin
from entrypoints.http.any_page import ForAnyPage
from entrypoints.http.direct import NOTHING_DIRECT, DirectRoutes, DirectTable
from entrypoints.http.metrics import Observed
from entrypoints.http.problems import LAST_WORDS, PROBLEM, Problem, answer_of
from entrypoints.http.shared_pages import SharedPages
from entrypoints.http.throttled import standing_headers

PATH_BYTES_MAX = 4096
QUERY_BYTES_MAX = 8192
HEADER_COUNT_MAX = 100
HEADER_BYTES_MAX = 32_768

CLOSE = {"Connection": "close"}
"""Of whoever sends such a head nothing more is read."""

Header = tuple[bytes, bytes]

A_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
"""A name or an address, and a port (RFC 9110, section 7.2). What it says is used for nothing."""

SAFE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")

access_log = logging.getLogger("streamly.access")


class Ahead(NamedTuple):
    """What is answered before Litestar, which has a handler with the same answers for each.

    `direct`: plain requests never reach it. `shared`: at these paths what it answers is given for a second to all who
    ask the same.
    """

    direct: DirectTable = NOTHING_DIRECT
    shared: Collection[str] = ()


NOTHING_AHEAD: Final = Ahead()


def surround(app: Litestar, ahead: Ahead, observed: Observed) -> None:
    """Put these around the whole application: Litestar runs its own middleware only where it found a route."""
    routed = SharedPages(ForAnyPage(TrueAllow(app.asgi_handler)), ahead.shared)
    app.asgi_handler = EveryRequest(DirectRoutes(routed, ahead.direct), observed)


class EveryRequest:
    """Bounds what came in, and gives the answer its id, its safe headers and its line in the log; counts and traces it.

    One layer for all of it: a coroutine and a `send` to each would take as long as what they do. The id is a client's
    X-Request-ID where that is safe to log. The line names the route, never the path: a path may hold a token.
    """

    def __init__(self, app: ASGIApp, observed: Observed) -> None:
        self._app = app
        self._requests, self._spans = observed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = perf_counter(), 500
        method = str(scope.get("method", scope["type"]))
        self._requests.began(method)
        id, former = id_and_trace_of(scope)
        scope["state"]["request_id"] = id
        this = begin(self._spans, method, kind="server", after=former, notes={"request_id": id})

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*surely_safe(message["headers"], scope), (b"x-request-id", id.encode("ascii"))]
            await send(message)

        try:
            if scope["type"] == ScopeType.HTTP and (problem := beyond_limits(scope)):
                await answer_of(problem, scope)(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)
        finally:
            seconds = perf_counter() - started
            if (said := scope["state"].get(LAST_WORDS)) is not None:
                # Whatever the application has said since, nobody heard it.
                status, scope["state"][PROBLEM] = said.status, said.code
            self._requests.ended(method, scope.get("path_template"), status, seconds)
            access_log.info("answered", extra=logged(scope, status, seconds, this.notes))
            if self._spans.records:
                this.end(name=named(method, scope), attributes=told(method, scope, status))
            else:
                this.end()


def is_host(value: bytes) -> bool:
    """Litestar raises where it reads a port, or an address of IPv6, that there cannot be."""
    if not A_HOST.fullmatch(value):
        return False
    if value[:1] != b"[" and b":" not in value:
        return True
    try:
        return urlsplit(f"//{value.decode('ascii')}").port != 0
    except ValueError:
        return False


def id_and_trace_of(scope: Scope) -> tuple[str, Trace | None]:
    """The first X-Request-ID, or one that is made; and what the one `traceparent` says, if it says anything."""
    given, traceparents = b"", list[bytes]()
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = given or value
        elif name == b"traceparent":
            traceparents.append(value)
    id = given.decode("ascii") if SAFE_ID.fullmatch(given) else new_id()
    return id, Trace.of(traceparents[0].decode("latin-1")) if len(traceparents) == 1 else None


def new_id() -> str:
    """A random UUID, in half of the time of uuid4."""
    made = urandom(16).hex()
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-a{made[17:20]}-{made[20:]}"


def logged(scope: Scope, status: int, seconds: float, notes: Mapping[str, object]) -> dict[str, object]:
    """What is known of a request without its path, query, headers and bodies.

    The account is that of who asks; where somebody tries to get in, the one that they try to get into. `code` is that
    of the problem by which it was refused.
    """
    return {
        "method": scope.get("method", scope["type"]),
        "route": scope.get("path_template"),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "request_id": notes["request_id"],
        "account_id": notes.get("account_id"),
        "code": scope["state"].get(PROBLEM),
    }


def named(method: str, scope: Scope) -> str:
    """A request's span, as OpenTelemetry's convention has it."""
    return f"{method} {route}" if (route := scope.get("path_template")) else method


def told(method: str, scope: Scope, status: int) -> Attributes:
    """What a span tells of a request; as little of its address and its bodies as the log."""
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "http.response.status_code": status,
        "url.scheme": scope["scheme"],
    }
    if route := scope.get("path_template"):
        attributes["http.route"] = route
    return attributes | {ERROR_TYPE: str(status)} if status >= HTTPStatus.INTERNAL_SERVER_ERROR else attributes


# As ASGI has them: every answer gets these, and Litestar's map of headers takes a tenth of the time of a short one.
SAFE_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""Also what lies below our host: who stood in for a name there could set cookies for this one."""


def surely_safe(headers: Iterable[Header], scope: Scope) -> list[Header]:
    """With the strictest headers, where a handler has not said otherwise, and how much the client may still ask."""
    given = {name.lower() for name, _ in headers}
    safe = [*headers, *[header for header in SAFE_HEADERS if header[0] not in given]]
    if scope["scheme"] == "https":
        safe.append(STRICT_TRANSPORT)
    standing: Standing | None = scope["state"].get("standing")
    if standing is not None:
        safe.extend(standing_headers(standing))
    return safe


def beyond_limits(scope: Scope) -> Problem | None:
    """What is wrong with the size or the spelling of a request's head; None when nothing is."""
    headers = scope["headers"]
    sizes = [len(name) + len(value) for name, value in headers]
    if len(sizes) > HEADER_COUNT_MAX or sum(sizes) > HEADER_BYTES_MAX:
        return Problem(
            status=431, code="headers_too_large", detail="There are too many headers, or too long ones.", headers=CLOSE
        )
    if len(scope["path"]) > PATH_BYTES_MAX or len(scope["query_string"]) > QUERY_BYTES_MAX:
        return Problem(status=414, code="address_too_long", detail="The address is too long.", headers=CLOSE)
    if "\0" in scope["path"] or "\ufffd" in scope["path"]:
        return Problem(status=400, code="malformed_request", detail="The path is not text.", headers=CLOSE)
    hosts = [value for name, value in headers if name == b"host"]
    if (len(hosts) != 1 or not is_host(hosts[0])) and (hosts or scope["http_version"] != "1.0"):
        return Problem(status=400, code="malformed_request", detail="A request names one host.", headers=CLOSE)
    return None


OPTIONS_SAY = "options_say"
"""The option of a handler that names what else is said to OPTIONS at its address, which Litestar itself answers."""
PREFLIGHT_REFUSED = "preflight_refused"


class TrueAllow:
    """Names every method of an address in the answer to OPTIONS: Litestar 2 knows those of one handler (its #4169).

    And names for the log what it refuses in plain text: a page that asks from an origin which is not let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "OPTIONS":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.BAD_REQUEST:
                scope["state"].setdefault(PROBLEM, PREFLIGHT_REFUSED)
            elif message["type"] == "http.response.start" and (routes := routes_at(scope)):
                headers = MutableScopeHeaders.from_message(message)
                headers["Allow"] = ", ".join(sorted({str(method) for route in routes for method in route.methods}))
                for handler in {handler for route in routes for handler in route.route_handlers}:
                    headers.update(handler.opt.get(OPTIONS_SAY, {}))
            await send(message)

        await self._app(scope, receive, sending)


def routes_at(scope: Scope) -> list[HTTPRoute]:
    """The routes that share the request's address."""
    routes: list[HTTPRoute] = [route for route in scope["litestar_app"].routes if isinstance(route, HTTPRoute)]
    template = scope.get("path_template")
    return [route for route in routes if route.path_format == template]
