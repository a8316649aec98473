"""Changes while a subscription runs: plans, quantities and items, prorated or not, paid at once or pending."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox, at, unix

DAY = timedelta(days=1)


@pytest.fixture
def silver(sandbox: Sandbox, clock: Clock) -> stripe.Subscription:
    """A subscription of 28 days at 10 dollars, of which 7 are over."""
    subscription = sandbox.subscribe(sandbox.price(1000))
    clock.pass_(days=7)
    return subscription


def exchange(sandbox: Sandbox, subscription: stripe.Subscription, price: str, **more: Any) -> stripe.Subscription:
    item = subscription.items.data[0].id
    changed: Any = {"items": [{"id": item, "price": price}], **more}
    return sandbox.api.subscriptions.update(subscription.id, changed)


def bills(sandbox: Sandbox, subscription: stripe.Subscription) -> list[stripe.Invoice]:
    """The oldest first."""
    return sandbox.api.invoices.list({"subscription": subscription.id}).data[::-1]


def test_a_dearer_plan_is_prorated_and_paid_at_once(sandbox: Sandbox, silver: stripe.Subscription) -> None:
    gold = sandbox.price(2000)

    changed = exchange(sandbox, silver, gold, proration_behavior="always_invoice")

    assert changed.items.data[0].price.id == gold
    assert changed.items.data[0].current_period_end == silver.items.data[0].current_period_end
    [_, bill] = bills(sandbox, silver)
    assert [
        (line.amount, line.parent.subscription_item_details.proration)
        for line in bill.lines.data
        if line.parent and line.parent.subscription_item_details
    ] == [(-750, True), (1500, True)]
    assert (bill.amount_paid, bill.billing_reason, bill.status) == (750, "subscription_update", "paid")
    sandbox.advance(at("2026-03-01T00:00:00"))
    assert bills(sandbox, silver)[-1].amount_paid == 2000


def test_unless_told_otherwise_the_difference_comes_with_the_next_invoice(
    sandbox: Sandbox, silver: stripe.Subscription
) -> None:
    exchange(sandbox, silver, sandbox.price(2000))
    assert len(bills(sandbox, silver)) == 1

    sandbox.advance(at("2026-03-29T00:00:00"))
    assert [bill.amount_paid for bill in bills(sandbox, silver)] == [1000, 2750]
    sandbox.advance(at("2026-04-01T00:00:00"))
    assert bills(sandbox, silver)[-1].amount_paid == 2000


def test_what_a_cheaper_plan_gives_back_is_kept_for_the_next_invoice(
    sandbox: Sandbox, silver: stripe.Subscription
) -> None:
    exchange(sandbox, silver, sandbox.price(200), proration_behavior="always_invoice")

    [_, credit] = bills(sandbox, silver)
    assert (credit.total, credit.amount_due, credit.status, credit.ending_balance) == (-600, 0, "paid", -600)
    assert sandbox.api.customers.retrieve(str(silver.customer)).balance == -600
    sandbox.advance(at("2026-05-01T00:00:00"))
    assert [bill.amount_paid for bill in bills(sandbox, silver)[2:]] == [0, 0, 0]
    assert sandbox.api.customers.retrieve(str(silver.customer)).balance == 0
    sandbox.advance(at("2026-06-01T00:00:00"))
    assert bills(sandbox, silver)[-1].amount_paid == 200


def test_from_a_month_to_a_year_the_rest_of_the_month_comes_back(sandbox: Sandbox, silver: stripe.Subscription) -> None:
    changed = exchange(sandbox, silver, sandbox.price(9000, interval="year"))

    assert bills(sandbox, silver)[-1].amount_paid == 9000 - 750
    assert changed.items.data[0].current_period_end == unix(at("2027-02-07T12:00:00"))


def test_a_change_that_is_not_paid_is_refused_or_makes_it_past_due(
    sandbox: Sandbox, silver: stripe.Subscription
) -> None:
    gold = sandbox.price(2000)
    sandbox.card(silver.customer, "decline")

    with pytest.raises(stripe.CardError):
        exchange(sandbox, silver, gold, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")
    assert sandbox.reread(silver) == silver

    changed = exchange(sandbox, silver, gold, proration_behavior="always_invoice")
    assert (changed.status, changed.items.data[0].price.id) == ("past_due", gold)


@pytest.fixture
def waiting(sandbox: Sandbox, silver: stripe.Subscription) -> stripe.Subscription:
    """Its dearer plan waits for a payment that was declined."""
    sandbox.card(silver.customer, "decline")
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    return exchange(sandbox, silver, sandbox.price(2000, name="Platinum"), **pending)


def test_an_upgrade_that_is_not_paid_waits(
    sandbox: Sandbox, silver: stripe.Subscription, waiting: stripe.Subscription, clock: Clock
) -> None:
    assert waiting.status == "active"
    assert waiting.items.data[0].price.id == silver.items.data[0].price.id
    assert waiting.pending_update
    assert waiting.pending_update.expires_at == unix(clock.now + timedelta(hours=23))
    assert waiting.pending_update.subscription_items
    assert waiting.pending_update.subscription_items[0].price.unit_amount == 2000
    unpaid = bills(sandbox, silver)[-1]
    assert (unpaid.status, unpaid.amount_due, unpaid.next_payment_attempt) == ("open", 750, None)
    assert waiting.latest_invoice == unpaid.id


def test_an_upgrade_that_is_paid_in_time_is_applied(sandbox: Sandbox, waiting: stripe.Subscription) -> None:
    sandbox.card(waiting.customer, "ok")

    sandbox.api.invoices.pay(str(waiting.latest_invoice))

    applied = sandbox.reread(waiting)
    assert (applied.items.data[0].price.unit_amount, applied.pending_update) == (2000, None)
    assert sandbox.types()[-1] == "customer.subscription.pending_update_applied"
    assert sandbox.next_due() == at("2026-02-28T12:00:00")


def test_an_upgrade_that_nobody_pays_is_dropped(sandbox: Sandbox, waiting: stripe.Subscription, clock: Clock) -> None:
    sandbox.advance(clock.now + timedelta(hours=23))

    dropped = sandbox.reread(waiting)
    assert (dropped.status, dropped.items.data[0].price.unit_amount, dropped.pending_update) == ("active", 1000, None)
    assert bills(sandbox, waiting)[-1].status == "void"
    assert sandbox.types()[-2:] == ["customer.subscription.pending_update_expired", "invoice.voided"]


def test_another_upgrade_comes_in_the_place_of_the_one_that_waits(
    sandbox: Sandbox, waiting: stripe.Subscription
) -> None:
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    other = exchange(sandbox, waiting, sandbox.price(3000, name="Iridium"), **pending)

    assert [bill.status for bill in bills(sandbox, waiting)[1:]] == ["void", "open"]
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.api.invoices.pay(str(waiting.latest_invoice))
    sandbox.card(waiting.customer, "ok")
    sandbox.api.invoices.pay(str(other.latest_invoice))
    applied = sandbox.reread(waiting)
    assert (applied.items.data[0].price.unit_amount, applied.pending_update) == (3000, None)


def test_nor_is_it_paid_for_once_a_cheaper_plan_counts_at_once(sandbox: Sandbox, waiting: stripe.Subscription) -> None:
    changed = exchange(sandbox, waiting, sandbox.price(500, name="Tin"), proration_behavior="create_prorations")

    assert (changed.items.data[0].price.unit_amount, changed.pending_update) == (500, None)
    assert bills(sandbox, waiting)[-1].status == "void"


def test_nor_once_it_has_ended(sandbox: Sandbox, waiting: stripe.Subscription) -> None:
    ended = sandbox.api.subscriptions.cancel(waiting.id)

    assert (ended.status, ended.pending_update) == ("canceled", None)
    assert bills(sandbox, waiting)[-1].status == "void"
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.api.invoices.pay(str(waiting.latest_invoice))


def test_what_says_nothing_of_its_items_leaves_it_waiting(sandbox: Sandbox, waiting: stripe.Subscription) -> None:
    announced = sandbox.api.subscriptions.update(waiting.id, {"cancel_at_period_end": True})

    assert announced.pending_update
    assert bills(sandbox, waiting)[-1].status == "open"


def test_items_come_and_go_each_with_its_own_period(sandbox: Sandbox, silver: stripe.Subscription) -> None:
    yearly, weekly = sandbox.price(9000, interval="year"), sandbox.price(100, interval="week")
    with_more = sandbox.api.subscriptions.update(
        silver.id, {"items": [{"price": yearly}, {"price": weekly, "quantity": 2}], "proration_behavior": "none"}
    )
    [monthly, by_year, by_week] = with_more.items.data
    ends = [item.current_period_end for item in with_more.items.data]
    assert ends == [unix(at(f"{day}T12:00:00")) for day in ("2026-02-28", "2027-01-31", "2026-02-14")]

    sandbox.advance(at("2026-02-14T12:00:00"))
    assert (bills(sandbox, silver)[-1].amount_paid, sandbox.reread(silver).items.data[2].quantity) == (200, 2)
    ends = [item.current_period_end for item in sandbox.reread(silver).items.data]
    assert ends[0] == monthly.current_period_end
    assert ends[2] == by_week.current_period_end + 7 * 86_400

    left = sandbox.api.subscriptions.update(
        silver.id, {"items": [{"id": by_year.id, "deleted": True}, {"id": by_week.id, "deleted": True}]}
    )
    assert [item.id for item in left.items.data] == [monthly.id]


def test_it_can_begin_with_its_end_in_sight(sandbox: Sandbox, clock: Clock) -> None:
    wanted: Any = {
        "customer": sandbox.api.customers.create().id,
        "items": [{"price": sandbox.price(999)}, {"price": sandbox.price(9900, interval="year")}],
        "cancel_at": unix(clock.now + 45 * DAY),
    }

    subscription = sandbox.api.subscriptions.create(wanted)

    assert subscription.cancel_at == wanted["cancel_at"]
    sandbox.advance(clock.now + 60 * DAY)
    ended = sandbox.reread(subscription)
    assert (ended.status, ended.ended_at) == ("canceled", wanted["cancel_at"])
    wanted["cancel_at"] = unix(clock.now)
    with pytest.raises(stripe.InvalidRequestError, match="in the future"):
        sandbox.api.subscriptions.create(wanted)


def test_a_renewal_that_is_paid_does_not_apply_what_waits(sandbox: Sandbox, clock: Clock) -> None:
    subscription = sandbox.subscribe(sandbox.price(1000))
    clock.now = at("2026-02-28T00:00:00")
    sandbox.card(subscription.customer, "decline")
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    exchange(sandbox, subscription, sandbox.price(2000), **pending)
    sandbox.card(subscription.customer, "ok")

    sandbox.advance(at("2026-02-28T12:00:00"))

    renewed = sandbox.reread(subscription)
    assert (bills(sandbox, subscription)[-1].amount_paid, renewed.status) == (1000, "active")
    assert renewed.items.data[0].price.unit_amount == 1000
    assert renewed.pending_update

    upgrade = bills(sandbox, subscription)[1]
    sandbox.api.invoices.pay(str(upgrade.id))

    [item] = sandbox.reread(subscription).items.data
    assert (item.price.unit_amount, item.current_period_end) == (2000, unix(at("2026-03-31T12:00:00")))
    assert len(bills(sandbox, subscription)) == 3


def test_a_trial_may_be_given_to_somebody_who_pays(sandbox: Sandbox, silver: stripe.Subscription) -> None:
    until = at("2026-06-01T00:00:00")
    more: Any = {"trial_end": unix(until), "proration_behavior": "none"}

    given = sandbox.api.subscriptions.update(silver.id, more)

    assert (given.status, given.trial_end, given.billing_cycle_anchor) == ("trialing", unix(until), unix(until))
    assert given.items.data[0].current_period_end == unix(until)
    [_, bill] = bills(sandbox, silver)
    assert (bill.total, bill.billing_reason, bill.status) == (0, "subscription_update", "paid")
    sandbox.advance(until)
    assert sandbox.api.subscriptions.retrieve(silver.id).status == "active"
    assert [one.amount_paid for one in bills(sandbox, silver)] == [1000, 0, 1000]


def test_what_was_paid_comes_back_where_a_trial_is_prorated(sandbox: Sandbox, silver: stripe.Subscription) -> None:
    more: Any = {"trial_end": unix(at("2026-06-01T00:00:00"))}
    sandbox.api.subscriptions.update(silver.id, more)

    assert bills(sandbox, silver)[-1].total == -750
    assert sandbox.api.customers.retrieve(str(silver.customer)).balance == -750


def test_a_trial_is_given_by_itself_and_to_nobody_whose_subscription_is_over(
    sandbox: Sandbox, silver: stripe.Subscription
) -> None:
    given: Any = {"trial_end": unix(at("2026-06-01T00:00:00"))}
    with pytest.raises(stripe.InvalidRequestError, match="beside it you cannot change: description"):
        sandbox.api.subscriptions.update(silver.id, given | {"description": "a gift"})
    sandbox.api.subscriptions.cancel(silver.id)
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.api.subscriptions.update(silver.id, given)


def test_credit_that_is_given_pays_the_next_invoice(sandbox: Sandbox, silver: stripe.Subscription) -> None:
    credit: Any = {"balance": -400}
    sandbox.api.customers.update(str(silver.customer), credit)

    sandbox.advance(at("2026-03-29T00:00:00"))

    assert [bill.amount_paid for bill in bills(sandbox, silver)] == [1000, 600]
