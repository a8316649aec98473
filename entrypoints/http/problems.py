"""Every error as RFC 9457 problem+json: one table from what went wrong to a status, a code and a sentence."""

import logging
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, MethodNotAllowedException, ValidationException
from litestar.response.base import ASGIResponse
from litestar.types import Scope

from application.errors import Unavailable
from application.ports.codes import TooManyCodes
from application.ports.idempotency import RequestInProgress
from application.ports.secrets import TooBusy
from application.ports.throttles import RateLimited
from domain.shared.fact import Refusal
from entrypoints.http.statuses import CODES, SPOKEN, STATUSES

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:problem-type:streamly:"
POSITION_HEADER = "Ledger-Position"
IN_ADDRESSES = "%/:@!$&'()*+,;=~"
PROBLEM = "problem"
"""In a request's state: the code of the problem that it is answered with, for its line in the log."""
LAST_WORDS = "last_words"
"""In a request's state: the problem that its client has been told of, and then hung up on, before it was answered."""

log = logging.getLogger("streamly.http")


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of the body, or one parameter."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One error before it is written down; `more` are members of its own, such as `access`."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    more: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}


INTERNAL_ERROR = Problem(
    status=500,
    code="internal_error",
    detail="Something went wrong on our side; the request id finds it in the log.",
)


class Malformed(Exception):
    """The request cannot be read; `code` says in a word what is wrong with it."""

    status = 400

    def __init__(self, detail: str, *, code: str = "malformed_request", errors: Iterable[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail, self.code, self.errors = detail, code, tuple(errors)


class MediaTypeUnsupported(Malformed):
    """The body is of another media type than the one that is documented."""

    status = 415

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="unsupported_media_type")


def answer_exception(request: Request[Any, Any, Any], exception: Exception) -> Response[bytes]:
    """Litestar's one exception handler: the problem that an exception is."""
    problem = logged_problem(exception, request.scope)
    return Response(
        content=written(problem, request.scope),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers=dict(problem.headers),
    )


def logged_problem(exception: Exception, scope: Scope) -> Problem:
    """The problem that an exception is, of which the log has been told what it is to know."""
    problem = problem_of(exception)
    _log(exception, problem, request_id(scope))
    return problem


def answer_of(problem: Problem, scope: Scope) -> ASGIResponse:
    """As Litestar would answer it, for what is found before Litestar."""
    return ASGIResponse(
        body=written(problem, scope),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers=dict(problem.headers),
    )


def _log(exception: Exception, problem: Problem, request: str) -> None:
    """What operators need and clients are not told: where it broke, what was away, why a link was refused."""
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("a request failed", extra={"request_id": request}, exc_info=exception)
    elif problem.status > HTTPStatus.INTERNAL_SERVER_ERROR or type(exception) in SPOKEN:
        why = str(exception.__cause__ or exception)
        log.warning("a request was refused", extra={"request_id": request, "code": problem.code, "why": why})


def problem_of(exception: Exception) -> Problem:
    """What an exception says to a client; one that nobody foresaw says nothing but that it happened."""
    match exception:
        case Malformed():
            return Problem(
                status=exception.status, code=exception.code, detail=exception.detail, errors=exception.errors
            )
        case HTTPException():
            return _litestar(exception)
        case _ if (status := status_of(type(exception))) is not None:
            return _foreseen(exception, status)
        case _:
            return INTERNAL_ERROR


def status_of(kind: type[Exception]) -> int | None:
    """The status of a class of exceptions, or of the nearest class above it that has one."""
    return next((STATUSES[base] for base in kind.__mro__ if base in STATUSES), None)


def code_of(kind: type[Exception]) -> str:
    """The stable word of a class of exceptions: its name in snake_case, unless the API calls it otherwise."""
    if issubclass(kind, Refusal):
        return kind.code
    return CODES.get(kind) or re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _foreseen(exception: Exception, status: int) -> Problem:
    kind = type(exception)
    more = dict(exception.more) if isinstance(exception, Refusal) else {}
    position = more.pop("ledger_position", None)
    stands_at = {} if position is None else {POSITION_HEADER: str(position)}
    return Problem(
        status=status,
        code=getattr(exception, "code", None) or code_of(kind),
        detail=SPOKEN.get(kind) or str(exception) or sentence(kind),
        more=more,
        headers=_headers(exception, status) | stands_at,
    )


def _headers(exception: Exception, status: int) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="streamly"'}
    if isinstance(exception, Unavailable | TooBusy | RateLimited | RequestInProgress | TooManyCodes):
        return {"Retry-After": str(exception.retry_after_seconds)}
    return {}


def sentence(kind: type[Exception]) -> str:
    """The first line of a class's docstring, for those raised without words of their own."""
    return (kind.__doc__ or kind.__name__).strip().splitlines()[0]


LITESTAR_CODES = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}
LITESTAR_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take that method; the Allow header names those that it takes.",
    413: "The body is longer than this address takes.",
}


def _litestar(exception: HTTPException) -> Problem:
    """What the framework found; its words are replaced where they repeat the address, query and all."""
    status = exception.status_code
    if isinstance(exception, InternalServerException):
        return _internal(exception)
    if isinstance(exception, ValidationException):
        return _invalid_parameters(exception)
    return Problem(
        status=status,
        code=LITESTAR_CODES.get(status) or HTTPStatus(status).name.lower(),
        detail=LITESTAR_DETAILS.get(status) or str(exception.detail),
        headers=_allow(exception) if isinstance(exception, MethodNotAllowedException) else {},
    )


def _internal(exception: InternalServerException) -> Problem:
    if exception.detail == "client disconnected prematurely":
        return Problem(status=400, code="client_disconnected", detail="The body was not sent to its end.")
    return INTERNAL_ERROR


# In the API these are called by words that are Python's own; Litestar tells of the handler's.
PARAMETER_NAMES = {"since": "from", "until": "to"}


def _invalid_parameters(exception: ValidationException) -> Problem:
    errors = tuple(
        FieldError(PARAMETER_NAMES.get(key := str(error["key"]), key), str(error["message"]))
        for error in exception.extra or ()
        if isinstance(error, dict) and "key" in error
    )
    detail = "A parameter is not as documented." if errors else exception.detail.partition(" for ")[0] + "."
    return Problem(status=400, code="invalid_parameter", detail=detail, errors=errors)


def _allow(exception: MethodNotAllowedException) -> dict[str, str]:
    methods = (exception.headers or {}).get("allow", "")
    return {"Allow": ", ".join(sorted(methods.split(", ")))}


def written(problem: Problem, scope: Scope) -> bytes:
    """The body of a problem, by RFC 9457; the request is answered with it."""
    scope["state"][PROBLEM] = problem.code
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.code.replace("_", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        "instance": quote(scope["raw_path"], safe=IN_ADDRESSES),
        "code": problem.code,
    }
    if problem.errors:
        body["errors"] = problem.errors
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        body["request_id"] = request_id(scope)
    return msgspec.json.encode(body | dict(problem.more))


def request_id(scope: Scope) -> str:
    """The id under which this request is found in the log."""
    return str(scope["state"].get("request_id", ""))
