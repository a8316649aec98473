"""Convergence: whatever arrived, and however often, the ledger comes to hold what the provider says."""

from dataclasses import replace as replaced
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.convergence import ATTEMPTS, RETRY_DELAYS_SECONDS, PriceUnknown
from application.ports.billing import SeenCheckout, SeenSubscription
from application.ports.inbox import Customer
from application.ports.ledger import StreamMoved
from application.recall import Asked
from domain.payment.payment import PaymentFailed, PaymentSucceeded, ProviderPayment
from domain.shared.fact import Actor, Cause
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.checkout import CheckoutCompleted, CheckoutExpired
from domain.subscription.facts import (
    CancellationRequested,
    PlanChanged,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionStarted,
)
from domain.subscription.subscription import Subscription
from tests.application.house import BY_ADMIN, COOKING, House, page_of
from tests.application.interruptions import InterruptedBilling, InterruptedLedger, Interruption
from tests.people import ANNA, MONDAY, days

pytestmark = pytest.mark.anyio

SWEEP = Asked(Actor("provider", "memory"), Cause("sweep", "memory"))


def interrupt_the_question(house: House, *interruptions: Interruption) -> None:
    house.convergence = replaced(house.convergence, billing=InterruptedBilling(house, *interruptions))


def interrupt_the_append(house: House, *interruptions: Interruption) -> None:
    ledger = InterruptedLedger(house.ledger, *interruptions)
    house.convergence = replaced(house.convergence, records=replace(house.records, ledger=ledger))


async def bound(house: House) -> Customer:
    """Anna with a customer of hers, who has not bought anything."""
    anna, plan = await house.registers(), await house.sells()
    await house.opens_checkout(anna, plan)
    return await house.customer_of(anna)


async def subscribed(house: House) -> Customer:
    return await house.subscribes(await house.registers(), await house.sells())


def stream_of(seen: SeenSubscription) -> UUID:
    return derived_id("subscription", "memory", seen.reference)


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


async def test_only_so_many_customers_are_settled_at_once(house: House) -> None:
    for number in range(3):
        await house.hears("customer.created", Customer("memory", f"cus_{number}"))

    assert await house.convergence.settle_waiting(limit=2) == 2
    assert await house.convergence.settle_waiting(limit=2) == 1


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
    await house.plans.bind_price((await plan_of(house, seen)).plan.plan_id, BY_ADMIN, price_id="price_with_a_discount")

    house.billing.tell(customer.customer_id, replace(seen, price_id="price_with_a_discount", price=Money(499, "USD")))
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


# A provider that does not answer.


async def test_with_the_provider_down_it_is_put_off_ever_longer(house: House) -> None:
    customer = await bound(house)
    await house.hears("invoice.paid", customer)
    house.billing.down = True

    for delay in RETRY_DELAYS_SECONDS:
        assert await house.convergence.settle_waiting() == 1
        assert await house.convergence.settle_waiting() == 0
        house.real_time.pass_by(timedelta(seconds=delay) - timedelta(milliseconds=1))
        assert await house.convergence.settle_waiting() == 0
        house.real_time.pass_by(timedelta(milliseconds=1))

    assert await house.convergence.settle_waiting() == 1
    (row,) = house.tables.rows("inbox")
    assert (row["status"], row["attempts"]) == ("failed", len(RETRY_DELAYS_SECONDS) + 1)
    assert await house.convergence.settle_waiting() == 0


async def test_up_again_it_is_settled(house: House) -> None:
    customer = await subscribed(house)
    house.billing.tell(customer.customer_id, replace(await house.subscription_seen(customer), status="unpaid"))
    await house.hears("customer.subscription.updated", customer)
    house.billing.down = True
    await house.convergence.settle_waiting()
    house.billing.down = False
    house.real_time.pass_by(timedelta(seconds=1))

    await house.convergence.settle_waiting()

    assert isinstance((await house.facts())[-1], StatusChanged)
    assert await house.inbox.unsettled() == 0


async def test_what_failed_for_good_is_settled_by_the_next_news(house: House) -> None:
    customer = await bound(house)
    await house.hears("invoice.paid", customer)
    house.tables.rows("inbox")[0]["status"] = "failed"

    await house.hears("invoice.updated", customer)
    await house.convergence.settle_waiting()

    assert [row["status"] for row in house.tables.rows("inbox")] == ["done", "done"]


async def test_one_customers_trouble_is_not_anothers(house: House) -> None:
    troubled = await subscribed(house)
    boris = await house.registers("boris@example.com")
    await bind(house, boris, Customer("memory", "cus_boris"))
    house.billing.tell("cus_boris", failed_payment("sub_boris", reference="in_boris"))
    await house.hears("invoice.updated", troubled)
    await house.hears("invoice.payment_failed", Customer("memory", "cus_boris"))

    async def unreadable() -> None:
        raise ValueError("an answer that nobody foresaw")

    interrupt_the_question(house, unreadable)
    assert await house.convergence.settle_waiting() == 2

    statuses = {row["customer_id"]: (row["status"], row["attempts"]) for row in house.tables.rows("inbox")}
    assert statuses[troubled.customer_id] == ("received", 1)
    assert statuses["cus_boris"] == ("done", 0)


# Others who ask or write at the same moment.


