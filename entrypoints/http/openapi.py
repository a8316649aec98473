"""The OpenAPI document: Litestar's, corrected until it says what the API does (schemathesis holds the two together).

What cannot be seen in a handler's signature it says in options of its own: `refuses` (exceptions, or status, code and
sentence), `throttled` (whose limits it counts against), `takes` (the media type of a raw body), `asks` (headers
that it reads by itself), `says` (all headers of the good answer), `serves` (the media types of files), `streams` (a
second media type of the answer), `conditional` (a part of it may be asked for, or nothing unless it has changed) and
`unready` (503 has the shape of 200).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Tag
from litestar.routes import HTTPRoute

from application.ports.ledger import POSITION_MAX
from domain.access.access import Access
from entrypoints.http.authentication import MaybeSignedIn, SignedInAs
from entrypoints.http.bodies import needs_body
from entrypoints.http.documented_problems import PROBLEM_SCHEMA, problem_responses
from entrypoints.http.examples import example_of
from entrypoints.http.idempotency import KEY_HEADER, KEY_LENGTH_MAX, Idempotent
from entrypoints.http.links import link
from entrypoints.http.problems import POSITION_HEADER

COMPONENT = "#/components/schemas/{name}"
# `Page[entrypoints.http.views.PlanView]` is PageOfPlanView to clients.
GENERIC_NAME = re.compile(rb"(Page)[\[_][\w.]*?(\w+)[\]_](?=\")")
BEARER = "bearer"

DESCRIPTION = """\
Accounts, plans, subscriptions, videos and who may watch them; and the ledger behind every answer.

* JSON in snake_case; a field that is not documented is refused. Times are RFC 3339 in UTC, money is in minor units.
* Every error is `application/problem+json` (RFC 9457), with a stable `code`. Any address may also answer 405 (with
  `Allow`), 414, 431 and 500; an answer of 500 or more carries the `request_id`.
* HEAD is answered for `/health/live`, `/health/ready` and media, as GET without the body.
* Lists take `limit` and `cursor`, and answer `{items, next_cursor}`.
* A request that records facts answers with `Ledger-Position`; a GET that sends it back sees at least that much.
* `Idempotency-Key` on what moves money or makes a thing: asked again within 24 hours under the same key it is done
  once, and answered the same, with `Idempotency-Replayed`.
* What is limited answers with `RateLimit-Limit`, `-Remaining` and `-Reset` (seconds), and 429 with `Retry-After`.
* `X-Request-ID` is taken or made, and is on every answer.
"""

TAGS = {
    "Accounts": "Registering, signing in and staying so.",
    "Plans": "What may be bought.",
    "Subscriptions": "Paying, and what one has paid for.",
    "Payments": "What was paid, failed and went back.",
    "Videos": "The catalogue, and putting videos into it.",
    "Playback": "Watching.",
    "Audit": "The ledger, for those who check it.",
    "Webhooks": "What payment providers send.",
    "Operations": "Whether it runs.",
    "Sandbox": "Development only.",
}


class TrueDocument(OpenAPIRenderPlugin):
    """Serves the corrected document in the place of Litestar's."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=MediaType.JSON)
        self._written: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._written is None:
            self._written = msgspec.json.encode(true_document(request.app))
        return self._written


async def only_the_document(request: Request[Any, Any, Any]) -> None:
    """Under /schema Litestar answers what is not there with a page of HTML."""
    if request.scope["path"] not in {"/schema", "/schema/openapi.json"}:
        raise NotFoundException


def openapi_config(version: str) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Streamly",
        version=version,
        description=DESCRIPTION,
        tags=[Tag(name, text) for name, text in TAGS.items()],
        use_handler_docstrings=True,
        render_plugins=[TrueDocument()],
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, before_request=only_the_document),
    )


@dataclass(frozen=True)
class Operation:
    """One method of one address: how Litestar describes it, and the handler that knows better."""

    path: str
    handler: HTTPRouteHandler
    described: dict[str, Any]

    @property
    def body(self) -> Any:
        """The Struct of the JSON body, if it has one."""
        data = self.handler.parsed_fn_signature.parameters.get("data")
        return data.annotation if data else None

    @property
    def answer(self) -> Any:
        """The type of the JSON answer; None for none, and for files and text."""
        if self.has("serves"):
            return None
        returned = self.handler.parsed_fn_signature.return_type
        if returned.is_union or self._wraps:
            returned = returned.inner_types[0]
        return None if returned.is_none_type or returned.is_subclass_of((Response, str)) else returned.raw

    @property
    def records(self) -> bool:
        """Whether it answers with a position of the ledger."""
        return self._wraps and not self.has("unready") and not self.has("says")

    @property
    def _wraps(self) -> bool:
        """Whether it answers `Response[...]`, and not a file or a stream."""
        return not self.has("serves") and self.handler.parsed_fn_signature.return_type.origin is Response

    @property
    def is_idempotent(self) -> bool:
        """Whether it takes an idempotency key."""
        return Idempotent in self.handler.resolve_middleware()

    def has(self, option: str) -> bool:
        return option in self.handler.opt

    @cached_property
    def guard(self) -> SignedInAs | MaybeSignedIn | None:
        guards = self.handler.resolve_guards()
        return next((guard for guard in guards if isinstance(guard, SignedInAs | MaybeSignedIn)), None)


