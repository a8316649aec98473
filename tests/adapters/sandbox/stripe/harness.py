"""The simulator on a real port, a receiver for what it sends, and the real SDK between a test and both."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import stripe
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal

SECRET = "whsec_of_the_tests"
PATIENCE_SECONDS = 10.0
CANCEL_URL = "http://127.0.0.1:1/plans"
SUCCESS_URL = "http://127.0.0.1:1/welcome?session={CHECKOUT_SESSION_ID}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


@dataclass
class Clock:
    """Business time; it stands still until a test moves it."""

    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Receiver:
    """Verifies every delivery as an application would, keeps the events, and answers what `answers` says, then 200."""

    url: str
    events: list[stripe.Event] = field(default_factory=list)
    signed_at: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Plain ASGI, since a framework would take longer to set up than a test to run."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.take(body, dict(scope["headers"])[b"stripe-signature"].decode())
        status = self.answers.pop(0) if self.answers else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def take(self, body: bytes, signature: str) -> None:
        self.events.append(stripe.Webhook.construct_event(body, signature, SECRET, tolerance=0))
        self.signed_at.append(int(signature.partition(",")[0].removeprefix("t=")))

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


class Sandbox:
    """What a test does with the simulator: by the SDK, on the hosted page, and at the controls."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.http = httpx.Client(base_url=f"{base_url}/stripe", timeout=10, verify=False)  # noqa: S501 - plain HTTP
        self._requests = stripe.RequestsClient(timeout=10)
        self.stripe = stripe.StripeClient(
            "sk_test_x",
            base_addresses={"api": f"{base_url}/stripe"},
            http_client=self._requests,
            max_network_retries=2,
        )
        self.api = self.stripe.v1

    def close(self) -> None:
        self.http.close()
        self._requests.close()  # type: ignore[no-untyped-call]

    def price(self, amount: int = 999, *, interval: str | None = "month", name: str = "Gold", **more: Any) -> str:
        product = self.api.products.create({"name": name})
        recurring: Any = {"recurring": {"interval": interval}} if interval else {}
        wanted: Any = {"product": product.id, "currency": "usd", "unit_amount": amount, **recurring, **more}
        return self.api.prices.create(wanted).id

    def session(self, price: str, *, mode: str = "subscription", **more: Any) -> stripe.checkout.Session:
        wanted: Any = {
            "mode": mode,
            "line_items": [{"price": price, "quantity": 1}],
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            **more,
        }
        return self.api.checkout.sessions.create(wanted)

    def choose(self, session: stripe.checkout.Session, outcome: str) -> httpx.Response:
        """Presses a button on the hosted page."""
        assert session.url
        return self.http.post(session.url, data={"outcome": outcome})

    def subscribe(self, price: str, **more: Any) -> stripe.Subscription:
        """Pays on the hosted page; the subscription that it bought."""
        session = self.session(price, **more)
        assert self.choose(session, "pay").status_code == 303
        bought = self.api.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]}).subscription
        assert isinstance(bought, stripe.Subscription)
        return bought

    def reread(self, subscription: stripe.Subscription) -> stripe.Subscription:
        return self.api.subscriptions.retrieve(subscription.id)

    def paid(self, subscription: stripe.Subscription) -> str:
        """The payment intent that paid the latest invoice."""
        [payment] = self.api.invoice_payments.list({"invoice": str(subscription.latest_invoice)}).data
        return str(payment.payment.payment_intent)

    def advance(self, to: datetime | None) -> None:
        answer = self.http.post("/_sandbox/advance", json={"to": to.isoformat() if to else None})
        assert answer.status_code == 200, answer.text

    def next_due(self) -> datetime | None:
        at = self.http.get("/_sandbox/next_due").json()["at"]
        return datetime.fromisoformat(at) if at else None

    def card(self, customer: Any, outcome: str) -> None:
        answer = self.http.put(f"/_sandbox/customers/{customer}/card", json={"outcome": outcome})
        assert answer.status_code == 200, answer.text

    def control(self, method: str, path: str, **body: Any) -> Any:
        """What a control answers, which must be yes."""
        answer = self.http.request(method, f"/_sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deliveries(self, **mode: Any) -> None:
        answer = self.http.put("/_sandbox/deliveries", json={"mode": mode})
        assert answer.status_code == 200, answer.text

    def pending(self) -> int:
        return int(self.http.get("/_sandbox/pending").json()["pending"])

    def settle(self) -> None:
        """Until every event has been taken or given up."""
        eventually(lambda: self.pending() == 0)

    def happened(self, *, since: datetime | None = None) -> list[stripe.Event]:
        """The events of the API, oldest first."""
        wanted: Any = {"limit": 100} | ({"created": {"gte": unix(since)}} if since else {})
        return self.api.events.list(wanted).data[::-1]

    def types(self, *, since: datetime | None = None) -> list[str]:
        return [event.type for event in self.happened(since=since)]


def plain(obj: Any) -> Any:
    """A map of the SDK as a plain one."""
    return obj.to_dict()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "It did not come true in time."
        time.sleep(0.02)


class Stage:
    """One server, begun once for many tests: it hands each request to the app that is playing."""

    def __init__(self, portal: BlockingPortal, url: str) -> None:
        self.url = url
        self._portal = portal
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    @contextlib.contextmanager
    def playing(self, app: Any, lifespan: AbstractAsyncContextManager[None] | None = None) -> Iterator[None]:
        with self._portal.wrap_async_context_manager(lifespan or contextlib.nullcontext()):
            self._app = app
            yield


@contextlib.contextmanager
def staged() -> Iterator[Stage]:
    # With its protocol named, or asyncio would not switch Nagle's algorithm off, at 40 ms a request.
    with socket.socket(proto=socket.IPPROTO_TCP) as free, start_blocking_portal() as portal:
        free.bind(("127.0.0.1", 0))
        stage = Stage(portal, f"http://127.0.0.1:{free.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(stage, log_level="warning", ws="none", lifespan="off"))
        serving = portal.start_task_soon(server.serve, [free])
        eventually(lambda: server.started or serving.done())
        yield stage
        server.should_exit = True
        serving.result(PATIENCE_SECONDS)
