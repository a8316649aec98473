"""Pauses: of the collection, of the subscription, and at the end of a trial that nobody can pay for."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox, at, unix

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def subscription(sandbox: Sandbox) -> stripe.Subscription:
    return sandbox.subscribe(sandbox.price(999))


def statuses(sandbox: Sandbox, subscription: stripe.Subscription) -> list[str | None]:
    return [invoice.status for invoice in sandbox.api.invoices.list({"subscription": subscription.id}).data[::-1]]


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
)
def test_while_collection_is_paused_it_stays_active_and_unpaid(
    sandbox: Sandbox, subscription: stripe.Subscription, behavior: Any, status: str
) -> None:
    paused = sandbox.api.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})
    assert paused.pause_collection
    assert (paused.status, paused.pause_collection.behavior) == ("active", behavior)

    sandbox.advance(at("2026-03-01T00:00:00"))
    assert statuses(sandbox, subscription) == ["paid", status]
    assert sandbox.reread(subscription).status == "active"

    sandbox.api.subscriptions.update(subscription.id, {"pause_collection": ""})
    sandbox.advance(at("2026-04-01T00:00:00"))
    assert statuses(sandbox, subscription) == ["paid", status, "paid"]


def test_a_pause_of_collection_ends_on_its_day(
    sandbox: Sandbox, subscription: stripe.Subscription, clock: Clock
) -> None:
    until = clock.now + 20 * DAY
    pause: Any = {"pause_collection": {"behavior": "void", "resumes_at": unix(until)}}
    sandbox.api.subscriptions.update(subscription.id, pause)

    sandbox.advance(until - timedelta(seconds=1))
    assert sandbox.reread(subscription).pause_collection
    sandbox.advance(until)

    assert sandbox.reread(subscription).pause_collection is None
    assert sandbox.types()[-1] == "customer.subscription.updated"


def test_paused_it_gives_no_service_and_is_not_billed(
    sandbox: Sandbox, subscription: stripe.Subscription, clock: Clock
) -> None:
    clock.pass_(days=3)

    paused = sandbox.api.subscriptions.pause(subscription.id)

    assert (paused.status, paused.status_details is not None) == ("paused", True)
    assert paused.status_details
    assert paused.status_details.paused.subscription.type == "pause_requested"
    assert paused.status_details.paused.transitioned_at == unix(clock.now)
    assert sandbox.types()[-2:] == ["customer.subscription.updated", "customer.subscription.paused"]
    assert sandbox.next_due() is None
    sandbox.advance(at("2026-04-01T00:00:00"))
    assert statuses(sandbox, subscription) == ["paid"]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be paused"):
        sandbox.api.subscriptions.pause(subscription.id)


def test_resumed_a_new_period_begins_and_is_paid(sandbox: Sandbox, subscription: stripe.Subscription) -> None:
    sandbox.api.subscriptions.pause(subscription.id)
    sandbox.advance(at("2026-04-10T00:00:00"))

    resumed = sandbox.api.subscriptions.resume(subscription.id)

    assert (resumed.status, resumed.status_details) == ("active", None)
    assert resumed.items.data[0].current_period_end == unix(at("2026-05-10T00:00:00"))
    assert statuses(sandbox, subscription) == ["paid", "paid"]
    assert "customer.subscription.resumed" in sandbox.types()
    with pytest.raises(stripe.InvalidRequestError, match="Only paused"):
        sandbox.api.subscriptions.resume(subscription.id)


def test_resumed_with_its_old_period_nothing_is_paid(sandbox: Sandbox, subscription: stripe.Subscription) -> None:
    sandbox.api.subscriptions.pause(subscription.id)

    resumed = sandbox.api.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}})

    assert resumed.status == "active"
    assert resumed.items.data[0].current_period_end == subscription.items.data[0].current_period_end
    assert statuses(sandbox, subscription) == ["paid"]


def test_resumed_with_a_failing_card_it_is_past_due_or_waits(
    sandbox: Sandbox, subscription: stripe.Subscription
) -> None:
    sandbox.api.subscriptions.pause(subscription.id)
    sandbox.card(subscription.customer, "decline")

    waits = sandbox.api.subscriptions.resume(subscription.id, {"payment_behavior": "resume_on_payment_success"})
    assert waits.status == "paused"
    sandbox.card(subscription.customer, "ok")
    sandbox.api.invoices.pay(str(waits.latest_invoice))
    assert sandbox.reread(subscription).status == "active"

    sandbox.api.subscriptions.pause(subscription.id)
    sandbox.card(subscription.customer, "decline")
    assert sandbox.api.subscriptions.resume(subscription.id).status == "past_due"


def test_what_it_is_to_go_on_with_is_void_when_it_is_not_paid_for_23_hours(
    sandbox: Sandbox, subscription: stripe.Subscription, clock: Clock
) -> None:
    sandbox.api.subscriptions.pause(subscription.id)
    sandbox.card(subscription.customer, "none")
    resumed = sandbox.api.subscriptions.resume(subscription.id, {"payment_behavior": "resume_on_payment_success"})
    invoice = str(resumed.latest_invoice)
    with pytest.raises(stripe.CardError):
        sandbox.api.invoices.pay(invoice)

    begun = clock.now
    sandbox.advance(begun + 22 * HOUR)
    assert sandbox.api.invoices.retrieve(invoice).status == "open"
    sandbox.advance(begun + 23 * HOUR)

    assert sandbox.api.invoices.retrieve(invoice).status == "void"
    assert sandbox.reread(subscription).status == "paused"


def test_it_goes_on_as_well_when_what_it_waits_for_is_given_up(
    sandbox: Sandbox, subscription: stripe.Subscription
) -> None:
    sandbox.api.subscriptions.pause(subscription.id)
    sandbox.card(subscription.customer, "decline")
    resumed = sandbox.api.subscriptions.resume(subscription.id, {"payment_behavior": "resume_on_payment_success"})

    sandbox.api.invoices.mark_uncollectible(str(resumed.latest_invoice))

    assert sandbox.reread(subscription).status == "active"


@pytest.mark.parametrize(
    ("behavior", "status"), [("pause", "paused"), ("cancel", "canceled"), ("create_invoice", "past_due")]
)
def test_a_trial_ends_without_a_card(sandbox: Sandbox, clock: Clock, behavior: Any, status: str) -> None:
    settings: Any = {"trial_settings": {"end_behavior": {"missing_payment_method": behavior}}}
    subscription = sandbox.subscribe(sandbox.price(999), subscription_data={"trial_period_days": 7, **settings})
    sandbox.card(subscription.customer, "none")

    sandbox.advance(clock.now + 7 * DAY)

    after = sandbox.reread(subscription)
    assert after.status == status
    if status == "paused":
        assert after.status_details
        assert after.status_details.paused.subscription.type == "trial_end_without_payment_method"
        assert sandbox.types()[-1] == "customer.subscription.paused"


def test_a_paused_subscription_ends_on_its_day(
    sandbox: Sandbox, subscription: stripe.Subscription, clock: Clock
) -> None:
    last_day = clock.now + 40 * DAY
    sandbox.api.subscriptions.update(subscription.id, {"cancel_at": unix(last_day)})
    sandbox.api.subscriptions.pause(subscription.id)

    sandbox.advance(last_day)

    assert sandbox.reread(subscription).status == "canceled"
