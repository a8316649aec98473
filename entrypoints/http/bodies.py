"""Bodies are JSON, read strictly and straight into their Struct, and what is wrong with one is said by field."""

import json
import re
from functools import cache
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from application.ports.secrets import SignedIn
from entrypoints.http.problems import FieldError, Malformed, MediaTypeUnsupported

BODY_BYTES_MAX = 1_000_000
BODIES = ("data", "body")
"""What a handler calls the body that it takes: as its Struct, or as it came."""

AT_FIELD = re.compile(r" - at `\$\.?(?P<path>.*)`$")
NAMED_FIELD = re.compile(r"(?P<what>unknown|missing required) field `(?P<name>[^`]*)`")


class JsonRequest(Request[SignedIn | None, None, State]):
    """A request whose `data` parameter is decoded from the bytes by msgspec in strict mode.

    Litestar decodes to plain values first and converts them leniently ("999" passes for 999), takes any media
    type for JSON, and lets a RecursionError through.
    """

    async def body(self) -> bytes:
        body = await super().body()
        if body or "data" not in self._parameters:
            return body
        if needs_body(self._parameters["data"].annotation):
            raise Malformed("The body is empty; JSON was expected.", code="malformed_body")
        return b"{}"

    async def json(self) -> Any:
        require_json(self.headers.get("content-type"))
        return decode(await self.body(), self._parameters["data"].annotation)

    @property
    def _parameters(self) -> dict[str, Any]:
        return self.route_handler.parsed_fn_signature.parameters


async def hear_out(request: Request[Any, Any, Any]) -> None:
    """Until the body is there, where something is made of one; what is wrong with it is found later.

    Raises what reading it raises: it may be too long, or break off.
    """
    parameters = request.route_handler.parsed_fn_signature.parameters
    if "once" in request.scope["state"] or not parameters.keys().isdisjoint(BODIES):
        await Request.body(request)


@cache
def needs_body(kind: type[msgspec.Struct]) -> bool:
    """Whether a body of this kind has a field that must be there."""
    return any(field.required for field in msgspec.structs.fields(kind))


def require_json(content_type: str | None) -> None:
    """Raises MediaTypeUnsupported for another media type than JSON in UTF-8; none at all is taken for it."""
    if content_type is None:
        return
    media_type, _, parameters = content_type.lower().partition(";")
    if media_type.strip() != "application/json" or parameters.replace('"', "").strip() not in {"", "charset=utf-8"}:
        raise MediaTypeUnsupported("The body must be application/json in UTF-8.")


def decode(body: bytes, kind: Any) -> Any:
    """The body as a `kind`. Raises Malformed, naming the field where there is one.

    A name that an object has twice is refused: msgspec takes the last, and who looked at the body before us may have
    taken the first.
    """
    try:
        decoded = _decoded(body, kind)
        json.loads(body, object_pairs_hook=_refuse_repeated, parse_int=str, parse_float=str)
        return decoded
    except msgspec.ValidationError as reason:
        raise Malformed(
            "The body is not as documented.", code="malformed_body", errors=[field_error(str(reason))]
        ) from reason
    except (ValueError, RecursionError) as reason:
        said = "JSON nested too deeply" if isinstance(reason, RecursionError) else str(reason)
        raise Malformed(f"The body is not JSON: {said}.", code="malformed_body") from reason


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return decoder(kind).decode(body)
    except msgspec.ValidationError as reason:
        if "got `float`" not in str(reason):
            raise
        # JSON knows one kind of number: to it, and to JSON Schema, 286.0 is 286.
        return msgspec.convert(_with_integers(msgspec.json.decode(body)), kind, str_keys=True)


def _refuse_repeated(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("an object has a name twice")


def _with_integers(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_with_integers(each) for each in value]
        case dict():
            return {name: _with_integers(each) for name, each in value.items()}
        case _:
            return value


@cache
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Made once to a type."""
    return msgspec.json.Decoder(kind)


def field_error(message: str) -> FieldError:
    """msgspec's message taken apart: the path of the field in the body, and what is wrong with it."""
    path = ""
    if found := AT_FIELD.search(message):
        path, message = found["path"], message[: found.start()]
    if named := NAMED_FIELD.search(message):
        path = f"{path}.{named['name']}" if path else named["name"]
        message = "It is required." if named["what"] == "missing required" else "There is no such field."
    return FieldError(path, message)
