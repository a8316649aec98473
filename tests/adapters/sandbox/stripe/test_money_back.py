"""Money that goes back: refunds in full, in part and failed; disputes opened, answered, won and lost."""

from typing import Any

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox


@pytest.fixture
def payment(sandbox: Sandbox) -> str:
    """The payment intent of a subscription that was paid with 9.99 dollars."""
    return sandbox.paid(sandbox.subscribe(sandbox.price(999)))


def charge(sandbox: Sandbox, payment: str) -> stripe.Charge:
    [found] = sandbox.api.charges.list({"payment_intent": payment, "expand": ["data.refunds"]}).data
    return found


def dispute(sandbox: Sandbox, payment: str, **more: Any) -> stripe.Dispute:
    opened = sandbox.control("POST", "/disputes", payment_intent=payment, **more)
    return sandbox.api.disputes.retrieve(opened["id"])


def decide(sandbox: Sandbox, dispute: stripe.Dispute, outcome: str) -> str:
    return str(sandbox.control("POST", f"/disputes/{dispute.id}", outcome=outcome)["status"])


def test_all_of_a_payment_is_refunded(sandbox: Sandbox, payment: str, clock: Clock) -> None:
    clock.pass_(days=2)

    refund = sandbox.api.refunds.create(
        {"payment_intent": payment, "reason": "requested_by_customer", "metadata": {"ticket": "7"}}
    )

    assert (refund.status, refund.amount, refund.payment_intent) == ("succeeded", 999, payment)
    refunded = charge(sandbox, payment)
    assert (refunded.refunded, refunded.amount_refunded, refunded.id) == (True, 999, refund.charge)
    assert refunded.refunds
    assert [one.id for one in refunded.refunds.data] == [refund.id]
    assert sandbox.types(since=clock.now) == ["refund.created", "charge.refunded"]
    previous = sandbox.happened()[-1].data.previous_attributes
    assert previous
    assert (previous["amount_refunded"], previous["refunded"]) == (0, False)
    with pytest.raises(stripe.InvalidRequestError) as again:
        sandbox.api.refunds.create({"payment_intent": payment})
    assert again.value.code == "charge_already_refunded"


def test_a_part_is_refunded_and_then_the_rest(sandbox: Sandbox, payment: str) -> None:
    part = sandbox.api.refunds.create({"charge": charge(sandbox, payment).id, "amount": 300})
    assert (charge(sandbox, payment).refunded, charge(sandbox, payment).amount_refunded) == (False, 300)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        sandbox.api.refunds.create({"payment_intent": payment, "amount": 700})

    rest = sandbox.api.refunds.create({"payment_intent": payment})

    assert rest.amount == 699
    assert (charge(sandbox, payment).refunded, charge(sandbox, payment).amount_refunded) == (True, 999)
    assert [one.id for one in sandbox.api.refunds.list({"payment_intent": payment}).data] == [rest.id, part.id]
    assert [one.id for one in sandbox.api.refunds.list({"charge": str(part.charge), "limit": 1}).data] == [rest.id]


def test_a_refund_fails_days_later_and_the_charge_counts_as_paid(sandbox: Sandbox, payment: str, clock: Clock) -> None:
    refund = sandbox.api.refunds.create({"payment_intent": payment})
    clock.pass_(days=4)

    sandbox.control("POST", f"/refunds/{refund.id}/fail", reason="lost_or_stolen_card")

    failed = sandbox.api.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert (charge(sandbox, payment).refunded, charge(sandbox, payment).amount_refunded) == (False, 0)
    assert sandbox.types(since=clock.now) == [
        "refund.updated",
        "charge.refund.updated",
        "refund.failed",
        "charge.updated",
    ]
    assert sandbox.http.post(f"/_sandbox/refunds/{refund.id}/fail", json={}).status_code == 400
    assert sandbox.api.refunds.create({"payment_intent": payment}).amount == 999


def test_only_metadata_of_a_refund_changes(sandbox: Sandbox, payment: str) -> None:
    refund = sandbox.api.refunds.create({"payment_intent": payment})

    changed = sandbox.api.refunds.update(refund.id, {"metadata": {"ticket": "8"}})

    assert changed.metadata
    assert changed.metadata["ticket"] == "8"
    assert sandbox.types()[-1] == "refund.updated"


def test_one_key_refunds_once(sandbox: Sandbox, payment: str, clock: Clock) -> None:
    first = sandbox.api.refunds.create({"payment_intent": payment, "amount": 100}, {"idempotency_key": "refund-1"})
    clock.pass_(hours=23)
    again = sandbox.api.refunds.create({"payment_intent": payment, "amount": 100}, {"idempotency_key": "refund-1"})

    assert again.id == first.id
    assert charge(sandbox, payment).amount_refunded == 100
    with pytest.raises(stripe.IdempotencyError):
        sandbox.api.refunds.create({"payment_intent": payment, "amount": 200}, {"idempotency_key": "refund-1"})


