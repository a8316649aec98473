"""Which of Stripe's fields decide: shapes that the simulator does not come to, given as the API would send them."""

from typing import Any

import msgspec
import pytest

from adapters.stripe.money_back import GoneBack
from adapters.stripe.objects import Invoice, Session, Subscription
from adapters.stripe.paid import Charge, InvoicePayment, Refund
from adapters.stripe.payments import seen_payment
from adapters.stripe.reading import customer_truth, seen_checkout, seen_purchase, seen_subscription
from adapters.stripe.units import at
from application.ports.billing import PaidAtOnce, SeenSubscription
from domain.payment.truth import ProviderPayment
from domain.shared.money import Money

MONDAY, FRIDAY, JUNE, JULY = 1_780_000_000, 1_780_345_600, 1_781_000_000, 1_783_600_000
GOLD = {"id": "price_gold", "currency": "usd", "unit_amount": 999}
POPCORN = {"id": "price_popcorn", "currency": "usd", "unit_amount": 300}


def item(price: dict[str, Any] = GOLD, *, end: int = JULY, quantity: int | None = 1) -> dict[str, Any]:
    return {"price": price, "current_period_start": JUNE, "current_period_end": end, "quantity": quantity}


def seen(*invoices: dict[str, Any], items: list[dict[str, Any]] | None = None, **fields: Any) -> SeenSubscription:
    told = {"id": "sub_1", "status": "active", "start_date": JUNE, "items": {"data": items or [item()]}, **fields}
    truth = customer_truth(
        [msgspec.convert(told, Subscription)], [msgspec.convert(one, Invoice) for one in invoices], [], []
    )
    [subscription] = truth.subscriptions
    return subscription


def invoice(**fields: Any) -> dict[str, Any]:
    """An invoice of 9.99 for sub_1 that has been tried once and is still owed."""
    usual: dict[str, Any] = {
        "id": "in_1",
        "created": MONDAY,
        "currency": "usd",
        "amount_due": 999,
        "amount_paid": 0,
        "status": "open",
        "attempted": True,
        "attempt_count": 1,
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "status_transitions": {"finalized_at": MONDAY},
    }
    return usual | fields


def payment(**fields: Any) -> ProviderPayment | None:
    return seen_payment(msgspec.convert(invoice(**fields), Invoice))


@pytest.mark.parametrize("status", ["active", "trialing", "paused", "unpaid", "incomplete", "enchanted"])
def test_a_status_is_passed_on_as_it_is_also_one_of_the_future(status: str) -> None:
    assert seen(status=status).status == status


@pytest.mark.parametrize(
    ("fields", "ends_at", "with_period"),
    [
        pytest.param({}, None, False, id="goes on"),
        pytest.param({"cancel_at": FRIDAY}, FRIDAY, False, id="flexible billing: the date alone"),
        pytest.param({"cancel_at_period_end": True}, None, True, id="classic billing: the boolean alone"),
        pytest.param({"cancel_at": FRIDAY, "cancel_at_period_end": True}, FRIDAY, False, id="both"),
    ],
)
def test_an_announced_end_is_read_from_either_field(
    fields: dict[str, Any], ends_at: int | None, *, with_period: bool
) -> None:
    one = seen(**fields)

    assert (one.ends_at, one.ends_with_period) == (ends_at and at(ends_at), with_period)


def test_what_has_ended_says_so_whatever_its_period() -> None:
    assert seen(status="canceled", ended_at=FRIDAY).ended_at == at(FRIDAY)


def test_a_pause_of_collection_is_no_status() -> None:
    paused = seen(pause_collection={"behavior": "void", "resumes_at": None})

    assert (paused.status, paused.collection_paused, seen().collection_paused) == ("active", True, False)


def test_of_several_prices_the_first_one_was_bought() -> None:
    both = seen(items=[item(), item(POPCORN, end=FRIDAY)])

    assert (both.first.price_id, both.first.price, both.first.period_end) == ("price_gold", Money(999, "USD"), at(JULY))


def test_of_several_items_with_its_price_the_one_that_ends_first_counts() -> None:
    assert seen(items=[item(end=JULY), item(end=FRIDAY)]).first.period_end == at(FRIDAY)


@pytest.mark.parametrize(("quantity", "amount"), [(None, 999), (1, 999), (3, 2997)])
def test_what_is_paid_is_the_price_as_often_as_it_was_bought(quantity: int | None, amount: int) -> None:
    assert seen(items=[item(quantity=quantity)]).first.price == Money(amount, "USD")


