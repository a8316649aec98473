"""What is said before hanging up to who sent no whole request: a problem, with the headers that every answer has."""

from collections.abc import Iterable
from contextvars import Context
from http import HTTPStatus
from typing import Any

from entrypoints.http.metrics import RequestMetrics
from entrypoints.http.middleware import Header, access_log, id_and_trace_of, logged, surely_safe
from entrypoints.http.problems import LAST_WORDS, PROBLEM_JSON, Problem, request_id, written

NO_REQUEST = Problem(status=400, code="malformed_request", detail="This is no HTTP request.")
HEAD_TOO_LARGE = Problem(status=431, code="headers_too_large", detail="The head of the request does not end.")
TOO_SLOW = Problem(status=408, code="request_timeout", detail="The request did not come in time.")
NO_ROOM = Problem(
    status=503,
    code="too_many_connections",
    detail="Others need the room of this connection, on which nothing was asked for long.",
    headers={"Retry-After": "1"},
)


def scope_without_head() -> dict[str, Any]:
    """Of what came before a head was whole: nothing is known of the path, nor of a client's X-Request-ID."""
    return {"type": "http", "method": "_OTHER", "headers": [], "state": {}, "scheme": "http", "raw_path": b""}


def last_words(problem: Problem, scope: Any, headers: Iterable[Header] = ()) -> bytes:
    """An answer as it is sent; nothing follows it.

    `scope` is that of the request whose body was still to come, of which the application tells then, or one without a
    head.
    """
    id = scope["state"]["request_id"] = request_id(scope) or _id_to_be_logged(scope)
    scope["state"][LAST_WORDS] = problem
    body = written(problem, scope)
    said = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in problem.headers.items()]
    said += [*headers, (b"content-type", PROBLEM_JSON.encode("ascii")), (b"content-length", b"%d" % len(body))]
    said += [(b"connection", b"close"), (b"x-request-id", id.encode("ascii"))]
    lines = [b"%b: %b\r\n" % header for header in surely_safe(said, scope)]
    phrase = HTTPStatus(problem.status).phrase.encode("ascii")
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (problem.status, phrase, b"".join(lines), body)


def _id_to_be_logged(scope: Any) -> str:
    """The application has not begun with it: it is going to find this id in the head, whatever the client gave."""
    id, _ = id_and_trace_of(scope)
    scope["headers"].insert(0, (b"x-request-id", id.encode("ascii")))
    return id


def tell_of(problem: Problem, scope: Any, requests: RequestMetrics) -> None:
    """Log and count last words that no application knows of, as it does each answer: a line to a connection."""
    requests.began(scope["method"])
    requests.ended(scope["method"], None, problem.status, 0.0)
    line = logged(scope, problem.status, 0.0, scope["state"])
    # Whatever this connection was asked before is over, and not what the line is about.
    Context().run(access_log.info, "answered", extra=line)