def true_document(app: Litestar) -> dict[str, Any]:
    """The document of an application, corrected."""
    document = deepcopy(app.openapi_schema.to_schema())
    operations = list(_operations(app, document))
    by_kind, components = _schemas([kind for one in operations for kind in (one.body, one.answer) if kind is not None])
    components["Problem"] = PROBLEM_SCHEMA
    document["components"] = {
        "schemas": components,
        "securitySchemes": {BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
    for operation in operations:
        _correct(operation, by_kind, components)
    link(document)
    return document


def _operations(app: Litestar, document: Mapping[str, Any]) -> Iterator[Operation]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            described = document["paths"].get(route.path_format, {}).get(method.lower())
            if described is not None:
                yield Operation(route.path_format, handler, described)


def _schemas(kinds: Sequence[Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type and the components that they name, by msgspec, which also reads the bodies."""
    kinds = [Access, *kinds]
    made = msgspec.json.encode(msgspec.json.schema_components(kinds, ref_template=COMPONENT))
    schemas, components = msgspec.json.decode(GENERIC_NAME.sub(rb"\1Of\2", made))
    return dict(zip(kinds, schemas, strict=True)), components


def _correct(operation: Operation, by_kind: Mapping[Any, Any], components: Mapping[str, Any]) -> None:
    described, opt = operation.described, operation.handler.opt
    described["security"] = _security(operation.guard)
    described["parameters"] = [*map(_parameter, described.get("parameters", [])), *_own_parameters(operation)]
    if operation.body is not None:
        content = _json(by_kind[operation.body], components)
        described["requestBody"] = {"required": needs_body(operation.body), "content": content}
    if operation.has("takes"):
        described["requestBody"] = {"required": True, "content": {opt["takes"]: {}}}
    good = str(operation.handler.status_code)
    described["responses"] = {
        good: _answer(operation, described["responses"][good], by_kind, components),
        **problem_responses(
            guard=operation.guard,
            parameters=described["parameters"],
            takes_json=operation.body is not None,
            asks_database=not operation.path.startswith("/health/"),
            reads=operation.handler.http_methods == {"GET"},
            throttled="throttled" in opt,
            idempotent=operation.is_idempotent,
            refuses=opt.get("refuses", ()),
        ),
    }
    if operation.has("conditional"):
        described["responses"] |= CONDITIONAL
    if operation.has("unready"):
        described["responses"]["503"] = {**described["responses"][good], "description": "It cannot do its work now."}


def _answer(
    operation: Operation, described: Mapping[str, Any], by_kind: Mapping[Any, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    """The good answer."""
    handler = operation.handler
    answer: dict[str, Any] = {"description": described["description"]}
    if operation.answer is not None:
        answer["content"] = _json(by_kind[operation.answer], components)
    elif handler.status_code != HTTPStatus.NO_CONTENT:
        answer["content"] = {media_type: {} for media_type in handler.opt.get("serves", [handler.media_type])}
    if operation.has("streams"):
        answer["content"][operation.handler.opt["streams"]] = {}
    if operation.records:
        answer["headers"] = {POSITION_HEADER: {"required": True, "schema": POSITION, "description": RECORDED}}
    if operation.has("says"):
        answer["headers"] = dict(handler.opt["says"])
    return answer


def _parameter(described: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out cannot be null: what is in an address is text."""
    schema = dict(described["schema"])
    for choice in schema.pop("oneOf", []):
        if choice != {"type": "null"}:
            schema |= choice
    if isinstance(words := schema.get("enum"), list):
        schema |= {"enum": [word for word in words if word is not None], "type": "string"}
    kept = ("name", "in", "required", "description")
    return {name: described[name] for name in kept if name in described} | {"schema": schema}


POSITION = {"type": "integer", "minimum": 0, "maximum": POSITION_MAX, "examples": [1201]}
RECORDED = "Where the ledger stands after this."
READ = "See at least this much of the ledger; it is what an earlier answer had in its `Ledger-Position`."


CONDITIONAL = {
    "206": {"description": "The part that `Range` asked for."},
    "304": {"description": "What the client has is still so."},
}

IDEMPOTENCY_KEY = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "Asked again under the same key within 24 hours it is done once and answered the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "examples": ["b2b0a2d0-grant-1"]},
}


def _own_parameters(operation: Operation) -> Sequence[dict[str, Any]]:
    """What Litestar does not know of."""
    if operation.has("asks"):
        return list(operation.handler.opt["asks"])
    if operation.is_idempotent:
        return [IDEMPOTENCY_KEY]
    if operation.handler.http_methods != {"GET"} or not operation.path.startswith("/v1/"):
        return []
    return [{"name": POSITION_HEADER, "in": "header", "required": False, "description": READ, "schema": POSITION}]


def _security(guard: SignedInAs | MaybeSignedIn | None) -> list[dict[str, list[str]]]:
    match guard:
        case SignedInAs():
            return [{BEARER: []}]
        case MaybeSignedIn():
            return [{}, {BEARER: []}]
        case None:
            return [{}]


def _json(schema: dict[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example_of(schema, components)}}