@pytest.mark.parametrize(
    "price",
    [
        pytest.param({"unit_amount": None}, id="in tiers, metered or fractional"),
        pytest.param({"unit_amount": 10**12 + 1}, id="too much"),
        pytest.param({"currency": ""}, id="of no currency"),
    ],
)
def test_a_price_that_is_no_amount_is_seen_without_one_and_the_rest_as_ever(price: dict[str, Any]) -> None:
    both = seen(items=[item(), item(POPCORN | price)])

    assert [one.price for one in both.items] == [Money(999, "USD"), None]


AFTER_ALL_TIMES = 10**13


@pytest.mark.parametrize(
    ("subscription", "invoice_", "held_up"),
    [
        pytest.param({"trial_end": AFTER_ALL_TIMES}, {}, "sub_1", id="a subscription"),
        pytest.param({"items": {"data": [item(end=AFTER_ALL_TIMES)]}}, {}, "sub_1", id="its period"),
        pytest.param({}, {"next_payment_attempt": AFTER_ALL_TIMES}, "in_1", id="an invoice"),
        pytest.param({}, {"currency": "dollars"}, "in_1", id="a currency"),
        pytest.param({}, {"amount_due": 10**12 + 1}, "in_1", id="an amount"),
    ],
)
def test_what_no_fact_can_hold_is_held_up_by_itself(
    subscription: dict[str, Any], invoice_: dict[str, Any], held_up: str
) -> None:
    told = {"id": "sub_1", "status": "active", "start_date": JUNE, "items": {"data": [item()]}, **subscription}
    other = invoice(id="in_2", status="paid", amount_paid=999)

    truth = customer_truth(
        [msgspec.convert(told, Subscription)],
        [msgspec.convert(one, Invoice) for one in (invoice(**invoice_), other)],
        [],
        [],
    )

    there = [*(one.reference for one in truth.subscriptions), *(one.reference for one in truth.payments)]
    assert there == [one for one in ("sub_1", "in_1", "in_2") if one != held_up]
    [why] = truth.held_up
    assert held_up in why


def test_a_refund_that_no_fact_can_hold_holds_its_payment_up() -> None:
    """Else it would look as if nothing had gone back."""
    back = Refund(id="re_1", amount=999, currency="")
    gone = GoneBack(
        paid_by="pi_1", invoice_payment=InvoicePayment(id="inpay_1", currency="usd", invoice="in_1"), refunds=(back,)
    )

    truth = customer_truth([], [msgspec.convert(invoice(), Invoice)], [], [gone])

    assert truth.payments == ()
    assert "in_1" in truth.held_up[0]


def test_a_subscription_without_items_sells_nothing_of_ours() -> None:
    empty = msgspec.convert(
        {"id": "sub_1", "status": "active", "start_date": JUNE, "items": {"data": []}}, Subscription
    )

    assert seen_subscription(empty, []) is None


def test_it_fails_since_the_first_attempt_at_the_oldest_invoice_that_is_owed() -> None:
    owed = [invoice(id="in_2", status_transitions={"finalized_at": FRIDAY}), invoice(attempt_count=4)]

    assert seen(*owed, status="past_due").failing_since == at(MONDAY)


OLD, SINCE = MONDAY - 90 * 86_400, MONDAY - 60 * 86_400


@pytest.mark.parametrize("status", ["open", "uncollectible"])
def test_what_was_owed_before_something_was_paid_is_not_why_it_fails_now(status: str) -> None:
    old = invoice(id="in_0", status=status, created=OLD, status_transitions={"finalized_at": OLD})
    settled = invoice(id="in_1", status="paid", amount_paid=999, created=SINCE)

    assert seen(old, settled, invoice(id="in_2"), status="past_due").failing_since == at(MONDAY)


def test_an_invoice_that_asked_for_nothing_settled_nothing_that_was_owed_before() -> None:
    old = invoice(id="in_0", created=OLD, status_transitions={"finalized_at": OLD})
    credit = invoice(id="in_1", status="paid", amount_due=0, amount_paid=0, created=SINCE)

    assert seen(old, credit, invoice(id="in_2"), status="past_due").failing_since == at(OLD)


