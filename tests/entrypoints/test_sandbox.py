"""The sandbox that is run alone: its events go where it is told."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import stripe
from click.testing import CliRunner
from litestar.testing import TestClient
from msgspec.structs import replace

from entrypoints.cli.main import main
from entrypoints.settings import Settings
from entrypoints.wiring.sandbox import sandbox_app

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


def test_of_two_on_the_same_books_the_second_is_refused(settings: Settings) -> None:
    with sandbox_app(settings, ""), pytest.raises(OSError, match="another sandbox"), sandbox_app(settings, ""):
        pass
    with sandbox_app(settings, "") as app:
        assert app.routes


def test_without_a_secret_it_says_so(settings: Settings) -> None:
    with (
        pytest.raises(ValueError, match="STRIPE_WEBHOOK_SECRETS"),
        sandbox_app(replace(settings, stripe_webhook_secrets=" , "), ""),
    ):
        pass


@pytest.mark.parametrize("url", ["", "127.0.0.1:5000/webhook", "ftp://a.test/", "http:///webhook", "http://a.test:x/"])
def test_where_its_events_go_is_an_address(url: str) -> None:
    ended = CliRunner().invoke(main, ["sandbox", "--webhook-url", url])

    assert ended.exit_code == 2
    assert "http or https address with a host" in ended.output
