"""The hosted page: what a session asks for, and what comes of paying, declining, leaving and being late."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import CANCEL_URL, Clock, Receiver, Sandbox, plain, unix


def test_alice_subscribes(sandbox: Sandbox, clock: Clock) -> None:
    price = sandbox.price(999)
    session = sandbox.session(
        price,
        client_reference_id="account-of-alice",
        customer_email="alice@example.org",
        metadata={"plan": "gold"},
        subscription_data={"metadata": {"account": "alice"}},
    )

    paid = sandbox.choose(session, "pay")

    assert paid.status_code == 303
    assert paid.headers["location"] == f"http://127.0.0.1:1/welcome?session={session.id}"
    done = sandbox.api.checkout.sessions.retrieve(session.id, {"expand": ["customer", "subscription"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert (done.client_reference_id, plain(done.metadata)) == ("account-of-alice", {"plan": "gold"})
    assert isinstance(done.customer, stripe.Customer)
    assert done.customer.email == "alice@example.org"
    assert isinstance(done.subscription, stripe.Subscription)
    assert done.subscription.status == "active"
    assert plain(done.subscription.metadata) == {"account": "alice"}
    [item] = done.subscription.items.data
    assert item.price.id == price
    assert item.current_period_start == unix(clock.now)


def test_the_money_can_be_traced_from_the_session_to_the_charge(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(sandbox.price(999))

    [invoice] = sandbox.api.invoices.list({"subscription": subscription.id, "expand": ["data.payments"]}).data
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 999, "subscription_create")
    assert invoice.attempt_count == 1
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.payments
    [link] = invoice.payments.data
    assert (link.status, link.amount_paid) == ("paid", 999)
    intent = sandbox.api.payment_intents.retrieve(str(link.payment.payment_intent), {"expand": ["latest_charge"]})
    assert (intent.status, intent.amount_received) == ("succeeded", 999)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.paid
    back = sandbox.api.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent.id}})
    assert [one.invoice for one in back.data] == [invoice.id]


def test_paying_is_announced_as_stripe_announces_it(sandbox: Sandbox, receiver: Receiver, clock: Clock) -> None:
    price = sandbox.price()
    sandbox.settle()
    receiver.events.clear()
    sandbox.deliveries(parallel=1)

    sandbox.subscribe(price)
    sandbox.settle()

    assert receiver.types == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    assert {event.created for event in receiver.events} == {unix(clock.now)}
    assert set(receiver.signed_at) == {unix(clock.now)}
    created, updated = (event for event in receiver.events if event.type.startswith("customer.subscription"))
    assert created.data.object["status"] == "incomplete"
    assert updated.data.object["status"] == "active"
    assert plain(updated.data.previous_attributes) == {"status": "incomplete"}


def test_a_declined_card_buys_nothing_and_may_be_tried_again(sandbox: Sandbox, clock: Clock) -> None:
    session = sandbox.session(sandbox.price())
    before = len(sandbox.happened())

    declined = sandbox.choose(session, "decline")

    assert (declined.status_code, declined.headers["location"]) == (303, CANCEL_URL)
    assert sandbox.types()[before:] == ["payment_intent.payment_failed"]
    [intent] = sandbox.api.payment_intents.list().data
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error
    assert intent.last_payment_error.code == "card_declined"
    assert sandbox.api.subscriptions.list({"status": "all"}).data == []
    assert session.url
    assert "Your card was declined" in sandbox.http.get(session.url).text
    assert sandbox.choose(session, "pay").status_code == 303
    assert len(sandbox.api.subscriptions.list().data) == 1


def test_leaving_changes_nothing(sandbox: Sandbox) -> None:
    session = sandbox.session(sandbox.price())
    before = sandbox.types()

    left = sandbox.choose(session, "leave")

    assert (left.status_code, left.headers["location"]) == (303, CANCEL_URL)
    assert sandbox.types() == before
    assert sandbox.api.checkout.sessions.retrieve(session.id).status == "open"


def test_without_a_return_address_one_stays_on_the_page(sandbox: Sandbox) -> None:
    wanted = {"mode": "subscription", "line_items": [{"price": sandbox.price()}], "success_url": "http://a.test/"}
    session = sandbox.api.checkout.sessions.create(wanted)  # type: ignore[arg-type]

    assert sandbox.choose(session, "leave").headers["location"] == session.url


def test_an_address_beyond_ascii_is_led_on_to_in_percents(sandbox: Sandbox) -> None:
    session = sandbox.session(sandbox.price(), success_url="http://127.0.0.1:1/willkommen/Küche?wer=Ænne&rest=a%20b")

    paid = sandbox.choose(session, "pay")

    assert (paid.status_code, paid.headers["location"]) == (
        303,
        "http://127.0.0.1:1/willkommen/K%C3%BCche?wer=%C3%86nne&rest=a%20b",
    )


def test_two_tabs_pay_once(sandbox: Sandbox) -> None:
    session = sandbox.session(sandbox.price())

    with ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(lambda _: sandbox.choose(session, "pay").status_code, range(8)))

    assert sorted(answers) == [303] + [409] * 7
    assert len(sandbox.api.subscriptions.list().data) == 1
    assert len(sandbox.api.charges.list().data) == 1


def test_a_paid_session_leads_on_to_where_it_would_have_gone(sandbox: Sandbox) -> None:
    session = sandbox.session(sandbox.price())
    sandbox.choose(session, "pay")
    assert session.url

    again = sandbox.http.get(session.url)

    assert again.status_code == 409
    assert f"http://127.0.0.1:1/welcome?session={session.id}" in again.text


def test_an_expired_session_cannot_be_paid(sandbox: Sandbox, clock: Clock) -> None:
    session = sandbox.session(sandbox.price(), expires_at=unix(clock.now + timedelta(minutes=30)))

    clock.pass_(minutes=31)

    assert sandbox.choose(session, "pay").status_code == 410
    assert sandbox.api.subscriptions.list().data == []
    [event] = sandbox.api.events.list({"type": "checkout.session.expired"}).data
    assert event.created == session.expires_at


def test_the_shop_expires_a_session_itself(sandbox: Sandbox) -> None:
    session = sandbox.session(sandbox.price())

    assert sandbox.api.checkout.sessions.expire(session.id).status == "expired"

    assert sandbox.choose(session, "pay").status_code == 410
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        sandbox.api.checkout.sessions.expire(session.id)


def test_a_rental_is_paid_once_and_needs_no_customer(sandbox: Sandbox) -> None:
    price = sandbox.price(399, interval=None, name="One film")
    session = sandbox.session(price, mode="payment", payment_intent_data={"metadata": {"film": "m1"}})

    sandbox.choose(session, "pay")

    done = sandbox.api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.payment_status, done.customer, done.subscription) == ("paid", None, None)
    assert isinstance(done.payment_intent, stripe.PaymentIntent)
    assert (done.payment_intent.amount, plain(done.payment_intent.metadata)) == (399, {"film": "m1"})
    assert sandbox.next_due() is None


def test_a_rental_makes_a_customer_when_asked_to(sandbox: Sandbox) -> None:
    price = sandbox.price(399, interval=None)
    session = sandbox.session(price, mode="payment", customer_creation="always", customer_email="bob@example.org")

    sandbox.choose(session, "pay")

    done = sandbox.api.checkout.sessions.retrieve(session.id)
    assert done.customer_details
    assert done.customer_details.email == "bob@example.org"
    assert sandbox.api.customers.list({"email": "bob@example.org"}).data[0].id == done.customer


def test_the_page_says_what_it_costs(sandbox: Sandbox) -> None:
    page = sandbox.http.get(sandbox.session(sandbox.price(123456, name="Gold & <b>Silver</b>")).url or "")

    assert page.status_code == 200
    assert "Gold &amp; &lt;b&gt;Silver&lt;/b&gt;" in page.text
    assert "$1,234.56 per month" in page.text
    assert "Pay $1,234.56" in page.text
    assert page.text.count('name="outcome"') == 3
    assert "http" not in page.text


def test_the_page_of_a_trial_takes_nothing_today(sandbox: Sandbox) -> None:
    session = sandbox.session(sandbox.price(999), subscription_data={"trial_period_days": 7})

    page = sandbox.http.get(session.url or "").text

    assert "7 days free" in page
    assert "<td>$0.00</td>" in page
    assert "$9.99 per month" in page


def test_an_invoice_has_a_page_that_serves_as_its_receipt(sandbox: Sandbox) -> None:
    sandbox.subscribe(sandbox.price(999, name="Gold"))
    [invoice] = sandbox.api.invoices.list().data

    page = sandbox.http.get(invoice.hosted_invoice_url or "")

    assert page.status_code == 200
    assert f"Invoice {invoice.number}" in page.text
    assert "31 January 2026: paid" in page.text
    assert "1 x Gold" in page.text
    assert page.text.count("$9.99") == 2
    assert sandbox.http.get("/invoices/in_0").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("outcome=steal", 400),
        ("", 400),
        ("&".join(f"a{n}=1" for n in range(50)), 400),
        ("outcome=" + "x" * 20_000, 413),
    ],
)
def test_what_the_page_does_not_understand_changes_nothing(sandbox: Sandbox, body: str, status: int) -> None:
    session = sandbox.session(sandbox.price())

    answer = sandbox.http.post(
        session.url or "", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert sandbox.api.checkout.sessions.retrieve(session.id).status == "open"


def test_an_unknown_session_has_no_page(sandbox: Sandbox) -> None:
    assert sandbox.http.get("/checkout/cs_test_nobody").status_code == 404


def test_a_price_has_eight_digits_at_most(sandbox: Sandbox) -> None:
    assert sandbox.api.prices.retrieve(sandbox.price(99_999_999)).unit_amount == 99_999_999

    with pytest.raises(stripe.InvalidRequestError):
        sandbox.price(100_000_000)
