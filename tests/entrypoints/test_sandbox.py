"""The sandbox that is run alone: its events go where it is told."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import stripe
from litestar.testing import TestClient

from entrypoints.settings import Settings
from entrypoints.wiring import sandbox_app

SECRET = "whsec_of_another_program"
PATIENCE_SECONDS = 10.0


class AnotherProgram(HTTPServer):
    """Takes one delivery, and keeps the event that was signed for it."""

    taken: stripe.Event | None = None


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, AnotherProgram)
        self.server.taken = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Settings(data_dir=tmp_path, stripe_webhook_secrets=SECRET, port=free.getsockname()[1])


def test_another_program_gets_the_events(settings: Settings) -> None:
    with AnotherProgram(("127.0.0.1", 0), Webhook) as other:
        other.timeout = PATIENCE_SECONDS
        waiting = threading.Thread(target=other.handle_request)
        waiting.start()
        with sandbox_app(settings, "", f"http://127.0.0.1:{other.server_port}/") as app, TestClient(app) as client:
            client.post("/stripe/v1/customers", headers={"Authorization": "Bearer sk_test_x"})
            waiting.join()

        assert other.taken
        assert other.taken.type == "customer.created"
