"""Convergence: whatever arrived, and however often, the ledger comes to hold what the provider says."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing_books import selling
from application.plans import PlanChange
from application.ports.billing import SeenCheckout
from application.ports.inbox import Customer
from application.recall import Asked
from domain.payment.payment import PaymentFailed, PaymentSucceeded
from domain.shared.fact import Actor, Cause
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.checkout import CheckoutCompleted, CheckoutExpired
from domain.subscription.facts import PlanChanged, SubscriptionEnded, SubscriptionStarted
from tests.application.anna_at_the_provider import bind, bound, failed_payment, plan_of, subscribed
from tests.application.house import BY_ADMIN, House, page_of
from tests.application.interruptions import InterruptedBilling, asking
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

SWEEP = Asked(Actor("provider", "memory"), Cause("sweep", "memory"))


# What is recorded.


async def test_a_checkout_that_was_paid_becomes_a_subscription(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    opened = await house.opens_checkout(anna, plan)
    head = await house.ledger.head()
    house.billing.pay(page_of(opened))
    await house.hears("checkout.session.completed", await house.customer_of(anna))

    assert await house.convergence.settle_waiting() == 1

    started, succeeded, completed = await house.facts(after=head)
    assert isinstance(started, SubscriptionStarted)
    assert isinstance(succeeded, PaymentSucceeded)
    assert isinstance(completed, CheckoutCompleted)
    assert (started.account_id, started.plan.plan_id, started.status) == (anna, plan, "active")
    assert (started.provider, started.customer_id) == ("memory", (await house.customer_of(anna)).customer_id)
    assert (started.started_at, started.period_start, started.trial_end, started.ends_at) == (
        MONDAY,
        MONDAY,
        None,
        None,
    )
    assert (started.period_end, started.lease_until) == (MONDAY + days(30), MONDAY + days(32))
    assert (succeeded.amount, succeeded.subscription_reference) == (Money(999, "USD"), started.provider_reference)
    assert completed.checkout_id == opened.checkout_id


async def test_the_provider_did_it_and_the_newest_webhook_was_the_cause(house: House) -> None:
    customer = await bound(house)
    await house.hears("customer.updated", customer)
    house.billing.tell(customer.customer_id, failed_payment())
    await house.hears("invoice.payment_failed", customer)

    await house.convergence.settle_waiting()

    newest = (await house.facts())[-1]
    assert newest.actor == Actor("provider", "memory")
    (row,) = house.tables.rows("inbox", type="invoice.payment_failed")
    assert newest.cause == Cause("webhook", row["event_id"])


async def test_with_nothing_waiting_it_was_a_sweep(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, failed_payment())

    await house.convergence.settle(customer)

    newest = (await house.facts())[-1]
    assert (newest.actor, newest.cause) == (SWEEP.actor, SWEEP.cause)


async def test_who_asked_is_who_did_it(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, failed_payment())

    await house.convergence.settle(customer, asked=BY_ADMIN)

    assert (await house.facts())[-1].actor == BY_ADMIN.actor


async def test_the_same_truth_records_nothing_new(house: House) -> None:
    customer = await subscribed(house)
    head = await house.ledger.head()

    for _ in range(3):
        await house.hears("customer.subscription.updated", customer)
        await house.convergence.settle_waiting()

    assert await house.tags(after=head) == []
    assert await house.inbox.unsettled() == 0


async def test_one_webhook_delivered_twice_is_one(house: House) -> None:
    customer = await bound(house)
    news = house.billing.delivery("customer.updated", customer.customer_id)

    await house.webhooks.receive(*news)
    await house.webhooks.receive(*news)

    assert await house.inbox.unsettled() == 1


async def test_all_that_waits_for_a_customer_is_settled_by_one_question(house: House) -> None:
    customer = await bound(house)
    for number in range(5):
        await house.hears(f"invoice.updated.{number}", customer)

    assert await house.convergence.settle_waiting() == 1

    assert house.billing.asked == [customer.customer_id]
    assert await house.inbox.unsettled() == 0
    assert await house.convergence.settle_waiting() == 0


async def test_what_comes_while_the_provider_is_being_asked_waits_for_an_answer_of_its_own(house: House) -> None:
    customer = await bound(house)
    await house.hears("invoice.updated", customer)

    async def more_comes() -> None:
        await house.hears("invoice.paid", customer)

    await asking(house.convergence, InterruptedBilling(house, more_comes)).settle(customer)

    statuses = {row["type"]: row["status"] for row in house.tables.rows("inbox")}
    assert statuses == {"invoice.updated": "done", "invoice.paid": "received"}


async def test_paid_without_a_time_it_was_paid_when_it_was_seen(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, replace(failed_payment(), status="paid"))
    await house.moves_to(MONDAY + days(1))

    await house.convergence.settle(customer)

    succeeded = (await house.facts())[-1]
    assert isinstance(succeeded, PaymentSucceeded)
    assert succeeded.paid_at == MONDAY + days(1)


async def test_a_subscriber_keeps_the_price_that_the_subscription_has(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)
    house.billing.has_price("price_with_a_discount", Money(499, "USD"), "month")
    plan_id = (await plan_of(house, seen)).plan.plan_id
    await house.plans.change(plan_id, PlanChange(price_id="price_with_a_discount"), BY_ADMIN)

    house.billing.tell(customer.customer_id, selling(seen, price_id="price_with_a_discount", price=Money(499, "USD")))
    await house.convergence.settle(customer)

    changed = (await house.facts())[-1]
    assert isinstance(changed, PlanChanged)
    assert (changed.before.price, changed.after.price) == (Money(999, "USD"), Money(499, "USD"))
    assert changed.before.plan_id == changed.after.plan_id


async def test_a_checkout_that_expired_is_over(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    opened = await house.opens_checkout(anna, plan)
    customer = await house.customer_of(anna)
    house.billing.tell(customer.customer_id, SeenCheckout(page_of(opened).reference, opened.checkout_id, "expired"))

    await house.convergence.settle(customer)

    assert isinstance((await house.facts())[-1], CheckoutExpired)


async def test_an_open_checkout_and_one_that_is_not_ours_are_left_alone(house: House) -> None:
    customer = await bound(house)
    head = await house.ledger.head()
    house.billing.tell(customer.customer_id, SeenCheckout("cs_dashboard", UUID(int=404), "completed"))

    await house.convergence.settle(customer)

    assert await house.tags(after=head) == []


async def test_history_that_comes_late_is_recorded_in_its_order(house: House) -> None:
    customer = await subscribed(house)
    first = await house.subscription_seen(customer)
    head = await house.ledger.head()
    in_march = failed_payment(first.reference)
    house.billing.tell(
        customer.customer_id,
        replace(first, status="canceled", ended_at=MONDAY + days(1)),
        replace(first, reference="sub_again", started_at=MONDAY + days(2)),
        in_march,
        replace(in_march, reference="in_april", attempts=2, next_attempt_at=MONDAY + days(9)),
    )

    await house.convergence.settle(customer)

    ended, started, first_failure, second_failure = await house.facts(after=head)
    assert isinstance(ended, SubscriptionEnded)
    assert isinstance(started, SubscriptionStarted)
    assert isinstance(first_failure, PaymentFailed)
    assert isinstance(second_failure, PaymentFailed)
    assert [first_failure.provider_reference, second_failure.provider_reference] == ["in_march", "in_april"]


# Customers that nobody knows.


async def test_an_unknown_customer_is_parked_and_the_provider_not_asked(house: House) -> None:
    await house.hears("customer.created", Customer("memory", "cus_nobody"))

    await house.convergence.settle_waiting()

    (row,) = house.tables.rows("inbox")
    assert (row["status"], row["error"]) == ("parked", "customer_unknown")
    assert house.billing.asked == []
    assert await house.facts() == []


async def test_bound_at_last_all_that_was_parked_is_settled(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    opened = await house.opens_checkout(anna, plan)
    house.billing.pay(page_of(opened))
    boris = await house.registers("boris@example.com")
    stranger = Customer("memory", "cus_boris")
    seen = await house.subscription_seen(await house.customer_of(anna))
    house.billing.tell("cus_boris", replace(seen, reference="sub_boris"))
    await house.hears("customer.subscription.created", stranger)
    await house.convergence.settle_waiting()

    await bind(house, boris, stranger)
    await house.convergence.settle(stranger)

    standing = await house.access.standing(boris)
    assert standing is not None
    assert list(standing.terms) == [str(derived_id("subscription", "memory", "sub_boris"))]
    assert house.tables.rows("inbox", customer_id="cus_boris")[0]["status"] == "done"
