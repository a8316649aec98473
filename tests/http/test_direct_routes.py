"""A route that is answered before Litestar answers as Litestar does: the same odd requests are put to both."""

import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from adapters.memory.idempotency import MemoryKeptAnswers
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.tracing.unrecorded import UnrecordedSpans
from application.errors import DatabaseUnavailable
from application.ports.deliveries import Delivery
from application.webhooks import Webhooks
from entrypoints.development_secrets import with_development_secrets
from entrypoints.http.app import create_app
from entrypoints.http.assembly import assemble
from entrypoints.http.authentication import MaybeSignedIn
from entrypoints.http.direct import DirectRoutes
from entrypoints.http.direct_playback import PLAYBACK_PATH
from entrypoints.http.metrics import Observed
from entrypoints.http.middleware import Ahead
from entrypoints.http.webhooks import STRIPE_PATH, WebhookController, receive_stripe
from tests.http.running import Service
from tests.http.small_app import UNTHROTTLED, wait_for, who_is
from tests.http.test_webhooks import EVENT

pytestmark = pytest.mark.anyio

SHOP = "https://shop.test"
LIMIT = 1_000_000
Headers = Sequence[tuple[bytes, bytes]]


class Asked(NamedTuple):
    """A request as ASGI has it, and the status that it gets; `signed` is put into the place of {signed}."""

    status: int
    bodies: Sequence[bytes] = (EVENT,)
    headers: Headers = ((b"content-length", b"%d" % len(EVENT)), (b"stripe-signature", b"{signed}"))
    method: str = "POST"
    path: str = STRIPE_PATH
    more: Mapping[str, Any] = {}
    leaves: bool = False
    hosts: Sequence[bytes] = (b"streamly.test",)


class Answered(NamedTuple):
    """Everything that a client and the log are told."""

    messages: list[dict[str, Any]]
    logged: list[tuple[object, ...]]


SIGNED = (b"stripe-signature", b"{signed}")


def length(value: bytes | int) -> tuple[bytes, bytes]:
    return b"content-length", value if isinstance(value, bytes) else b"%d" % value


def with_headers(*headers: tuple[bytes, bytes]) -> Headers:
    return (length(len(EVENT)), SIGNED, *headers)