def test_what_was_written_off_is_why_it_fails_only_where_nothing_else_is_owed() -> None:
    written_off = invoice(id="in_0", status="uncollectible", created=OLD, status_transitions={"finalized_at": OLD})

    assert seen(written_off, invoice(), status="past_due").failing_since == at(MONDAY)
    assert seen(written_off, status="past_due").failing_since == at(OLD)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"status": "paid"}, id="paid"),
        pytest.param({"status": "draft", "attempted": False}, id="a draft"),
        pytest.param({"attempted": False}, id="not tried yet"),
        pytest.param({"status": "void", "attempted": False}, id="void, and never tried"),
        pytest.param({"parent": {"subscription_details": {"subscription": "sub_2"}}}, id="of another subscription"),
        pytest.param({"parent": None}, id="of none"),
    ],
)
def test_no_other_invoice_makes_it_fail(other: dict[str, Any]) -> None:
    assert seen(invoice(**other), status="past_due").failing_since is None


def test_a_failure_is_seen_in_the_answer_that_told_of_the_status() -> None:
    assert seen(status="past_due", latest_invoice=invoice()).failing_since == at(MONDAY)
    assert seen(status="past_due", latest_invoice="in_1").failing_since is None


def test_an_item_is_free_by_its_price_and_not_by_how_many_are_sold() -> None:
    [free] = seen(items=[item({**GOLD, "unit_amount": 0})]).items
    [none] = seen(items=[item(quantity=0)]).items

    assert (free.is_free, none.is_free) == (True, False)


def test_what_was_made_void_tells_when_it_failed_where_nothing_else_is_owed() -> None:
    void = invoice(status="void")
    older = invoice(id="in_2", status="void", created=MONDAY - 9, status_transitions={"finalized_at": MONDAY - 9})
    other = invoice(id="in_3", created=MONDAY - 9, status_transitions={"finalized_at": MONDAY - 9})

    assert seen(void, status="past_due").failing_since == at(MONDAY)
    assert seen(older, void, status="past_due").failing_since == at(MONDAY)
    assert seen(void, other, status="past_due").failing_since == at(MONDAY - 9)


def test_an_invoice_that_does_not_say_when_it_was_final_failed_when_it_was_made() -> None:
    assert seen(invoice(status_transitions={}), status="past_due").failing_since == at(MONDAY)


def test_a_paid_invoice_is_a_payment_of_what_was_paid() -> None:
    paid = payment(
        status="paid", amount_paid=999, status_transitions={"paid_at": FRIDAY}, hosted_invoice_url="https://receipt"
    )

    assert paid
    assert (paid.status, paid.amount, paid.paid_at) == ("paid", Money(999, "USD"), at(FRIDAY))
    assert (paid.receipt_url, paid.subscription_reference) == ("https://receipt", "sub_1")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "open", "attempted": True}, "failed"),
        ({"status": "uncollectible", "attempted": True}, "failed"),
        ({"status": "open", "attempted": False}, "pending"),
        ({"status": "draft", "attempted": False}, "pending"),
        ({"status": "void", "attempted": True}, "pending"),
        ({"status": "enchanted", "attempted": True}, "pending"),
    ],
)
def test_what_became_of_an_invoice(fields: dict[str, Any], status: str) -> None:
    one = payment(**fields, next_payment_attempt=FRIDAY)

    assert one
    assert (one.status, one.attempts, one.next_attempt_at) == (status, 1, at(FRIDAY))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"status": "paid", "amount_due": 0, "amount_paid": 0}, id="a trial"),
        pytest.param({"status": "paid", "amount_due": 999, "amount_paid": 0}, id="paid from a credit"),
        pytest.param({"status": "draft", "amount_due": 0}, id="nothing is due"),
    ],
)
def test_where_no_money_moves_there_is_no_payment(fields: dict[str, Any]) -> None:
    assert payment(**fields) is None


def test_references_may_come_expanded() -> None:
    expanded = payment(parent={"subscription_details": {"subscription": {"id": "sub_1", "object": "subscription"}}})

    assert expanded
    assert expanded.subscription_reference == "sub_1"


OURS = "c0ffee00-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "complete"}, "completed"),
        ({"status": "expired"}, "expired"),
        ({"status": "open"}, "open"),
        ({"status": None}, "open"),
        ({"status": "enchanted"}, "open"),
    ],
)
def test_what_became_of_a_checkout(fields: dict[str, Any], status: str) -> None:
    one = seen_checkout(msgspec.convert({"id": "cs_1", "metadata": {"checkout_id": OURS}, **fields}, Session))

    assert one
    assert (one.reference, str(one.checkout_id), one.status) == ("cs_1", OURS, status)


