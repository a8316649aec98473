# pyright: reportMissingImports=false
"""What a collector gets by OTLP from the real SDK, and that there is nothing of it where none is named."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from application.tracing import Trace, begin, part, step, underway
from tests.http.running import Service, running_service

pytest.importorskip("opentelemetry.sdk", reason="the lock has it: `make` installs what is new there")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.opentelemetry.spans import CLOSE_SECONDS, OtelSpans

pytestmark = pytest.mark.anyio

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER, CLIENT, INTERNAL, ERROR = 2, 3, 1, 2


class Seen(NamedTuple):
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    is_error: bool
    attributes: dict[str, Any]


class Collector:
    """Takes what it is sent, and remembers it as it came too."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.spans: list[Seen] = []
        self.raw = b""
        self.asked: list[tuple[str, str | None]] = []

    def take(self, body: bytes) -> None:
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert names["service.name"] == "streamly"
            self.spans += [_seen(span) for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> Seen:
        """The last of its name."""
        return [span for span in self.spans if span.name == name][-1]


def _seen(span: Any) -> Seen:
    values = {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Seen(span.name, *ids, span.kind, span.status.code == ERROR, values)


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taking.asked.append((self.path, self.headers["x-tenant"]))
            taking.take(decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taking = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield taking
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def spans_to(collector: Collector, ratio: float = 1.0) -> OtelSpans:
    return OtelSpans(collector.address, headers={"x-tenant": "cooking"}, ratio=ratio)


def test_a_request_and_its_parts_are_one_trace_after_that_of_who_asked(collector: Collector) -> None:
    spans = spans_to(collector)
    request = begin(spans, "GET", kind="server", after=Trace(TRACE_ID, SPAN_ID, sampled=True), notes={})
    with part("ledger append"), part("Stripe GET", kind="client"):
        inner = underway()
        assert inner is not None
    request.end(name="GET /v1/plans", attributes={"http.response.status_code": 200})
    spans.close()

    asked, append, stripe = (collector.named(name) for name in ("GET /v1/plans", "ledger append", "Stripe GET"))
    assert {each.trace_id for each in collector.spans} == {TRACE_ID}
    assert [each.parent_id for each in (asked, append, stripe)] == [SPAN_ID, asked.span_id, append.span_id]
    assert [each.kind for each in (asked, append, stripe)] == [SERVER, INTERNAL, CLIENT]
    assert asked.attributes == {"http.response.status_code": 200}
    assert stripe.span_id == inner.trace.span_id
    assert collector.asked == [("/v1/traces", "cooking")]


def test_a_step_that_fails_tells_its_class_alone_and_one_without_work_is_none(collector: Collector) -> None:
    spans = spans_to(collector)
    with pytest.raises(ValueError, match="CANARY"), step(spans, "sweep"):
        raise ValueError("CANARY")
    with step(spans, "settle_intents") as this:
        this.idle = True
    with step(spans, "send_letters"):
        pass
    spans.close()

    assert sorted(each.name for each in collector.spans) == ["send_letters", "sweep"]
    assert collector.named("sweep").is_error
    assert collector.named("sweep").attributes == {"error.type": "ValueError"}
    assert not collector.named("send_letters").is_error
    assert collector.named("sweep").trace_id != collector.named("send_letters").trace_id
    assert b"CANARY" not in collector.raw


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, 0), (1.0, 20)])
def test_a_share_of_new_traces_is_kept(collector: Collector, ratio: float, kept: int) -> None:
    spans = spans_to(collector, ratio)
    for _ in range(20):
        this = begin(spans, "GET", notes={})
        assert this.trace.sampled == bool(kept)
        this.end()
    spans.close()

    assert len(collector.spans) == kept


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    spans = OtelSpans("http://127.0.0.1:9", headers={}, ratio=1.0)
    began = time.monotonic()
    for _ in range(5_000):
        begin(spans, "GET", notes={}).end()
    spans.close()

    assert time.monotonic() - began < CLOSE_SECONDS + 4


@pytest.fixture
async def traced(database: str, tmp_path: Path) -> AsyncIterator[tuple[Service, Collector]]:
    with collecting() as collector:
        settings = {
            "otel_exporter_otlp_endpoint": collector.address,
            "otel_exporter_otlp_headers": "x-tenant=cooking",
        }
        async with running_service(database, tmp_path, **settings) as service:
            yield service, collector


async def test_requests_appends_and_calls_to_stripe_are_spans_without_what_is_personal(
    traced: tuple[Service, Collector],
) -> None:
    service, collector = traced
    body = {"email": "CANARY@example.com", "password": "CANARY-of-the-onions", "name": "CANARY"}
    registered = await service.public.post("/v1/auth/register?hint=CANARY", json=body)
    assert registered.status_code == 201
    admin = await service.sign_up("admin")
    await service.plan_on_sale(admin)
    viewer = await service.sign_up()
    plan = (await service.public.get("/v1/plans")).json()["items"][0]
    assert (await viewer.http.post("/v1/checkout", json={"plan_id": plan["id"]})).status_code == 201
    spans = service.house.spans
    assert isinstance(spans, OtelSpans)
    spans.close()

    asked, append, stripe = (
        collector.named(name) for name in ("POST /v1/auth/register", "ledger append", "Stripe POST")
    )
    assert (asked.kind, asked.parent_id) == (SERVER, "")
    assert asked.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "http.route": "/v1/auth/register",
        "url.scheme": "http",
    }
    checkout = collector.named("POST /v1/checkout")
    assert stripe.trace_id == checkout.trace_id != asked.trace_id
    assert stripe.attributes["peer.service"] == "stripe"
    of_register = {each.name for each in collector.spans if each.parent_id == asked.span_id}
    assert "ledger append" in of_register
    assert append.kind == INTERNAL
    assert b"CANARY" not in collector.raw


WITHOUT = """
import sys
import entrypoints.http.app, entrypoints.wiring, entrypoints.worker.worker
print(*[name for name in sys.modules if name.partition(".")[0] == "opentelemetry"])
"""

MISSING = """
import asyncio, sys
from contextlib import AsyncExitStack
from entrypoints.settings import Settings, SettingsInvalid
from entrypoints.wiring.traced import traced

sys.modules["opentelemetry"] = None
try:
    asyncio.run(traced(Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318"), AsyncExitStack()))
except SettingsInvalid as refused:
    print(refused)
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param(WITHOUT, "", id="none is named"),
        pytest.param(MISSING, "OTEL_EXPORTER_OTLP_ENDPOINT: opentelemetry", id="the extra is missing"),
    ],
)
def test_nothing_is_imported_without_need(program: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip().startswith(said)
    assert bool(said) == bool(done.stdout.strip())