ODD = {
    "plain": Asked(200),
    "in pieces": Asked(200, bodies=[EVENT[:10], b"", EVENT[10:]]),
    "of no length": Asked(200, headers=[SIGNED]),
    "in pieces, of no length": Asked(200, bodies=[EVENT[:10], EVENT[10:]], headers=[SIGNED]),
    "with a signature too many before": Asked(400, headers=[length(len(EVENT)), SIGNED, (b"stripe-signature", b"t=1")]),
    "with a signature too many behind": Asked(200, headers=[length(len(EVENT)), (b"stripe-signature", b"t=1"), SIGNED]),
    "not signed": Asked(400, headers=[length(len(EVENT))]),
    "signed in no script": Asked(400, headers=[length(len(EVENT)), (b"stripe-signature", b"t=1,v1=\xff")]),
    "empty": Asked(400, bodies=[b""], headers=[length(0), SIGNED]),
    "no event": Asked(400, bodies=[b"{}"], headers=[length(2), SIGNED]),
    "no text": Asked(400, bodies=[b"\xff\xfe"], headers=[length(2), SIGNED]),
    "as long as may be": Asked(400, bodies=[b"x" * LIMIT], headers=[length(LIMIT), SIGNED]),
    "too long": Asked(413, bodies=[b"x" * (LIMIT + 1)], headers=[length(LIMIT + 1), SIGNED]),
    "too long, it says": Asked(413, headers=[length(LIMIT + 1), SIGNED]),
    "too long, and says less": Asked(413, bodies=[b"x" * LIMIT, b"x"], headers=[length(5), SIGNED]),
    "too long, and says nothing": Asked(413, bodies=[b"x" * LIMIT, b"x"], headers=[SIGNED]),
    "longer than it says": Asked(200, headers=[length(5), SIGNED]),
    "shorter than it says": Asked(200, headers=[length(900_000), SIGNED]),
    "of a length in words": Asked(400, headers=[length(b"many"), SIGNED]),
    "of a length below nothing": Asked(200, headers=[length(b"-1"), SIGNED]),
    "of a length with a sign": Asked(200, headers=[length(b"+5"), SIGNED]),
    "of a length without end": Asked(413, headers=[length(b"9" * 1000), SIGNED]),
    "of a length in another script": Asked(400, headers=[length("²".encode()), SIGNED]),
    "of two lengths": Asked(413, headers=[length(LIMIT + 1), length(5), SIGNED]),
    "left before the body": Asked(400, bodies=[], leaves=True),
    "left in the body": Asked(400, bodies=[EVENT[:10]], leaves=True),
    "left after the body": Asked(200, bodies=[EVENT], leaves=True),
    "of another media type": Asked(200, headers=with_headers((b"content-type", b"text/plain"))),
    "from a page that is let in": Asked(200, headers=with_headers((b"origin", SHOP.encode()))),
    "from another page": Asked(200, headers=with_headers((b"origin", b"https://evil.test"))),
    "refused, from a page": Asked(400, headers=[length(len(EVENT)), (b"origin", SHOP.encode())]),
    "to a host and a port": Asked(200, hosts=[b"api.shop.test:8000"]),
    "to no host": Asked(400, hosts=[]),
    "to no host, in HTTP/1.0": Asked(200, hosts=[], more={"http_version": "1.0"}),
    "to two hosts": Asked(400, hosts=[b"streamly.test", b"streamly.test"]),
    "to what is no host": Asked(400, hosts=[b"a b"]),
    "with a token": Asked(200, headers=with_headers((b"authorization", b"Bearer nonsense"))),
    "with a position": Asked(200, headers=with_headers((b"ledger-position", b"nonsense"))),
    "with too many headers": Asked(431, headers=with_headers(*[(b"x-%d" % n, b"") for n in range(120)])),
    "with a query": Asked(200, more={"query_string": b"a=1"}),
    "with a query without end": Asked(414, more={"query_string": b"a" * 9000}),
    "encrypted": Asked(200, more={"scheme": "https"}),
    "below another path": Asked(404, more={"root_path": "/v1"}),
    "with a slash behind": Asked(200, path=STRIPE_PATH + "/"),
    "with a slash too many": Asked(200, path="/v1//webhooks/stripe"),
    "in capitals": Asked(404, path=STRIPE_PATH.upper()),
    "OPTIONS": Asked(204, method="OPTIONS"),
    "OPTIONS, from a page": Asked(204, method="OPTIONS", headers=[(b"origin", SHOP.encode())]),
    **{method: Asked(405, method=method) for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")},
}


class Inbox:
    """One that is in trouble."""

    def __init__(self, trouble: Exception) -> None:
        self.trouble = trouble

    async def keep(self, delivery: Delivery, **_: object) -> bool:
        raise self.trouble


def application(webhooks: Webhooks, *, direct: bool) -> Litestar:
    return assemble(
        versioned=[WebhookController],
        provided={"webhooks": webhooks},
        who_is=who_is,
        wait_for=wait_for,
        throttling=UNTHROTTLED,
        kept_answers=MemoryKeptAnswers(),
        observed=Observed(PrometheusMetrics().requests, UnrecordedSpans()),
        cors_origins=[SHOP],
        ahead=Ahead({("POST", STRIPE_PATH): receive_stripe(webhooks)}) if direct else Ahead(),
    )


def signature(service: Service, body: bytes) -> bytes:
    secret = with_development_secrets(service.house.settings).stripe_webhook_secrets
    moment = b"%d" % time.time()
    return b"t=%b,v1=%b" % (moment, hmac.new(secret.encode(), moment + b"." + body, sha256).hexdigest().encode())


async def put(app: Litestar, asked: Asked, signed: bytes, caplog: pytest.LogCaptureFixture) -> Answered:
    """The request put to an application, and what came of it."""
    caplog.clear()
    hosts = [(b"host", host) for host in asked.hosts]
    headers = hosts + [(name, signed if value == b"{signed}" else value) for name, value in asked.headers]
    bodies = [{"type": "http.request", "body": body, "more_body": True} for body in asked.bodies]
    if bodies and (not asked.leaves or asked.status == 200):
        bodies[-1]["more_body"] = False
    received, sent = [*bodies, {"type": "http.disconnect"}], list[dict[str, Any]]()

    async def receive() -> Any:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    with caplog.at_level(logging.INFO, "streamly"):
        await app(_scope(asked, [(b"x-request-id", b"one"), *headers]), receive, send)  # type: ignore[arg-type]
    told = ("method", "route", "status", "request_id", "account_id", "code", "why", "levelname", "exc_text")
    records = [vars(record) for record in caplog.records if record.name.startswith("streamly")]
    return Answered(sent, [(record["name"], *(record.get(name) for name in told)) for record in records])


def _scope(asked: Asked, headers: Headers) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 5000),
        "scheme": "http",
        "root_path": "",
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": b"",
        "headers": list(headers),
        "state": {},
        **asked.more,
    }


