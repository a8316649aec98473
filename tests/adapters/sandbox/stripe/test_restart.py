"""What the simulator knows outlives its process: stopped in peace, or killed in the middle of a purchase."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.adapters.sandbox.stripe.conftest import Start
from tests.adapters.sandbox.stripe.harness import Receiver, Sandbox, at

ROOT = Path(__file__).parents[4]


def test_a_restart_changes_nothing(start: Start) -> None:
    with start(None) as sandbox:
        subscription = sandbox.subscribe(sandbox.price(999), customer_email="alice@example.org")
        open_session = sandbox.session(sandbox.price(1999))
        made = sandbox.api.customers.create({"name": "Bob"}, {"idempotency_key": "k1"})
        sandbox.card(subscription.customer, "decline")
        types = sandbox.types()

    with start(None) as sandbox:
        assert sandbox.reread(subscription) == subscription
        assert sandbox.types() == types
        assert sandbox.api.customers.create({"name": "Bob"}, {"idempotency_key": "k1"}).id == made.id
        assert sandbox.choose(open_session, "pay").status_code == 303
        sandbox.advance(at("2026-03-01T00:00:00"))
        assert sandbox.reread(subscription).status == "past_due"

    with start(None) as sandbox:
        assert sandbox.api.customers.create().created == made.created + 29 * 86_400 - 12 * 3600


def test_what_was_held_back_is_still_held_back_and_then_comes(start: Start, receiver: Receiver) -> None:
    with start(receiver.url) as sandbox:
        sandbox.deliveries(hold=True)
        sandbox.api.customers.create()

    with start(receiver.url) as sandbox:
        assert sandbox.pending() == 1
        assert receiver.events == []
        sandbox.deliveries()
        sandbox.settle()

    assert receiver.types == ["customer.created"]


def test_a_killed_process_leaves_no_half_purchase(start: Start, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.adapters.sandbox.stripe.dying", str(tmp_path / "stripe" / "sandbox.sqlite")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            with closing(Sandbox(process.stdout.readline().strip())) as doomed:
                session = doomed.session(doomed.price(999))
                with pytest.raises(httpx.RemoteProtocolError):
                    doomed.choose(session, "pay")
            assert process.wait(10) == -signal.SIGKILL
        finally:
            process.kill()

    with start(None) as sandbox:
        assert sandbox.types() == ["product.created", "price.created"]
        assert sandbox.api.customers.list().data == []
        assert sandbox.api.subscriptions.list({"status": "all"}).data == []
        again = sandbox.http.post(f"/checkout/{session.id}", data={"outcome": "pay"})
        assert again.status_code == 303
        assert [one.status for one in sandbox.api.subscriptions.list().data] == ["active"]
