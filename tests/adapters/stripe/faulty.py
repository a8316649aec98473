"""A Stripe that misbehaves as it is told, and remembers what it was asked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, route


class Headlong:
    """A pace that gives every request its turn at once, and counts how often it was to slow down."""

    def __init__(self) -> None:
        self.slowed = 0

    async def turn(self) -> None:
        """At once."""

    async def slow_down(self) -> None:
        self.slowed += 1


@dataclass(frozen=True)
class Answer:
    """`body` is sent as it is when it is bytes, else as JSON."""

    status: int = 200
    body: Any = None
    after_seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    idempotency_key: str | None
    query: dict[str, str] = field(default_factory=dict[str, str])
    traceparent: str | None = None


def error(status: int, message: str = "No.", *, code: str | None = None, **headers: str) -> Answer:
    """A refusal in Stripe's shape."""
    body = {"error": {"type": "invalid_request_error", "code": code, "message": message}}
    return Answer(status, body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class FaultyStripe:
    """Gives `answers` one after the other, and the last one again and again; at `places` always what is there."""

    places: dict[str, Answer] = field(default_factory=dict[str, Answer])
    answers: list[Answer] = field(default_factory=list[Answer])
    requests: list[Asked] = field(default_factory=list[Asked])
    url: str = ""

    def will(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def lists(self, **places: list[dict[str, Any]]) -> None:
        """By the paths of the lists, a slash spelled with two underscores; all others are empty."""
        usual = ["subscriptions", "invoices", "checkout__sessions", "charges", "invoice_payments"]
        self.places = {}
        for kind in {*usual, "refunds", "disputes", *places}:
            page = {"object": "list", "data": places.get(kind, []), "has_more": False}
            self.places[f"/v1/{kind.replace('__', '/')}"] = Answer(body=page)

    def app(self) -> Litestar:
        @route("/{rest:path}", http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.DELETE], status_code=200)
        async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
            key, query = request.headers.get("idempotency-key"), dict(parse_qsl(request.url.query))
            trace = request.headers.get("traceparent")
            self.requests.append(Asked(request.method, request.url.path, key, query, trace))
            given = self.places.get(request.url.path) or self._next()
            await asyncio.sleep(given.after_seconds)
            body = given.body if isinstance(given.body, bytes) else msgspec.json.encode(given.body)
            return Response(body, status_code=given.status, media_type="application/json", headers=given.headers)

        return Litestar([answer], openapi_config=None, logging_config=None)

    def _next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
