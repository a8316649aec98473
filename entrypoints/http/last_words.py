"""What is said before hanging up to who sent no whole request: a problem, with the headers that every answer has."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from entrypoints.http.middleware import Header, new_id, surely_safe
from entrypoints.http.problems import PROBLEM_JSON, Problem, request_id, written

NO_REQUEST = Problem(status=400, code="malformed_request", detail="This is no HTTP request.")
HEAD_TOO_LARGE = Problem(status=431, code="headers_too_large", detail="The head of the request does not end.")
TOO_SLOW = Problem(status=408, code="request_timeout", detail="The request did not come in time.")
NO_ROOM = Problem(
    status=503,
    code="too_many_connections",
    detail="Others need the room of this connection, on which nothing was asked for long.",
    headers={"Retry-After": "1"},
)


def last_words(problem: Problem, scope: Any = None, headers: Iterable[Header] = ()) -> bytes:
    """An answer as it is sent; nothing follows it.

    `scope` is that of the request whose body was still to come; None: no head was there, so that nothing is known of
    the path, nor of a client's X-Request-ID.
    """
    scope = scope or {"state": {}, "scheme": "http", "raw_path": b""}
    id = scope["state"]["request_id"] = request_id(scope) or new_id()
    body = written(problem, scope)
    said = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in problem.headers.items()]
    said += [*headers, (b"content-type", PROBLEM_JSON.encode("ascii")), (b"content-length", b"%d" % len(body))]
    said += [(b"connection", b"close"), (b"x-request-id", id.encode("ascii"))]
    lines = [b"%b: %b\r\n" % header for header in surely_safe(said, scope)]
    phrase = HTTPStatus(problem.status).phrase.encode("ascii")
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (problem.status, phrase, b"".join(lines), body)
