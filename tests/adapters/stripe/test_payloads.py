"""What deliveries say by themselves: in whichever order they came the answer is the same, and it is the newest word."""

from itertools import pairwise, permutations
from typing import Any

import msgspec
import pytest

from adapters.stripe.payloads import told_by
from adapters.stripe.units import at
from application.ports.billing import SeenSubscription
from domain.shared.money import Money

MONDAY, TUESDAY, JULY, AUGUST = 1_780_000_000, 1_780_086_400, 1_783_600_000, 1_786_200_000


def subscription(**fields: Any) -> dict[str, Any]:
    price = {"id": "price_gold", "currency": "usd", "unit_amount": 999}
    item = {"price": price, "current_period_start": MONDAY, "current_period_end": fields.pop("period_end", JULY)}
    usual = {"id": "sub_1", "object": "subscription", "status": "active", "start_date": MONDAY}
    return {**usual, "items": {"data": [item]}, **fields}


def event(kind: str, about: dict[str, Any], *, created: int = MONDAY, before: dict[str, Any] | None = None) -> bytes:
    data = {"object": about, "previous_attributes": before}
    number = msgspec.json.encode([kind, about, created]).hex()[-24:]
    return msgspec.json.encode({"id": f"evt_{number}", "type": kind, "created": created, "data": data})


def told(*bodies: bytes) -> SeenSubscription:
    """The one subscription that they tell of, whichever comes first."""
    answers = {tuple(told_by(order)) for order in permutations(bodies)}
    assert len(answers) == 1, "the order in which they came does not matter"
    [[seen]] = answers
    return seen


CREATED = event("customer.subscription.created", subscription(status="incomplete"))


def test_the_later_second_is_the_newer_word() -> None:
    later = event("customer.subscription.updated", subscription(status="past_due"), created=TUESDAY)

    assert told(CREATED, later).status == "past_due"


def test_in_one_second_the_one_that_names_the_others_state_as_before_is_newer() -> None:
    activated = event("customer.subscription.updated", subscription(), before={"status": "incomplete"})
    resumed = event("customer.subscription.created", subscription(status="past_due"), before={"status": "active"})

    assert told(CREATED, activated).status == "active"
    assert told(activated, resumed).status == "past_due"


def selling(*prices: str, **fields: Any) -> dict[str, Any]:
    """Each for as long as its number says."""
    items = [
        {"id": f"si_{price}", "price": {"id": price, "currency": "usd", "unit_amount": 999}}
        | {"current_period_start": MONDAY, "current_period_end": JULY + int(price)}
        for price in prices
    ]
    return subscription(items={"data": items}, **fields)


def updated(now: dict[str, Any], before: dict[str, Any]) -> bytes:
    changed = {name: value for name, value in before.items() if value != now.get(name)}
    return event("customer.subscription.updated", now, before=changed)


def test_in_one_second_what_it_sold_before_tells_too_though_the_period_that_ends_last_is_gone() -> None:
    steps = [selling("1"), selling("1", "9"), selling("9"), selling("9", "5"), selling("5")]
    deliveries = [updated(now, before) for before, now in pairwise(steps)]

    for count in range(2, len(deliveries) + 1):
        sold = [item.price_id for item in told(*deliveries[:count]).items]
        assert sold == [item["price"]["id"] for item in steps[count]["items"]["data"]]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(
            {"data": [{"price": {"id": "price_gold"}, "current_period_end": JULY, "metadata": {}}]}, id="same"
        ),
        pytest.param({"data": [{"price": "price_gold"}]}, id="of no known shape"),
        pytest.param(None, id="null"),
    ],
)
def test_items_that_tell_nothing_leave_it_to_the_rest_of_what_was_before(items: Any) -> None:
    before = event("customer.subscription.updated", subscription(status="incomplete"))
    after = event("customer.subscription.created", subscription(), before={"items": items, "status": "incomplete"})

    assert told(before, after).status == "active"


def test_in_one_second_a_period_does_not_end_earlier() -> None:
    renewed = event("customer.subscription.created", subscription(period_end=AUGUST))

    assert told(event("customer.subscription.updated", subscription()), renewed).first.period_end == at(AUGUST)


