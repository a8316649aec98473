"""Renewals that are not paid: retried on their days, and what the subscription becomes after the last one."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox, at, unix

DAY = timedelta(days=1)
RENEWAL = at("2026-02-28T12:00:00")


@pytest.fixture
def failing(sandbox: Sandbox) -> stripe.Subscription:
    """A subscription whose renewal on 28 February will be declined."""
    subscription = sandbox.subscribe(sandbox.price(999))
    sandbox.card(subscription.customer, "decline")
    return subscription


def latest(sandbox: Sandbox, subscription: stripe.Subscription) -> stripe.Invoice:
    return sandbox.api.invoices.retrieve(str(sandbox.reread(subscription).latest_invoice))


def moments_of(sandbox: Sandbox, type: str) -> list[datetime]:
    return [datetime.fromtimestamp(event.created, RENEWAL.tzinfo) for event in sandbox.happened() if event.type == type]


def test_a_renewal_is_tried_on_days_1_3_5_and_7_then_it_ends(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.advance(RENEWAL)
    assert sandbox.reread(failing).status == "past_due"
    first = latest(sandbox, failing)
    assert (first.attempt_count, first.next_payment_attempt) == (1, unix(RENEWAL + DAY))

    sandbox.advance(RENEWAL + 30 * DAY)

    tries = [RENEWAL + days * DAY for days in (0, 1, 3, 5, 7)]
    assert moments_of(sandbox, "invoice.payment_failed") == tries
    ended = sandbox.reread(failing)
    assert (ended.status, ended.ended_at) == ("canceled", unix(tries[-1]))
    assert ended.cancellation_details
    assert ended.cancellation_details.reason == "payment_failed"
    last = latest(sandbox, failing)
    assert (last.status, last.attempt_count, last.next_payment_attempt) == ("open", 5, None)
    assert sandbox.next_due() is None


def test_a_retry_that_is_paid_makes_it_active(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.advance(RENEWAL + 2 * DAY)
    sandbox.card(failing.customer, "ok")

    sandbox.advance(RENEWAL + 3 * DAY)

    assert sandbox.reread(failing).status == "active"
    paid = latest(sandbox, failing)
    assert (paid.status, paid.attempt_count, paid.next_payment_attempt) == ("paid", 3, None)
    assert sandbox.next_due() == at("2026-03-31T12:00:00")


@pytest.mark.parametrize(
    ("then", "status"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due"), ("pause", "paused")]
)
def test_after_the_last_retry_comes_what_was_set(
    sandbox: Sandbox, failing: stripe.Subscription, then: str, status: str
) -> None:
    sandbox.control("PUT", "/dunning", retry_days=[2], then=then)

    sandbox.advance(RENEWAL + 2 * DAY - timedelta(seconds=1))
    assert sandbox.reread(failing).status == "past_due"
    sandbox.advance(RENEWAL + 2 * DAY)

    assert sandbox.reread(failing).status == status


def test_unpaid_it_gets_drafts_that_nobody_is_asked_to_pay(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.control("PUT", "/dunning", retry_days=[], then="unpaid")

    sandbox.advance(at("2026-04-01T00:00:00"))

    draft = latest(sandbox, failing)
    assert (draft.status, draft.auto_advance, draft.attempt_count) == ("draft", False, 0)
    assert sandbox.reread(failing).status == "unpaid"
    sandbox.card(failing.customer, "ok")
    assert sandbox.api.invoices.pay(str(draft.id)).status == "paid"
    assert sandbox.reread(failing).status == "active"


def test_paused_by_its_last_failure_it_says_so(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.control("PUT", "/dunning", retry_days=[], then="pause")

    sandbox.advance(at("2026-04-01T00:00:00"))

    paused = sandbox.reread(failing)
    assert paused.status_details
    assert paused.status_details.paused.subscription.type == "final_payment_failure"
    assert paused.status_details.paused.transitioned_at == unix(RENEWAL)
    assert len(sandbox.api.invoices.list({"subscription": failing.id}).data) == 2


def test_an_invoice_is_paid_by_the_api(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.advance(RENEWAL)
    unpaid = str(latest(sandbox, failing).id)

    with pytest.raises(stripe.CardError) as declined:
        sandbox.api.invoices.pay(unpaid, options={"idempotency_key": "pay-1"})
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    assert sandbox.api.invoices.retrieve(unpaid).attempt_count == 2
    sandbox.card(failing.customer, "ok")
    with pytest.raises(stripe.CardError):
        sandbox.api.invoices.pay(unpaid, options={"idempotency_key": "pay-1"})

    assert sandbox.api.invoices.pay(unpaid).status == "paid"

    assert sandbox.reread(failing).status == "active"
    assert sandbox.api.invoices.retrieve(unpaid).attempt_count == 3
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        sandbox.api.invoices.pay(unpaid)


def test_a_first_invoice_that_is_paid_late_begins_the_subscription(sandbox: Sandbox, clock: Clock) -> None:
    customer = sandbox.api.customers.create()
    wanted: Any = {"customer": customer.id, "items": [{"price": sandbox.price()}]}

    wanted["payment_behavior"] = "default_incomplete"
    waiting = sandbox.api.subscriptions.create(wanted)

    assert waiting.status == "incomplete"
    assert sandbox.api.charges.list().data == []
    sandbox.advance(clock.now + timedelta(hours=22))
    sandbox.api.invoices.pay(str(waiting.latest_invoice))
    assert sandbox.reread(waiting).status == "active"
    assert sandbox.next_due() == RENEWAL
    sandbox.card(customer.id, "decline")
    wanted["payment_behavior"] = "error_if_incomplete"
    with pytest.raises(stripe.CardError):
        sandbox.api.subscriptions.create(wanted)
    assert len(sandbox.api.subscriptions.list({"status": "all"}).data) == 1


def test_a_debt_is_voided_or_given_up(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.advance(RENEWAL)
    unpaid = str(latest(sandbox, failing).id)

    assert sandbox.api.invoices.mark_uncollectible(unpaid).status == "uncollectible"
    voided = sandbox.api.invoices.void_invoice(unpaid)

    assert (voided.status, voided.status_transitions.voided_at) == ("void", unix(RENEWAL))
    assert sandbox.types()[-2:] == ["invoice.marked_uncollectible", "invoice.voided"]
    with pytest.raises(stripe.InvalidRequestError, match="only void"):
        sandbox.api.invoices.void_invoice(unpaid)
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        sandbox.api.invoices.finalize_invoice(unpaid)
    assert sandbox.next_due() == at("2026-03-31T12:00:00")


def test_what_is_canceled_is_not_tried_again(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.advance(RENEWAL)
    sandbox.api.subscriptions.cancel(failing.id)

    sandbox.advance(RENEWAL + 30 * DAY)

    assert moments_of(sandbox, "invoice.payment_failed") == [RENEWAL]


@pytest.mark.parametrize(
    "wrong", [{"retry_days": [0]}, {"retry_days": [3, 1]}, {"retry_days": [2, 2]}, {"then": "forgive"}, {"retries": 3}]
)
def test_dunning_that_makes_no_sense_is_refused(sandbox: Sandbox, wrong: Any) -> None:
    assert sandbox.http.put("/_sandbox/dunning", json=wrong).status_code == 400


def test_the_latest_invoice_decides(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.control("PUT", "/dunning", retry_days=[], then="past_due")
    sandbox.advance(at("2026-04-01T00:00:00"))
    [latest_unpaid, older, _] = sandbox.api.invoices.list({"subscription": failing.id}).data
    sandbox.card(failing.customer, "ok")

    sandbox.api.invoices.pay(str(older.id))
    assert sandbox.reread(failing).status == "past_due"
    sandbox.api.invoices.pay(str(latest_unpaid.id))

    assert sandbox.reread(failing).status == "active"


def test_a_renewal_that_the_bank_wants_confirmed_waits_for_the_customer(
    sandbox: Sandbox, failing: stripe.Subscription
) -> None:
    sandbox.card(failing.customer, "authenticate")
    sandbox.advance(RENEWAL)

    asked = sandbox.api.payment_intents.retrieve(sandbox.paid(sandbox.reread(failing)))
    assert (asked.status, asked.amount_received) == ("requires_action", 0)
    assert asked.next_action
    assert sandbox.reread(failing).status == "past_due"
    told = sandbox.types(since=RENEWAL)
    for type in ("payment_intent.requires_action", "invoice.payment_failed", "invoice.payment_action_required"):
        assert told.count(type) == 1

    sandbox.card(failing.customer, "ok")
    sandbox.api.invoices.pay(str(sandbox.reread(failing).latest_invoice))

    done = sandbox.api.payment_intents.retrieve(asked.id)
    assert (done.status, done.next_action) == ("succeeded", None)
    assert sandbox.reread(failing).status == "active"


def test_declined_after_all_it_waits_for_nobody(sandbox: Sandbox, failing: stripe.Subscription) -> None:
    sandbox.card(failing.customer, "authenticate")
    sandbox.advance(RENEWAL)
    sandbox.card(failing.customer, "decline")

    sandbox.advance(RENEWAL + DAY)

    intent = sandbox.api.payment_intents.retrieve(sandbox.paid(sandbox.reread(failing)))
    assert (intent.status, intent.next_action) == ("requires_payment_method", None)