def test_a_refund_is_traced_to_its_subscription(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(sandbox.price(999))
    refund = sandbox.api.refunds.create({"payment_intent": sandbox.paid(subscription)})

    [link] = sandbox.api.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": str(refund.payment_intent)}}
    ).data
    [invoice] = sandbox.api.invoices.list(
        {"subscription": subscription.id, "expand": ["data.payments.data.payment"]}
    ).data

    assert link.invoice == invoice.id
    assert invoice.payments
    assert invoice.payments.data[0].payment.payment_intent == refund.payment_intent


@pytest.mark.parametrize(
    "wanted", [{}, {"charge": "ch_0"}, {"payment_intent": "pi_0"}, {"charge": "a", "payment_intent": "b"}]
)
def test_a_refund_of_nothing_is_refused(sandbox: Sandbox, wanted: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.api.refunds.create(wanted)


def test_what_was_declined_is_not_refunded(sandbox: Sandbox) -> None:
    sandbox.choose(sandbox.session(sandbox.price()), "decline")
    [declined] = sandbox.api.charges.list().data

    with pytest.raises(stripe.InvalidRequestError, match="not paid"):
        sandbox.api.refunds.create({"charge": declined.id})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        sandbox.api.refunds.create({"payment_intent": str(declined.payment_intent)})


def test_a_dispute_takes_the_money_and_is_won(sandbox: Sandbox, payment: str, clock: Clock) -> None:
    clock.pass_(days=2)
    opened = dispute(sandbox, payment)
    assert (opened.status, opened.amount, opened.payment_intent) == ("needs_response", 999, payment)
    assert not opened.is_charge_refundable
    assert charge(sandbox, payment).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.api.refunds.create({"payment_intent": payment})
    assert refused.value.code == "charge_disputed"

    answered = sandbox.api.disputes.update(opened.id, {"evidence": {"uncategorized_text": "She watched it."}})
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    assert decide(sandbox, opened, "win") == "won"

    assert sandbox.types(since=clock.now) == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    assert sandbox.http.post(f"/_sandbox/disputes/{opened.id}", json={"outcome": "lose"}).status_code == 400
    assert sandbox.api.refunds.create({"payment_intent": payment}).amount == 999


def test_a_dispute_is_lost(sandbox: Sandbox, payment: str) -> None:
    opened = dispute(sandbox, payment, amount=500, reason="product_not_received")

    assert decide(sandbox, opened, "lose") == "lost"

    assert sandbox.types()[-2:] == ["charge.dispute.updated", "charge.dispute.closed"]
    assert sandbox.api.disputes.retrieve(opened.id).reason == "product_not_received"
    assert charge(sandbox, payment).disputed


def test_the_merchant_concedes(sandbox: Sandbox, payment: str) -> None:
    opened = dispute(sandbox, payment)

    assert sandbox.api.disputes.close(opened.id).status == "lost"


def test_an_inquiry_withdraws_nothing(sandbox: Sandbox, payment: str) -> None:
    asked = dispute(sandbox, payment, inquiry=True)
    assert (asked.status, asked.is_charge_refundable) == ("warning_needs_response", True)
    assert "charge.dispute.funds_withdrawn" not in sandbox.types()
    assert sandbox.api.disputes.update(asked.id, {"submit": False}).status == "warning_needs_response"
    assert sandbox.api.disputes.update(asked.id).status == "warning_under_review"
    assert sandbox.http.post(f"/_sandbox/disputes/{asked.id}", json={"outcome": "lose"}).status_code == 400

    assert decide(sandbox, asked, "win") == "warning_closed"

    assert "charge.dispute.funds_reinstated" not in sandbox.types()
    assert sandbox.types()[-1] == "charge.dispute.closed"


def test_an_inquiry_becomes_a_chargeback(sandbox: Sandbox, payment: str) -> None:
    asked = dispute(sandbox, payment, inquiry=True)

    assert decide(sandbox, asked, "escalate") == "needs_response"

    assert sandbox.types()[-1] == "charge.dispute.funds_withdrawn"
    assert not sandbox.api.disputes.retrieve(asked.id).is_charge_refundable
    assert sandbox.http.post(f"/_sandbox/disputes/{asked.id}", json={"outcome": "escalate"}).status_code == 400


def test_disputes_are_found_by_what_they_are_about(sandbox: Sandbox, payment: str) -> None:
    other = sandbox.paid(sandbox.subscribe(sandbox.price(1999)))
    first, second = dispute(sandbox, payment), dispute(sandbox, other)

    assert [one.id for one in sandbox.api.disputes.list({"payment_intent": payment}).data] == [first.id]
    assert [one.id for one in sandbox.api.disputes.list({"charge": str(second.charge)}).data] == [second.id]
    assert sandbox.http.post("/_sandbox/disputes", json={"payment_intent": payment}).status_code == 400
    assert sandbox.http.post("/_sandbox/disputes", json={}).status_code == 400
    assert (
        sandbox.http.post("/_sandbox/disputes", json={"charge": str(first.charge), "amount": 5000}).status_code == 400
    )
