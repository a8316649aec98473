"""What an invoice pays for, item by item: shapes of its lines, as the API would send them."""

from typing import Any

import msgspec
import pytest

from adapters.stripe.objects import Invoice
from adapters.stripe.payments import seen_payment
from adapters.stripe.reading import customer_truth
from adapters.stripe.units import at
from domain.payment.truth import ProviderPayment
from domain.shared.money import Money

MONDAY, FRIDAY, JUNE, JULY = 1_780_000_000, 1_780_345_600, 1_781_000_000, 1_783_600_000
FREE, PAID = 0, 999


def invoice(**fields: Any) -> Invoice:
    """One of sub_1 that is paid; how much, and what for, is for the fields to say."""
    usual: dict[str, Any] = {
        "id": "in_1",
        "created": MONDAY,
        "currency": "usd",
        "amount_due": PAID,
        "amount_paid": PAID,
        "status": "paid",
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "status_transitions": {"paid_at": FRIDAY},
    }
    return msgspec.convert(usual | fields, Invoice)


def payment(**fields: Any) -> ProviderPayment:
    seen = seen_payment(invoice(**fields))
    assert seen
    return seen


def settled(**fields: Any) -> list[ProviderPayment]:
    """What is paid, though it took no money."""
    without_money = {"amount_due": FREE, "amount_paid": FREE, "lines": {"data": [line("si_1", end=JULY)]}}
    truth = customer_truth([], [invoice(**(without_money | fields))], [], [])
    assert truth.payments == ()
    return list(truth.settled)


def line(
    item_id: str, *, end: int, proration: bool = False, price: str = "price_gold", amount: int = 999
) -> dict[str, Any]:
    details = {"subscription_item": item_id, "proration": proration}
    return {
        "amount": amount,
        "period": {"start": JUNE, "end": end},
        "parent": {"subscription_item_details": details},
        "pricing": {"price_details": {"price": price}},
    }


def test_an_invoice_tells_item_by_item_what_it_is_for() -> None:
    lines = [
        line("si_1", end=JULY),
        line("si_1", end=JULY + 9, proration=True),
        line("si_2", end=FRIDAY, price="price_b"),
    ]
    other = {"period": {"start": JUNE, "end": JULY + 99}, "parent": None}

    one = payment(lines={"data": [*lines, other]})

    assert sorted((each.reference, each.price_id, each.until) for each in one.covers or ()) == [
        ("si_1", "price_gold", at(JULY)),
        ("si_2", "price_b", at(FRIDAY)),
    ]


def test_what_is_credited_pays_for_nothing() -> None:
    credit = line("si_2", end=JULY + 9, proration=True, price="price_b", amount=-500)

    one = payment(lines={"data": [line("si_1", end=JULY), credit]})

    assert [each.reference for each in one.covers or ()] == ["si_1"]
    alone = payment(lines={"data": [credit]})
    assert (alone.covers, alone.covers_until) == ((), None)


def test_an_invoice_whose_lines_are_not_all_there_does_not_tell_it() -> None:
    one = payment(lines={"data": [line("si_1", end=JULY)], "has_more": True})

    assert (one.covers, one.covers_until) == (None, at(JULY))


def once(*, proration: bool = False, end: int = FRIDAY) -> dict[str, Any]:
    """A line of what is billed once."""
    details = {"invoice_item": "ii_1", "proration": proration, "subscription": "sub_1"}
    parent = {"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": None}
    return {
        "amount": 4500,
        "period": {"start": MONDAY, "end": end},
        "parent": parent,
        "pricing": {"price_details": {"price": "price_mug"}},
    }


def test_what_is_billed_once_is_for_no_item_and_what_does_not_tell_may_be() -> None:
    mug, both, untold = (payment(lines={"data": lines}) for lines in ([once()], [once(), line("si_1", end=JULY)], []))
    half_told = payment(lines={"data": [once(), {"period": {"start": JUNE, "end": JULY}, "parent": None}]})

    assert (mug.covers, mug.covers_until) == ((), None)
    assert [one.reference for one in both.covers or ()] == ["si_1"]
    assert (untold.covers, half_told.covers) == (None, None)


def test_what_a_change_of_items_costs_may_stand_there_as_billed_once() -> None:
    change = payment(lines={"data": [once(proration=True, end=JULY)]})

    assert [(one.reference, one.price_id, one.until) for one in change.covers or ()] == [(None, "price_mug", at(JULY))]


@pytest.mark.parametrize("reason", ["subscription_create", "subscription_cycle", "subscription", "quote_accept", None])
def test_a_period_that_is_paid_without_money_is_settled(reason: str | None) -> None:
    [one] = settled(billing_reason=reason)

    assert (one.reference, one.subscription_reference, one.amount) == ("in_1", "sub_1", Money(0, "USD"))
    assert (one.status, one.paid_at, one.is_kept) == ("paid", at(FRIDAY), True)
    assert [(each.reference, each.until) for each in one.covers or ()] == [("si_1", at(JULY))]


def test_what_was_paid_with_money_is_a_payment_and_settled_by_nothing_else() -> None:
    one = invoice(billing_reason="subscription_cycle", lines={"data": [line("si_1", end=JULY)]})
    truth = customer_truth([], [one], [], [])

    assert ([payment.reference for payment in truth.payments], truth.settled) == (["in_1"], ())


def test_of_what_settles_a_period_the_lines_that_begin_one_count() -> None:
    lines = [line("si_1", end=JULY), line("si_2", end=JULY, proration=True), line("si_3", end=JULY, amount=-1), once()]

    [one] = settled(billing_reason="subscription_cycle", lines={"data": lines})

    assert [each.reference for each in one.covers or ()] == ["si_1"]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"billing_reason": "subscription_update"}, id="a change inside a period"),
        pytest.param({"billing_reason": "manual"}, id="something else"),
        pytest.param({"billing_reason": "subscription_cycle", "status": "void"}, id="void"),
        pytest.param({"billing_reason": "subscription_cycle", "status": "open"}, id="owed"),
        pytest.param({"lines": {"data": []}}, id="for nothing"),
        pytest.param({"lines": {"data": [line("si_1", end=JULY, proration=True)]}}, id="an old one inside a period"),
        pytest.param({"currency": "no money"}, id="in no currency"),
    ],
)
def test_nothing_else_without_money_settles_anything(fields: dict[str, Any]) -> None:
    assert settled(**fields) == []
