"""What goes wrong at Stripe when a test says so: its API, its events, and the shape in which these arrive."""

import time
from typing import Any

import pytest
import stripe

from tests.adapters.sandbox.stripe.conftest import Start
from tests.adapters.sandbox.stripe.harness import SECRET, Clock, Receiver, Sandbox, Stage, at, eventually


@pytest.fixture
def once(sandbox: Sandbox) -> stripe.StripeClient:
    """A client that tries once."""
    return stripe.StripeClient("sk_test_x", base_addresses={"api": f"{sandbox.base_url}/stripe"}, max_network_retries=0)


def fail(sandbox: Sandbox, *faults: dict[str, Any]) -> None:
    sandbox.control("PUT", "/faults", faults=list(faults))


def left(sandbox: Sandbox) -> list[int | None]:
    return [fault["requests"] for fault in sandbox.http.get("/_sandbox/faults").json()["faults"]]


def test_too_many_requests(sandbox: Sandbox, once: stripe.StripeClient) -> None:
    fail(sandbox, {"kind": "rate_limit", "requests": 2, "should_retry": True})

    with pytest.raises(stripe.RateLimitError) as limited:
        once.v1.customers.create()
    assert limited.value.headers
    assert limited.value.headers["stripe-should-retry"] == "true"
    assert left(sandbox) == [1]
    assert sandbox.api.customers.create().id  # tried again by the SDK, as the header says
    assert left(sandbox) == []


def test_it_fails_until_told_otherwise_and_only_there(sandbox: Sandbox, once: stripe.StripeClient) -> None:
    fail(sandbox, {"kind": "error", "requests": None, "path": "/customers", "verb": "POST"})

    for _ in range(3):
        with pytest.raises(stripe.APIError):
            once.v1.customers.create()
    assert once.v1.customers.list().data == []
    assert once.v1.products.list().data == []
    fail(sandbox)

    assert once.v1.customers.create().id


def test_an_answer_is_lost_after_the_work_was_done(sandbox: Sandbox, once: stripe.StripeClient) -> None:
    fail(sandbox, *({"kind": kind, "after": True, "verb": "POST"} for kind in ("error", "drop")))
    for error in (stripe.APIError, stripe.APIConnectionError):
        with pytest.raises(error):
            once.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k1"})
        assert len(once.v1.customers.list().data) == 1

    made = once.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k1"})

    assert [one.id for one in once.v1.customers.list().data] == [made.id]


def test_a_dropped_connection_is_tried_again_by_the_sdk(sandbox: Sandbox, once: stripe.StripeClient) -> None:
    fail(sandbox, {"kind": "drop"})
    with pytest.raises(stripe.APIConnectionError) as dropped:
        once.v1.customers.list()
    assert dropped.value.should_retry

    fail(sandbox, {"kind": "drop"})
    assert sandbox.api.customers.list().data == []


@pytest.mark.parametrize("path", ["", "/", "/subscriptions", "/subscriptions/sub_1", "/checkout"])
def test_a_fault_may_be_planned_wherever_something_is(sandbox: Sandbox, path: str) -> None:
    fail(sandbox, {"kind": "drop", "path": path, "verb": "POST"})

    assert left(sandbox) == [1]


def test_a_slow_answer_is_an_answer(sandbox: Sandbox) -> None:
    fail(sandbox, {"kind": "slow", "seconds": 0.3})
    begun = time.monotonic()

    assert sandbox.api.customers.create().id

    assert time.monotonic() - begun > 0.3


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "fire"},
        {"kind": "drop", "requests": 0},
        {"kind": "slow", "seconds": 61},
        {"kind": "drop", "path": "refunds"},
        {"kind": "drop", "path": "/v1/refunds"},
        {"kind": "drop", "path": "/refund"},
        {"kind": "drop", "path": "/customers", "verb": "PATCH"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, wrong: Any) -> None:
    assert sandbox.http.put("/_sandbox/faults", json={"faults": [wrong]}).status_code == 400


