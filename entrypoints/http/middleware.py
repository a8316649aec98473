"""What every answer gets, also a 404: a request id, safe headers, a line in the log, limits on what came in."""

import logging
import re
from collections.abc import Callable
from time import perf_counter
from uuid import uuid4

from litestar import Litestar
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from application.ports.secrets import SignedIn
from application.ports.throttles import Standing
from entrypoints.http.problems import PROBLEM_JSON, Problem, request_id, written
from entrypoints.http.throttled import standing_headers

PATH_BYTES_MAX = 4096
QUERY_BYTES_MAX = 8192
HEADER_COUNT_MAX = 100
HEADER_BYTES_MAX = 32_768

SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

access_log = logging.getLogger("streamly.access")


def surround(app: Litestar) -> None:
    """Put these around the whole application: Litestar runs its own middleware only where it found a route."""
    app.asgi_handler = RequestIds(AccessLog(SafeHeaders(Limits(TrueAllow(app.asgi_handler)))))


class RequestIds:
    """Takes a client's X-Request-ID where it is safe to log, else makes one, and answers with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers.from_scope(scope).get("x-request-id", "")
        scope["state"]["request_id"] = given if SAFE_ID.fullmatch(given) else str(uuid4())

        def add(start: HTTPResponseStartEvent) -> None:
            start["headers"] = [*start["headers"], (b"x-request-id", request_id(scope).encode("ascii"))]

        await self._app(scope, receive, on_start(send, add))


class AccessLog:
    """One line to a request. It names the route, never the path: a path may hold a token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = perf_counter(), 500

        def note(start: HTTPResponseStartEvent) -> None:
            nonlocal status
            status = start["status"]

        try:
            await self._app(scope, receive, on_start(send, note))
        finally:
            access_log.info("answered", extra=logged(scope, status, perf_counter() - started))


def logged(scope: Scope, status: int, seconds: float) -> dict[str, object]:
    """What is known of a request without its path, query, headers and bodies."""
    viewer: SignedIn | None = scope["state"].get("viewer")
    return {
        "method": scope.get("method", scope["type"]),
        "route": scope.get("path_template"),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "request_id": request_id(scope),
        "account_id": str(viewer.account_id) if viewer else None,
    }


# As ASGI has them: every answer gets these, and Litestar's map of headers takes a tenth of the time of a short one.
SAFE_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class SafeHeaders:
    """The strictest headers, where a handler has not said otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        def add(start: HTTPResponseStartEvent) -> None:
            given = {name.lower() for name, _ in start["headers"]}
            safe = [header for header in SAFE_HEADERS if header[0] not in given]
            if scope["scheme"] == "https":
                safe.append(STRICT_TRANSPORT)
            standing: Standing | None = scope["state"].get("standing")
            if standing is not None:
                safe.extend(standing_headers(standing))
            start["headers"] = [*start["headers"], *safe]

        await self._app(scope, receive, on_start(send, add))


class Limits:
    """Refuses what is too long or cannot be an address here; bodies are counted where they are read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or (problem := beyond_limits(scope)) is None:
            await self._app(scope, receive, send)
            return
        response = ASGIResponse(body=written(problem, scope), status_code=problem.status, media_type=PROBLEM_JSON)
        await response(scope, receive, send)


def beyond_limits(scope: Scope) -> Problem | None:
    """What is wrong with the size or the spelling of a request's head; None when nothing is."""
    sizes = [len(name) + len(value) for name, value in scope["headers"]]
    if len(sizes) > HEADER_COUNT_MAX or sum(sizes) > HEADER_BYTES_MAX:
        return Problem(status=431, code="headers_too_large", detail="There are too many headers, or too long ones.")
    if len(scope["path"]) > PATH_BYTES_MAX or len(scope["query_string"]) > QUERY_BYTES_MAX:
        return Problem(status=414, code="address_too_long", detail="The address is too long.")
    if "\0" in scope["path"] or "\ufffd" in scope["path"]:
        return Problem(status=400, code="malformed_request", detail="The path is not text.")
    return None


class TrueAllow:
    """Names every method of an address in the answer to OPTIONS: Litestar 2 knows those of one handler (its #4169)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "OPTIONS":
            await self._app(scope, receive, send)
            return

        def correct(start: HTTPResponseStartEvent) -> None:
            if methods := methods_at(scope):
                MutableScopeHeaders.from_message(start)["Allow"] = ", ".join(sorted(methods))

        await self._app(scope, receive, on_start(send, correct))


def methods_at(scope: Scope) -> set[str]:
    """All methods of the routes that share the request's address."""
    routes: list[HTTPRoute] = [route for route in scope["litestar_app"].routes if isinstance(route, HTTPRoute)]
    template = scope.get("path_template")
    return {str(method) for route in routes if route.path_format == template for method in route.methods}


def on_start(send: Send, change: Callable[[HTTPResponseStartEvent], None]) -> Send:
    """A `send` that lets the head of the answer be changed or looked at before it goes."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            change(message)
        await send(message)

    return sending
