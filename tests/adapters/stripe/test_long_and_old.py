"""Lists that come in part with their object, and payments from before payment intents: all of it is asked for."""

from typing import Any

import pytest

from adapters.stripe.billing import StripeBilling
from domain.shared.money import Money
from tests.adapters.stripe.faulty import FaultyStripe

pytestmark = pytest.mark.anyio

JUNE, JULY = 1_781_000_000, 1_783_600_000
GOLD = {"id": "price_gold", "object": "price", "currency": "usd", "unit_amount": 999}


def item(number: int) -> dict[str, Any]:
    price = GOLD if number == 11 else GOLD | {"id": f"price_addon_{number}"}
    return {
        "id": f"si_{number}",
        "object": "subscription_item",
        "price": price,
        "current_period_start": JUNE,
        "current_period_end": JULY,
    }


def subscription(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "sub_1",
        "object": "subscription",
        "status": "active",
        "start_date": JUNE,
        "items": {"object": "list", "data": list(items), "has_more": False} | fields,
    }


INVOICE: dict[str, Any] = {
    "id": "in_1",
    "object": "invoice",
    "created": JUNE,
    "currency": "usd",
    "amount_due": 999,
    "amount_paid": 999,
    "status": "paid",
    "parent": {"subscription_details": {"subscription": "sub_1"}},
}


def charge(**fields: Any) -> dict[str, Any]:
    usual = {"id": "ch_1", "object": "charge", "amount": 999, "currency": "usd", "created": JUNE, "paid": True}
    return usual | {"payment_intent": "pi_1"} | fields


def refund(number: int, amount: int = 100) -> dict[str, Any]:
    return {"id": f"re_{number}", "object": "refund", "amount": amount, "currency": "usd", "status": "succeeded"}


def paid_by(**payment: str) -> dict[str, Any]:
    return {"id": "inpay_1", "object": "invoice_payment", "currency": "usd", "invoice": "in_1", "payment": payment}


async def test_the_items_beyond_the_first_ten_are_asked_for(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    items = [item(number) for number in range(1, 12)]
    faulty.lists(subscriptions=[subscription(*items[:10], has_more=True)], subscription_items=items)

    [seen] = (await troubled.truth_of("cus_1")).subscriptions

    assert [one.price_id for one in seen.items] == [one["price"]["id"] for one in items]
    [asked] = [request for request in faulty.requests if request.path == "/v1/subscription_items"]
    assert asked.query["subscription"] == "sub_1"


async def test_of_a_subscription_that_is_all_there_nothing_more_is_asked(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.lists(subscriptions=[subscription(item(11))])

    await troubled.truth_of("cus_1")

    assert "/v1/subscription_items" not in {request.path for request in faulty.requests}


async def test_the_refunds_beyond_the_first_ten_are_asked_for(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    refunds = [refund(number, 83) for number in range(1, 13)]
    embedded = {"object": "list", "data": refunds[:10], "has_more": True}
    faulty.lists(
        invoices=[INVOICE],
        charges=[charge(amount_refunded=996, refunds=embedded)],
        invoice_payments=[paid_by(type="payment_intent", payment_intent="pi_1")],
        refunds=refunds,
    )

    [payment] = (await troubled.truth_of("cus_1")).payments

    assert (len(payment.refunds), payment.kept) == (12, 3)
    [asked] = [request for request in faulty.requests if request.path == "/v1/refunds"]
    assert asked.query["charge"] == "ch_1"


LOST = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 999,
    "currency": "usd",
    "created": JULY,
    "status": "lost",
    "charge": "ch_1",
}


async def test_what_went_back_of_a_charge_without_a_payment_intent_is_seen(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    payments = {"object": "list", "data": [paid_by(type="charge", charge="ch_1")], "has_more": False}
    embedded = {"object": "list", "data": [refund(1)], "has_more": False}
    faulty.lists(
        invoices=[INVOICE | {"payments": payments}],
        charges=[charge(payment_intent=None, amount_refunded=100, disputed=True, refunds=embedded)],
        disputes=[LOST],
    )

    truth = await troubled.truth_of("cus_1")

    [payment] = truth.payments
    assert (payment.reference, payment.kept) == ("in_1", 899)
    assert [(one.reference, one.stage) for one in payment.disputes] == [("dp_1", "lost")]
    assert "ch_1" in truth.objects
    [asked] = [request for request in faulty.requests if request.path == "/v1/disputes"]
    assert asked.query["charge"] == "ch_1"


async def test_a_lost_dispute_of_a_latest_invoice_that_a_charge_paid_is_seen(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    """The invoice itself is not among the newest of the customer."""
    latest = subscription(item(11)) | {"latest_invoice": "in_1"}
    faulty.lists(
        subscriptions=[latest],
        invoice_payments=[paid_by(type="charge", charge="ch_1") | {"amount_paid": 999}],
        disputes=[LOST],
    )

    [payment] = (await troubled.truth_of("cus_1")).payments

    assert (payment.amount, [one.stage for one in payment.disputes]) == (Money(999, "USD"), ["lost"])


async def test_a_payment_that_no_fact_can_hold_is_held_up_by_itself(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    dear = INVOICE | {"id": "in_dear", "currency": "idr", "amount_paid": 2 * 10**12}
    faulty.lists(subscriptions=[subscription(item(11))], invoices=[dear, INVOICE])

    truth = await troubled.truth_of("cus_1")

    assert [payment.reference for payment in truth.payments] == ["in_1"]
    assert [seen.reference for seen in truth.subscriptions] == ["sub_1"]
    [why] = truth.held_up
    assert "in_dear" in why
    assert "2000000000000 'idr'" in why
