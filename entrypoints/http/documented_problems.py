"""Which problems an operation may answer with, as its OpenAPI document names them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from application.errors import DatabaseUnavailable, NotAllowed, NotFound, NotYetVisible, UnknownPosition
from application.ports.idempotency import IdempotencyKeyReused, RequestInProgress
from application.ports.throttles import RateLimited
from entrypoints.http.authentication import MaybeSignedIn, SignedInAs
from entrypoints.http.problems import PROBLEM_JSON, TYPE_PREFIX, code_of, sentence, status_of
from entrypoints.http.statuses import SPOKEN
from entrypoints.http.throttled import LIMIT, REMAINING, RESET

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "An error, by RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "One sentence for people."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "One stable word for programs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "request_id": {"type": "string", "description": "From 500 on: what finds it in the log."},
        "access": {"$ref": "#/components/schemas/Access"},
        "preview": {
            "description": "Of a 402, where there are previews: the first seconds, to be played from `url`.",
            "type": "object",
            "required": ["url", "token", "expires_at", "seconds"],
            "properties": {
                "url": {"type": "string", "format": "uri"},
                "token": {"type": "string"},
                "expires_at": {"type": "string", "format": "date-time"},
                "seconds": {"type": "integer"},
            },
        },
        "limit": {"type": "integer", "description": "Of `too_many_streams`: how many may play at once."},
        "streams": {
            "type": "array",
            "description": "Of `too_many_streams`: what is playing, oldest first.",
            "items": {
                "type": "object",
                "required": ["session_id", "video_id", "device_id", "started_at", "last_seen_at"],
                "properties": {
                    "session_id": {"type": "string", "format": "uuid"},
                    "video_id": {"type": "string", "format": "uuid"},
                    "device_id": {"type": ["string", "null"]},
                    "started_at": {"type": "string", "format": "date-time"},
                    "last_seen_at": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}

Said = tuple[int, str, str]
"""A status, a code and a sentence."""

BAD_PARAMETER = (400, "invalid_parameter", "A parameter is not as documented.")
BAD_BODY = (400, "malformed_body", "The body is not as documented.")
TOO_LONG = (414, "address_too_long", "The address is too long.")
TOO_LARGE = (413, "body_too_large", "The body is longer than this address takes.")
NOT_JSON = (415, "unsupported_media_type", "The body must be application/json in UTF-8.")
MALFORMED = (400, "malformed_request", "The path is not text.")
NOT_SIGNED_IN = (401, "not_signed_in", "This needs an access token: `Authorization: Bearer ACCESS_TOKEN`.")
INVALID_TOKEN = (401, "invalid_token", "The access token is not good, or over.")
SESSION_ENDED = (401, "session_ended", "This session has ended.")

HEADERS: Mapping[int, Mapping[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {
        **{name: {"schema": {"type": "integer"}} for name in (LIMIT, REMAINING, RESET)},
        "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."},
    },
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
}


def problem_responses(
    *,
    guard: SignedInAs | MaybeSignedIn | None,
    parameters: Sequence[Mapping[str, Any]],
    takes_json: bool,
    asks_database: bool,
    reads: bool,
    throttled: bool,
    idempotent: bool,
    refuses: Iterable[type[Exception] | Said],
) -> dict[str, Any]:
    """The `responses` of an operation beside the good one, by status."""
    said: dict[int, dict[str, str]] = {}
    named = [one if isinstance(one, tuple) else _of_class(one) for one in refuses]
    usual = _usual(guard, {parameter["in"] for parameter in parameters}, takes_json=takes_json, reads=reads)
    if throttled:
        named.append(_of_class(RateLimited))
    if idempotent:
        named += [_of_class(IdempotencyKeyReused), _of_class(RequestInProgress)]
    always = [MALFORMED, _of_class(DatabaseUnavailable)] if asks_database else [MALFORMED]
    for status, code, detail in [*always, *usual, *named]:
        said.setdefault(status, {})[code] = detail
    return {str(status): _response(status, said[status]) for status in sorted(said)}


def _usual(
    guard: SignedInAs | MaybeSignedIn | None, places: set[str], *, takes_json: bool, reads: bool
) -> Iterator[Said]:
    """What follows from the guard, from where the parameters are, and from the body."""
    if places & {"query", "header"}:
        yield BAD_PARAMETER
    if "query" in places:
        yield TOO_LONG
    if takes_json:
        yield from (BAD_BODY, TOO_LARGE, NOT_JSON)
    if isinstance(guard, SignedInAs):
        yield NOT_SIGNED_IN
    if guard is not None:
        yield from (INVALID_TOKEN, SESSION_ENDED)
    if isinstance(guard, SignedInAs) and guard.roles:
        yield _of_class(NotAllowed)
    if "path" in places:
        yield _of_class(NotFound)
    if reads and "header" in places:
        yield from (_of_class(UnknownPosition), _of_class(NotYetVisible))


def _of_class(kind: type[Exception]) -> Said:
    status = status_of(kind)
    assert status is not None, f"{kind.__name__} has no status"
    return status, code_of(kind), SPOKEN.get(kind) or sentence(kind)


def _response(status: int, details: Mapping[str, str]) -> dict[str, Any]:
    return {
        "description": "\n".join(f"* `{code}`: {detail}" for code, detail in details.items()),
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(status, code, detail)} for code, detail in details.items()},
            }
        },
        **({"headers": HEADERS[status]} if status in HEADERS else {}),
    }


def _example(status: int, code: str, detail: str) -> dict[str, Any]:
    example = {
        "type": TYPE_PREFIX + code,
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": "/v1/…",
        "code": code,
    }
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        example["request_id"] = "0f5bb4b1-7d5e-4c89-a0c8-6c2f0f6c3a2e"
    return example