def test_and_otherwise_what_usually_comes_later_is_newer() -> None:
    warned = event("customer.subscription.trial_will_end", subscription(status="trialing"))
    upgraded = event("customer.subscription.updated", subscription(status="active"))

    assert told(warned, upgraded, CREATED).status == "active"


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
def test_an_end_is_the_last_word(status: str) -> None:
    over = event("customer.subscription.deleted", subscription(status=status, ended_at=MONDAY))
    late = event("customer.subscription.updated", subscription(), created=TUESDAY)

    assert told(over, late, CREATED).status == status


def test_a_failure_is_counted_from_the_invoice_that_tells_of_it() -> None:
    invoice = {
        "id": "in_1",
        "object": "invoice",
        "created": MONDAY,
        "currency": "usd",
        "amount_due": 999,
        "amount_paid": 0,
        "status": "open",
        "attempted": True,
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "status_transitions": {"finalized_at": MONDAY},
    }
    failed = event("invoice.payment_failed", invoice, created=TUESDAY)
    past_due = event("customer.subscription.updated", subscription(status="past_due"), created=TUESDAY)

    assert told(past_due, failed).failing_since == at(MONDAY)


def test_the_shape_of_before_2025_is_read_too() -> None:
    item = {"plan": {"id": "price_gold", "currency": "usd", "amount": 999, "interval": "month"}, "quantity": 2}
    old = subscription(items={"data": [item]}, current_period_start=MONDAY, current_period_end=JULY)

    seen = told(event("customer.subscription.updated", old))

    assert (seen.first.price_id, seen.first.price) == ("price_gold", Money(1998, "USD"))
    assert (seen.first.period_start, seen.first.period_end) == (at(MONDAY), at(JULY))


def test_the_shape_of_2014_is_read_too() -> None:
    """One plan on the subscription itself, which began at `start`."""
    plan = {"id": "price_gold", "object": "plan", "currency": "usd", "amount": 999, "interval": "month"}
    old = {"id": "sub_1", "object": "subscription", "status": "active", "start": MONDAY, "plan": plan, "quantity": 2}
    period = {"current_period_start": MONDAY, "current_period_end": JULY}

    seen = told(event("customer.subscription.updated", old | period))

    assert (seen.first.price_id, seen.first.price, seen.started_at) == ("price_gold", Money(1998, "USD"), at(MONDAY))
    assert (seen.first.period_start, seen.first.period_end) == (at(MONDAY), at(JULY))


OWED = {"id": "in_1", "object": "invoice", "currency": "usd", "amount_due": 999, "subscription": "sub_1"}
OF_2014 = OWED | {"date": MONDAY, "attempted": True, "paid": False, "closed": False, "forgiven": None}
OF_2024 = OWED | {"created": MONDAY, "attempted": True, "status": "open", "amount_paid": 0, "paid": False}


@pytest.mark.parametrize(
    ("invoice", "since"),
    [
        pytest.param(OF_2024, MONDAY, id="2024"),
        pytest.param(OF_2014, MONDAY, id="2014"),
        pytest.param(OF_2014 | {"forgiven": True}, MONDAY, id="2014, written off"),
        pytest.param(OF_2014 | {"paid": True}, None, id="2014, paid"),
        pytest.param(OF_2014 | {"closed": True}, MONDAY, id="2014, given up, and nothing else owed"),
    ],
)
def test_a_failure_is_counted_from_an_invoice_of_a_former_shape(invoice: dict[str, Any], since: int | None) -> None:
    failed = event("invoice.payment_failed", invoice, created=TUESDAY)
    past_due = event("customer.subscription.updated", subscription(status="past_due"), created=TUESDAY)

    assert told(past_due, failed).failing_since == (since and at(since))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"id": "evt_1"}',
        b"[" * 5_000,
        event("customer.updated", {"id": "cus_1", "object": "customer"}),
        event("customer.subscription.updated", {"id": "sub_2", "object": "subscription", "items": 7}),
        event("customer.subscription.updated", subscription(items={"data": [None, {"plan": None}]})),
        event("customer.subscription.updated", subscription(items={"data": []})),
        event("invoice.paid", {"object": "invoice", "id": 7}),
    ],
    ids=str,
)
def test_what_cannot_be_read_says_nothing(body: bytes) -> None:
    assert told_by([body]) == []
    assert told(body, CREATED).status == "incomplete"


def test_each_subscription_is_told_of_by_itself() -> None:
    other = event("customer.subscription.updated", subscription(id="sub_2", status="unpaid"))

    assert {one.reference: one.status for one in told_by([CREATED, other])} == {
        "sub_1": "incomplete",
        "sub_2": "unpaid",
    }