@pytest.mark.parametrize("asked", [pytest.param(asked, id=name) for name, asked in ODD.items()])
async def test_both_ways_give_one_answer(service: Service, asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    webhooks = service.house.webhooks
    signed = signature(service, b"".join(asked.bodies))

    usual = await put(application(webhooks, direct=False), asked, signed, caplog)
    direct = await put(application(webhooks, direct=True), asked, signed, caplog)

    assert usual.messages[0]["status"] == asked.status
    assert direct.messages == usual.messages
    assert direct.logged == usual.logged
    assert [line[0] for line in direct.logged].count("streamly.access") == 1


@pytest.mark.parametrize(
    ("trouble", "status"), [(DatabaseUnavailable("away"), 503), (ZeroDivisionError("the secret is 42"), 500)]
)
async def test_trouble_of_ours_is_told_alike(
    service: Service, trouble: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    webhooks = replace(service.house.webhooks, inbox=Inbox(trouble))  # type: ignore[arg-type]  # all that is called
    signed = signature(service, EVENT)

    usual, direct = [
        await put(application(webhooks, direct=way), Asked(status), signed, caplog) for way in (False, True)
    ]

    assert usual.messages[0]["status"] == status
    assert direct.messages == usual.messages
    assert [line[:-1] for line in direct.logged] == [line[:-1] for line in usual.logged]
    assert [line[0] for line in direct.logged] == ["streamly.http", "streamly.access"]


async def _nowhere(*_: object) -> None:
    raise AssertionError("it came as far as Litestar")


async def test_what_is_plain_does_not_come_as_far_as_litestar(service: Service) -> None:
    routes = DirectRoutes(_nowhere, {("POST", STRIPE_PATH): receive_stripe(service.house.webhooks)})
    reached = {name: await _reaches(routes, asked, signature(service, EVENT)) for name, asked in ODD.items()}

    assert reached["plain"] is False
    assert reached["in pieces"] is False
    assert reached["of no length"] is True
    assert reached["OPTIONS"] is True
    assert reached["from another page"] is True


async def _reaches(app: Callable[..., Awaitable[None]], asked: Asked, signed: bytes) -> bool:
    headers = [(name, signed if value == b"{signed}" else value) for name, value in asked.headers]

    async def receive() -> Any:
        return {"type": "http.request", "body": EVENT, "more_body": False}

    async def send(message: Any) -> None:
        pass

    with suppress(AssertionError):
        await app(_scope(asked, headers), receive, send)
        return False
    return True


async def test_every_direct_route_stands_with_litestar_too_and_asks_no_more_than_it_can(service: Service) -> None:
    app = create_app(service.house)
    standing = {
        (str(method), route.path_format): handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
    }
    routes: DirectRoutes = app.asgi_handler._app  # type: ignore[attr-defined]
    open_to_all = set(routes._table)
    by_whom = {(template.method, template.path) for template in routes._templates}

    assert (open_to_all, by_whom) == ({("POST", STRIPE_PATH)}, {("POST", PLAYBACK_PATH)})
    for place in open_to_all:
        assert not standing[place].resolve_guards()
        assert "throttled" not in standing[place].opt
    for place in by_whom:
        assert [type(guard) for guard in standing[place].resolve_guards()] == [MaybeSignedIn]
        assert standing[place].opt["throttled"].strangers_only
    assert not any(standing[place].middleware for place in open_to_all | by_whom)