@pytest.mark.parametrize(
    ("fields", "is_ours"),
    [
        ({"metadata": {"checkout_id": OURS}}, True),
        ({"metadata": {"checkout_id": OURS}, "client_reference_id": "order 7"}, True),
        ({"metadata": {}, "client_reference_id": OURS}, False),
        ({"metadata": {"checkout_id": "7"}}, False),
        ({"client_reference_id": "order 7"}, False),
        ({}, False),
    ],
)
def test_whose_checkout_it_is(fields: dict[str, Any], *, is_ours: bool) -> None:
    assert (seen_checkout(msgspec.convert({"id": "cs_1", **fields}, Session)) is not None) == is_ours


ONCE = {
    "id": "cs_1",
    "metadata": {"checkout_id": OURS},
    "mode": "payment",
    "status": "complete",
    "payment_intent": "pi_1",
}
CHARGED = {"id": "ch_1", "amount": 999, "currency": "usd", "created": FRIDAY, "payment_intent": "pi_1", "paid": True}


@pytest.mark.parametrize(
    ("fields", "paid"),
    [
        pytest.param({"payment_status": "paid"}, PaidAtOnce("pi_1", at(FRIDAY)), id="paid"),
        pytest.param({"payment_status": "unpaid"}, None, id="the money is on its way"),
        pytest.param({"payment_status": "enchanted"}, None, id="a word of the future"),
        pytest.param(
            {"payment_status": "no_payment_required", "payment_intent": None},
            PaidAtOnce("cs_1", None),
            id="for nothing",
        ),
        pytest.param({"payment_status": "paid", "status": "open"}, None, id="not completed"),
        pytest.param({"payment_status": "paid", "mode": "subscription"}, None, id="a subscription's first invoice"),
    ],
)
def test_whether_what_is_sold_once_is_paid(fields: dict[str, Any], paid: PaidAtOnce | None) -> None:
    assert bought_once(fields, by={"type": "card"}) == paid


@pytest.mark.parametrize("by", [{"type": "sepa_debit"}, None])
def test_when_a_slow_payment_came_is_not_when_it_was_begun(by: dict[str, str] | None) -> None:
    assert bought_once({"payment_status": "paid"}, by=by) == PaidAtOnce("pi_1", None)


BY_LINK = {**ONCE, "metadata": {}, "client_reference_id": OURS, "payment_status": "paid"}


@pytest.mark.parametrize(
    ("fields", "sold"),
    [
        pytest.param({"line_items": {"data": [{"price": GOLD, "quantity": 2}]}}, [("price_gold", 1998, 2)], id="two"),
        pytest.param({"line_items": {"data": [{"price": None, "quantity": 1}]}}, None, id="a price of the moment"),
        pytest.param(
            {"line_items": {"data": [{"price": GOLD | {"unit_amount": None}, "quantity": 1}]}}, None, id="tiered"
        ),
        pytest.param({}, None, id="nothing"),
        pytest.param({"line_items": {"data": [{"price": GOLD, "quantity": 0}]}}, None, id="none of it"),
    ],
)
def test_what_a_payment_link_sold(fields: dict[str, Any], sold: list[tuple[str, int, int]] | None) -> None:
    purchase = seen_purchase(msgspec.convert({**BY_LINK, **fields}, Session))

    assert (purchase and [(one.price_id, one.price.amount, one.quantity) for one in purchase.sold]) == sold


@pytest.mark.parametrize("fields", [{"payment_status": "unpaid"}, {"status": "open"}, {"metadata": ONCE["metadata"]}])
def test_what_is_not_paid_or_is_ours_is_no_purchase_by_a_link(fields: dict[str, Any]) -> None:
    lines = {"data": [{"price": GOLD, "quantity": 1}]}

    assert seen_purchase(msgspec.convert({**BY_LINK, "line_items": lines, **fields}, Session)) is None


def bought_once(fields: dict[str, Any], *, by: dict[str, str] | None) -> PaidAtOnce | None:
    """What is seen of it, with its charge beside it."""
    session = msgspec.convert({**ONCE, **fields}, Session)
    charge = msgspec.convert({**CHARGED, "payment_method_details": by}, Charge)
    [checkout] = customer_truth([], [], [session], [], [charge]).checkouts
    return checkout.paid
