"""What the simulator knows outlives its process: stopped in peace, or killed in the middle of a purchase."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import stripe

from tests.adapters.sandbox.stripe.conftest import Start
from tests.adapters.sandbox.stripe.harness import Receiver, Sandbox, at, eventually

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
    store = tmp_path / "stripe" / "sandbox.sqlite"
    command = [sys.executable, "-m", "tests.adapters.sandbox.stripe.serving", str(store)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        with closing(Sandbox(process.stdout.readline().strip())) as doomed, ThreadPoolExecutor(4) as shoppers:
            price = doomed.price(999)
            shopping = [shoppers.submit(shop, doomed, price) for _ in range(4)]
            eventually(lambda: len(doomed.api.subscriptions.list({"limit": 100}).data) > 10)
            process.kill()
            assert sum(one.result() for one in shopping) > 10

    with start(None) as sandbox:
        sessions = list(sandbox.api.checkout.sessions.list({"limit": 100}).auto_paging_iter())
        subscriptions = list(sandbox.api.subscriptions.list({"limit": 100}).auto_paging_iter())
        bought = {str(session.subscription) for session in sessions if session.status == "complete"}
        assert {subscription.id for subscription in subscriptions} == bought
        assert {subscription.status for subscription in subscriptions} == {"active"}
        completed = sandbox.api.events.list({"type": "checkout.session.completed", "limit": 100})
        assert len(list(completed.auto_paging_iter())) == len(bought)
        assert len(paid(sandbox)) == len(bought)


def shop(sandbox: Sandbox, price: str) -> int:
    """Buys until there is nobody left to buy from; how often it worked."""
    bought = 0
    try:
        while True:
            session: Any = sandbox.http.post(
                "/v1/checkout/sessions",
                data={"mode": "subscription", "line_items[0][price]": price, "success_url": "http://a.test/"},
                headers={"Authorization": "Bearer sk_test_x"},
            ).json()
            bought += sandbox.http.post(session["url"], data={"outcome": "pay"}).status_code == 303
    except httpx.HTTPError:
        return bought


def paid(sandbox: Sandbox) -> list[stripe.Invoice]:
    """The paid invoices whose payment was really taken."""
    invoices = sandbox.api.invoices.list({"limit": 100, "status": "paid", "expand": ["data.payments"]})
    return [
        invoice
        for invoice in invoices.auto_paging_iter()
        if invoice.payments and [payment.status for payment in invoice.payments.data] == ["paid"]
    ]