def test_events_that_are_never_made_are_nowhere(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.control("PUT", "/events/suppressed", types=["customer.created"])
    sandbox.api.customers.create()
    sandbox.api.products.create({"name": "Gold"})
    assert sandbox.types() == ["product.created"]
    sandbox.control("PUT", "/events/suppressed", types=["*"])
    sandbox.api.products.create({"name": "Silver"})
    sandbox.settle()

    assert sandbox.types() == ["product.created"]
    assert receiver.types == ["product.created"]


class Letterbox:
    """Keeps the raw deliveries, signatures and all."""

    def __init__(self) -> None:
        self.letters: list[tuple[bytes, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.letters.append((message.get("body", b""), dict(scope["headers"])[b"stripe-signature"].decode()))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def test_stripe_says_that_it_makes_events_again(start: Start, receiver_stage: Stage) -> None:
    box = Letterbox()
    with receiver_stage.playing(box), start(f"{receiver_stage.url}/webhook") as sandbox:
        sandbox.control("PUT", "/events/suppressed", types=["*"])
        sandbox.api.customers.create()

        said = sandbox.control("POST", "/events/generation_failure_resolved")
        sandbox.settle()

        notice = sandbox.stripe.parse_event_notification(*box.letters[0], SECRET, tolerance=0)
        assert (notice.id, notice.created) == (said["id"], "2026-01-31T12:00:00.000Z")
        assert str(notice.type) == "v2.core.health.event_generation_failure.resolved"
        sandbox.api.customers.create()
        assert sandbox.types() == ["customer.created"]


def test_thin_events_name_what_to_ask_for(start: Start, receiver_stage: Stage) -> None:
    box = Letterbox()
    with receiver_stage.playing(box), start(f"{receiver_stage.url}/webhook") as sandbox:
        sandbox.deliveries(thin=True)
        subscription = sandbox.subscribe(sandbox.price(999))
        sandbox.settle()

        notices = [sandbox.stripe.parse_event_notification(*letter, SECRET, tolerance=0) for letter in box.letters]
        [created] = [one for one in notices if one.type == "v1.customer.subscription.created"]
        assert isinstance(created, stripe.events.V1CustomerSubscriptionCreatedEventNotification)
        assert created.fetch_related_object() == subscription
        [bought] = [one for one in notices if one.type == "v1.checkout.session.completed"]
        assert isinstance(bought, stripe.events.V1CheckoutSessionCompletedEventNotification)
        assert bought.fetch_related_object().subscription == subscription.id


def test_an_endpoint_of_an_old_version_gets_the_old_shape(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(api_version="2024-06-20")

    subscription = sandbox.subscribe(sandbox.price(999))
    sandbox.settle()

    events = {event.type: event for event in receiver.events}
    assert {event.api_version for event in receiver.events} == {"2024-06-20"}
    old = events["customer.subscription.created"].data.object
    assert old["current_period_end"] == subscription.items.data[0].current_period_end
    assert "current_period_end" not in old["items"]["data"][0]
    assert "billing_mode" not in old
    paid = events["invoice.paid"].data.object
    assert (paid["subscription"], paid["paid"]) == (subscription.id, True)
    assert paid["payment_intent"] == sandbox.paid(subscription)
    assert paid["charge"] == sandbox.api.charges.list().data[0].id
    assert "parent" not in paid
    assert sandbox.happened()[0].api_version == "2026-10-28.endive"


def test_deliveries_can_claim_to_be_live(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(livemode=True)

    sandbox.api.customers.create()
    sandbox.settle()

    assert receiver.events[0].livemode
    assert receiver.events[0].data.object["livemode"]


def test_what_happens_in_one_second_has_one_time(sandbox: Sandbox, receiver: Receiver, clock: Clock) -> None:
    clock.now = at("2026-02-01T00:00:00.750")

    sandbox.subscribe(sandbox.price(999))
    eventually(lambda: len(receiver.events) > 5)

    assert {event.created for event in sandbox.happened()} == {int(clock.now.timestamp())}