async def test_a_newer_fence_makes_the_older_answer_void(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    house.billing.tell(customer.customer_id, replace(seen, status="past_due", failing_since=MONDAY))
    await house.hears("customer.subscription.updated", customer)

    async def another_worker_asks_and_hears_that_it_is_paid() -> None:
        house.billing.tell(customer.customer_id, seen)
        await replaced(house.convergence, billing=house.billing).settle(customer)

    house.billing.asked.clear()
    interrupt_the_question(house, another_worker_asks_and_hears_that_it_is_paid)
    await house.convergence.settle_waiting()

    assert len(house.billing.asked) == 2
    assert await house.tags(after=head) == []
    assert await house.inbox.unsettled() == 0


async def test_who_waits_for_the_outcome_asks_again(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    house.billing.tell(customer.customer_id, replace(seen, status="unpaid"))

    async def another_worker_takes_the_fence() -> None:
        await house.customers.take_fence(customer)

    interrupt_the_question(house, another_worker_takes_the_fence)
    await house.convergence.settle(customer, asked=BY_ADMIN)

    assert await house.tags(after=head) == ["subscription.status_changed"]


async def test_when_the_stream_moved_the_provider_is_asked_again(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    house.billing.tell(customer.customer_id, replace(seen, status="unpaid"))
    house.billing.asked.clear()

    async def anna_asks_for_an_end_and_pays() -> None:
        await wish_for_an_end(house, seen)
        house.billing.tell(customer.customer_id, seen)

    interrupt_the_append(house, anna_asks_for_an_end_and_pays)
    await house.convergence.settle(customer)

    assert house.billing.asked == [customer.customer_id] * 2
    assert await house.tags(after=head) == ["subscription.cancellation_requested"]


async def test_while_others_keep_writing_it_gives_up_and_is_put_off(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(seen, status="unpaid"))
    await house.hears("customer.subscription.updated", customer)

    async def somebody_writes() -> None:
        await wish_for_an_end(house, seen)

    interrupt_the_append(house, *[somebody_writes] * 8)
    house.billing.asked.clear()
    with pytest.raises(StreamMoved):
        await house.convergence.settle(customer)
    assert len(house.billing.asked) == ATTEMPTS
    await house.convergence.settle_waiting()

    assert house.tables.rows("inbox", status="received")[0]["attempts"] == 1


# Prices that belong to no plan of ours.


async def test_a_price_that_is_not_ours_does_not_hold_up_the_rest(house: House) -> None:
    customer = await bound(house)
    paid = await bought(house)
    house.billing.tell(customer.customer_id, replace(paid, reference="sub_ours"))
    house.billing.tell(customer.customer_id, replace(paid, reference="sub_other", price_id="price_other"))
    await house.hears("customer.subscription.created", customer)

    await house.convergence.settle_waiting()

    standing = await house.access.standing(await account_of(house, customer))
    assert standing is not None
    assert list(standing.terms) == [str(derived_id("subscription", "memory", "sub_ours"))]
    (row,) = house.tables.rows("inbox", customer_id=customer.customer_id)
    assert (row["status"], row["attempts"]) == ("received", 1)
    assert "price_other" in row["error"]


async def test_once_the_price_is_a_plans_it_is_settled(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, replace(await bought(house), price_id="price_other"))
    await house.hears("customer.subscription.created", customer)
    await house.convergence.settle_waiting()
    await house.sells(replace(COOKING, name="Other", price_id="price_other"))
    house.real_time.pass_by(timedelta(seconds=1))

    await house.convergence.settle_waiting()

    assert (await house.tags())[-1] == "subscription.started"
    assert await house.inbox.unsettled() == 0


async def test_what_was_sold_long_ago_at_such_a_price_is_no_trouble(house: House) -> None:
    customer = await bound(house)
    over = replace(await bought(house), price_id="price_other", status="canceled", ended_at=MONDAY)
    house.billing.tell(customer.customer_id, over)
    head = await house.ledger.head()

    await house.convergence.settle(customer)

    assert await house.tags(after=head) == []


async def test_a_subscription_that_moves_to_such_a_price_ends_all_the_same(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    house.billing.tell(customer.customer_id, replace(seen, price_id="price_other", ends_at=seen.period_end))

    with pytest.raises(PriceUnknown):
        await house.convergence.settle(customer)
    house.billing.tell(customer.customer_id, replace(seen, price_id="price_other", status="canceled", ended_at=MONDAY))
    await house.convergence.settle(customer)

    assert await house.tags(after=head) == ["subscription.cancellation_scheduled", "subscription.ended"]


# Pieces of stories.


def failed_payment(subscription: str | None = None, *, reference: str = "in_march") -> ProviderPayment:
    return ProviderPayment(
        provider="memory",
        reference=reference,
        subscription_reference=subscription,
        amount=Money(999, "USD"),
        status="failed",
        attempts=1,
        paid_at=None,
        next_attempt_at=MONDAY + days(3),
        receipt_url=None,
    )


async def bought(house: House) -> SeenSubscription:
    """A subscription at a price of ours, as the provider would tell it of somebody."""
    clara = await house.registers("clara@example.com")
    seen = await house.subscription_seen(await house.subscribes(clara, await house.sells()))
    return replace(seen, reference="sub_new")


async def bind(house: House, account_id: UUID, customer: Customer) -> None:
    await house.checkouts._bind(account_id, customer.customer_id, BY_ADMIN)


async def account_of(house: House, customer: Customer) -> UUID:
    return await house.customers.account_of(customer) or ANNA


async def plan_of(house: House, seen: SeenSubscription) -> Subscription:
    return (await house.records.recall(Subscription, stream_of(seen))).existing()


async def wish_for_an_end(house: House, seen: SeenSubscription) -> None:
    """An intent on the subscription's stream, which changes nothing else."""
    wish = CancellationRequested(
        subscription_id=stream_of(seen), account_id=ANNA, at_period_end=True, idempotency_key="cancel-1"
    )
    recalled = await house.records.recall(Subscription, stream_of(seen))
    await house.records.append(BY_ADMIN, (recalled, [wish]))
