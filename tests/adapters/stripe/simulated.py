"""A web application on a real port, and a simulated Stripe on which the tests do what viewers and time do."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from litestar import Litestar

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.stripe.simulator import stripe_simulator

START_SECONDS = 10.0
WEBHOOK_SECRET = "whsec_alice"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@contextlib.contextmanager
def serving(app: Litestar, free: socket.socket) -> Iterator[str]:
    """The address under which the application answers on a socket that is bound already."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [free]})
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive(), "The server did not start."
            assert time.monotonic() < deadline, "The server did not start in time."
            time.sleep(0.01)
        yield address(free)
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def bound() -> Iterator[socket.socket]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free


def address(bound_socket: socket.socket) -> str:
    return f"http://127.0.0.1:{bound_socket.getsockname()[1]}"


@contextlib.contextmanager
def simulated_stripe(folder: Path, now: datetime) -> Iterator["SimulatedStripe"]:
    """Its clock stands still until a test lets time pass; it delivers no webhooks."""
    with bound() as free:
        simulator = stripe_simulator(
            store_path=folder / "stripe.sqlite",
            public_url=address(free),
            webhook_url=None,
            webhook_secret=WEBHOOK_SECRET,
            clock=lambda: now,
        )
        with serving(create_sandbox_app([simulator]), free) as url, contextlib.closing(SimulatedStripe(url)) as stripe:
            yield stripe


class SimulatedStripe:
    """What is done to Stripe and not by the adapter: on the payment page, in the Dashboard, and by time."""

    def __init__(self, url: str) -> None:
        self.api_base = f"{url}/stripe"
        self._http = httpx.Client(base_url=self.api_base, timeout=20, headers={"Authorization": "Bearer sk_test_x"})

    def close(self) -> None:
        self._http.close()

    def pay(self, page_url: str) -> None:
        assert self._http.post(page_url, data={"outcome": "pay"}).status_code == 303

    def let_time_pass(self, to: datetime) -> None:
        self._http.post("/_sandbox/advance", json={"to": to.isoformat()}).raise_for_status()

    def decline_the_card_of(self, customer: str) -> None:
        """Nor does anything try it again before the next renewal."""
        self._http.put("/_sandbox/dunning", json={"retry_days": [], "then": "past_due"}).raise_for_status()
        self.answer_for_the_card_of(customer, "decline")

    def answer_for_the_card_of(self, customer: str, outcome: str) -> None:
        self._http.put(f"/_sandbox/customers/{customer}/card", json={"outcome": outcome}).raise_for_status()

    def create(self, path: str, **form: str) -> dict[str, Any]:
        """By the API, as another program would; `items[0][price]` is how Stripe writes a list."""
        answer = self._http.post(f"/v1/{path}", data=form).raise_for_status()
        return dict[str, Any](answer.json())

    def control(self, path: str, **body: str) -> None:
        """What no API does: a bank, or time."""
        self._http.post(f"/_sandbox/{path}", json=body).raise_for_status()

    def read(self, path: str) -> dict[str, Any]:
        return dict[str, Any](self._http.get(f"/v1/{path}").raise_for_status().json())
