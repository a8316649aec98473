"""A subscription through the months: renewals, ends, trials and cards that fail, each at its own moment."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox, at, eventually, plain, unix

DAY = timedelta(days=1)


def period_end(subscription: stripe.Subscription) -> datetime:
    return datetime.fromtimestamp(subscription.items.data[0].current_period_end, UTC)


@pytest.mark.parametrize("to", [5, "5", "tomorrow", "2027-01-31T12:00:00"])
def test_a_time_that_is_none_is_refused(sandbox: Sandbox, to: object) -> None:
    assert sandbox.http.post("/_sandbox/advance", json={"to": to}).status_code == 400


def test_a_subscription_renews_on_its_day_clamped_to_short_months(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price(999))

    sandbox.advance(at("2026-05-01T00:00:00"))

    invoices = sandbox.api.invoices.list({"subscription": subscription.id}).data[::-1]
    assert [invoice.created for invoice in invoices] == [
        unix(at(f"2026-{day}T12:00:00")) for day in ("01-31", "02-28", "03-31", "04-30")
    ]
    assert {invoice.status for invoice in invoices} == {"paid"}
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_create"] + ["subscription_cycle"] * 3
    assert [invoice.number[-4:] for invoice in invoices if invoice.number] == ["0001", "0002", "0003", "0004"]
    after = sandbox.reread(subscription)
    assert after.status == "active"
    assert after.items.data[0].current_period_start == unix(at("2026-04-30T12:00:00"))
    assert after.items.data[0].current_period_end == unix(at("2026-05-31T12:00:00"))
    assert after.latest_invoice == invoices[-1].id
    assert sandbox.next_due() == at("2026-05-31T12:00:00")


def test_a_renewal_says_when_it_happened_and_what_it_changed(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(sandbox.price(999))

    sandbox.advance(at("2026-03-01T00:00:00"))

    events = sandbox.happened(since=at("2026-02-01T00:00:00"))
    assert {event.created for event in events} == {unix(at("2026-02-28T12:00:00"))}
    assert [event.type for event in events] == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    previous = events[1].data.previous_attributes
    assert previous
    assert previous["latest_invoice"] == subscription.latest_invoice
    assert previous["items"]["data"][0]["current_period_end"] == subscription.items.data[0].current_period_end
    invoice = events[0].data.object
    assert (invoice["period_start"], invoice["period_end"]) == (subscription.created, events[0].created)


def test_alice_cancels_and_keeps_what_she_paid_for(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price(999))
    end = subscription.items.data[0].current_period_end
    clock.pass_(days=3)

    asked = sandbox.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    assert (asked.status, asked.cancel_at_period_end, asked.cancel_at) == ("active", True, end)
    assert asked.canceled_at == unix(clock.now)
    assert asked.cancellation_details
    assert asked.cancellation_details.reason == "cancellation_requested"
    sandbox.advance(period_end(subscription) - timedelta(seconds=1))
    assert sandbox.reread(subscription).status == "active"
    sandbox.advance(period_end(subscription))
    gone = sandbox.reread(subscription)
    assert (gone.status, gone.ended_at, gone.canceled_at) == ("canceled", end, unix(clock.now))
    assert len(sandbox.api.invoices.list({"subscription": subscription.id}).data) == 1
    [deleted] = sandbox.api.events.list({"type": "customer.subscription.deleted"}).data
    assert (deleted.created, deleted.data.object["status"]) == (end, "canceled")
    assert sandbox.next_due() is None


def test_a_cancellation_can_be_taken_back(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(sandbox.price())
    sandbox.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    stays = sandbox.api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})

    assert (stays.cancel_at_period_end, stays.cancel_at, stays.canceled_at) == (False, None, None)
    sandbox.advance(period_end(subscription))
    assert sandbox.reread(subscription).status == "active"


def test_a_subscription_ends_on_a_given_day(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price())
    last_day = clock.now + 40 * DAY

    asked = sandbox.api.subscriptions.update(subscription.id, {"cancel_at": unix(last_day)})

    assert (asked.cancel_at, asked.cancel_at_period_end) == (unix(last_day), False)
    sandbox.advance(clock.now + 60 * DAY)
    gone = sandbox.reread(subscription)
    assert (gone.status, gone.ended_at) == ("canceled", unix(last_day))
    assert len(sandbox.api.invoices.list({"subscription": subscription.id}).data) == 2


def test_a_subscription_canceled_now_ends_inside_its_period(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price())
    clock.pass_(days=3)

    gone = sandbox.api.subscriptions.cancel(subscription.id, {"cancellation_details": {"comment": "Too dear"}})

    assert (gone.status, gone.ended_at, gone.canceled_at) == ("canceled", unix(clock.now), unix(clock.now))
    assert gone.cancellation_details
    assert gone.cancellation_details.comment == "Too dear"
    assert sandbox.types()[-1] == "customer.subscription.deleted"
    assert sandbox.next_due() is None
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        sandbox.api.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="can only update"):
        sandbox.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_a_trial_is_free_then_paid(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price(999), subscription_data={"trial_period_days": 7})

    trial_end = clock.now + 7 * DAY
    assert (subscription.status, subscription.trial_end) == ("trialing", unix(trial_end))
    assert subscription.items.data[0].current_period_end == unix(trial_end)
    [session] = sandbox.api.checkout.sessions.list({"subscription": subscription.id}).data
    assert (session.payment_status, session.amount_total) == ("no_payment_required", 0)
    [free] = sandbox.api.invoices.list({"subscription": subscription.id}).data
    assert (free.status, free.amount_due) == ("paid", 0)
    assert sandbox.api.charges.list().data == []

    sandbox.advance(trial_end)

    active = sandbox.reread(subscription)
    assert (active.status, active.billing_cycle_anchor) == ("active", unix(trial_end))
    assert active.items.data[0].current_period_end == unix(at("2026-03-07T12:00:00"))
    paid = sandbox.api.invoices.list({"subscription": subscription.id}).data[0]
    assert (paid.status, paid.amount_paid, paid.created) == ("paid", 999, unix(trial_end))
    [notice] = sandbox.api.events.list({"type": "customer.subscription.trial_will_end"}).data
    assert notice.created == unix(trial_end - 3 * DAY)


def test_a_trial_that_is_canceled_is_never_charged(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price(999), subscription_data={"trial_period_days": 2})
    sandbox.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    sandbox.advance(clock.now + 3 * DAY)

    assert sandbox.reread(subscription).status == "canceled"
    assert sandbox.api.charges.list().data == []
    assert sandbox.types().count("customer.subscription.trial_will_end") == 1


def test_a_failing_card_makes_it_past_due_until_a_later_bill_is_paid(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "/dunning", retry_days=[], then="past_due")
    subscription = sandbox.subscribe(sandbox.price(999))
    sandbox.card(subscription.customer, "decline")

    sandbox.advance(at("2026-03-01T00:00:00"))

    assert sandbox.reread(subscription).status == "past_due"
    assert sandbox.types(since=at("2026-02-28T12:00:00"))[-5:] == [
        "invoice.finalized",
        "payment_intent.payment_failed",
        "customer.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    unpaid = sandbox.api.invoices.list({"subscription": subscription.id}).data[0]
    assert (unpaid.status, unpaid.attempt_count, unpaid.amount_remaining) == ("open", 1, 999)
    assert sandbox.api.customers.retrieve(str(subscription.customer)).delinquent

    sandbox.card(subscription.customer, "ok")
    sandbox.advance(at("2026-04-01T00:00:00"))

    assert sandbox.reread(subscription).status == "active"


def test_created_in_the_dashboard_it_is_active_when_the_card_is_good(sandbox: Sandbox) -> None:
    customer = sandbox.api.customers.create({"email": "dora@example.org"})

    subscription = sandbox.api.subscriptions.create(
        {"customer": customer.id, "items": [{"price": sandbox.price(999)}], "metadata": {"by": "hand"}}
    )

    assert (subscription.status, plain(subscription.metadata)) == ("active", {"by": "hand"})
    assert "checkout.session.completed" not in sandbox.types()


def test_a_first_payment_that_fails_lapses_after_23_hours(sandbox: Sandbox, clock: Clock) -> None:
    customer = sandbox.api.customers.create({"email": "eve@example.org"})
    sandbox.card(customer.id, "decline")

    subscription = sandbox.api.subscriptions.create({"customer": customer.id, "items": [{"price": sandbox.price()}]})

    assert subscription.status == "incomplete"
    assert sandbox.next_due() == clock.now + timedelta(hours=23)
    sandbox.advance(clock.now + DAY)
    assert sandbox.reread(subscription).status == "incomplete_expired"
    assert sandbox.api.invoices.list({"customer": customer.id}).data[0].status == "void"
    assert [one.id for one in sandbox.api.subscriptions.list({"status": "ended"}).data] == [subscription.id]


def test_another_price_of_the_same_cycle_counts_from_the_next_invoice(sandbox: Sandbox) -> None:
    silver, gold = sandbox.price(999), sandbox.price(1999)
    subscription = sandbox.subscribe(silver)

    changed = sandbox.api.subscriptions.update(
        subscription.id,
        {"items": [{"id": subscription.items.data[0].id, "price": gold}], "proration_behavior": "none"},
    )

    assert changed.items.data[0].price.id == gold
    assert changed.items.data[0].current_period_end == subscription.items.data[0].current_period_end
    sandbox.advance(at("2026-03-01T00:00:00"))
    amounts = [invoice.amount_paid for invoice in sandbox.api.invoices.list({"subscription": subscription.id}).data]
    assert amounts == [1999, 999]


def test_from_a_month_to_a_year_a_new_period_begins_and_is_billed(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price(999))
    yearly = sandbox.price(9999, interval="year")
    clock.pass_(days=10)

    changed = sandbox.api.subscriptions.update(
        subscription.id,
        {"items": [{"id": subscription.items.data[0].id, "price": yearly}], "proration_behavior": "none"},
    )

    [item] = changed.items.data
    assert item.current_period_start == unix(clock.now)
    assert item.current_period_end == unix(at("2027-02-10T12:00:00"))
    [latest, _] = sandbox.api.invoices.list({"subscription": subscription.id}).data
    assert (latest.amount_paid, latest.billing_reason) == (9999, "subscription_update")


def test_everybody_is_billed_in_the_order_in_which_it_falls_due(sandbox: Sandbox, clock: Clock) -> None:
    price = sandbox.price(999)
    first = sandbox.subscribe(price)
    clock.pass_(days=1)
    second = sandbox.subscribe(price)

    sandbox.advance(at("2026-03-10T00:00:00"))

    renewed = [
        event.data.object["parent"]["subscription_details"]["subscription"]
        for event in sandbox.happened(since=at("2026-02-20T00:00:00"))
        if event.type == "invoice.paid"
    ]
    assert renewed == [first.id, second.id]


def test_what_falls_due_by_the_clock_happens_without_being_asked_for(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.subscribe(sandbox.price(999))

    clock.now = at("2026-03-05T00:00:00")

    eventually(lambda: sandbox.next_due() == at("2026-03-31T12:00:00"))
    assert sandbox.api.invoices.list().data[0].created == unix(at("2026-02-28T12:00:00"))


def test_advanced_time_stays_until_it_is_taken_back(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.advance(at("2026-06-01T00:00:00"))
    assert sandbox.api.customers.create().created == unix(at("2026-06-01T00:00:00"))

    sandbox.advance(None)

    assert sandbox.api.customers.create().created == unix(clock.now)


@pytest.mark.parametrize(
    "to", ['{"to": "2099-01-01T00:00:00Z"}', '{"to": "2026-03-01T00:00:00"}', '{"to": "soon"}', "{}"]
)
def test_time_is_not_advanced_to_what_makes_no_sense(sandbox: Sandbox, to: str) -> None:
    answer = sandbox.http.post("/_sandbox/advance", content=to)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
