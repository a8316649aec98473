"""Convergence under trouble: a provider that is down, others who are quicker, prices that are not ours."""

import asyncio
from dataclasses import replace as replaced
from datetime import timedelta

import pytest
from msgspec.structs import replace

from adapters.memory.billing_books import selling
from application.convergence import ATTEMPTS, RETRY_DELAYS_SECONDS, HeldUp
from application.errors import OutcomeUnknown
from application.ports.inbox import Customer
from application.ports.ledger import StreamMoved
from domain.access.access import ANY_PLAN, Access, decide
from domain.shared.identity import derived_id
from domain.subscription.facts import StatusChanged
from tests.application.anna_at_the_provider import (
    account_of,
    bind,
    bought,
    bound,
    failed_payment,
    subscribed,
    wish_for_an_end,
)
from tests.application.house import BY_ADMIN, COOKING, House
from tests.application.interruptions import InterruptedBilling, InterruptedLedger, Interruption, SlowBilling, asking
from tests.people import MONDAY

pytestmark = pytest.mark.anyio


def interrupt_the_question(house: House, *interruptions: Interruption) -> None:
    house.convergence = asking(house.convergence, InterruptedBilling(house, *interruptions))


def interrupt_the_append(house: House, *interruptions: Interruption) -> None:
    ledger = InterruptedLedger(house.ledger, *interruptions)
    records = replace(house.records, ledger=ledger)
    house.convergence = replaced(house.convergence, records=records)


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
        await asking(house.convergence, house.billing).settle(customer)

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


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "deleted"])
async def test_the_append_of_the_facts_is_the_only_one_so_that_nothing_is_left_to_mark(
    house: House, *, deleted: bool
) -> None:
    customer = await subscribed(house)
    house.billing.tell(customer.customer_id, replace(await house.subscription_seen(customer), status="unpaid"))
    if deleted:
        house.billing.gone.add(customer.customer_id)
        house.billing.deleted.add(customer.customer_id)
    head = await house.ledger.head()
    await house.hears("customer.subscription.updated", customer)

    async def goes_well() -> None:
        pass

    async def is_lost() -> None:
        raise OutcomeUnknown

    interrupt_the_append(house, goes_well, *[is_lost] * 9)
    await house.convergence.settle(customer)

    told = ["subscription.ended", "account.customer_gone"] if deleted else ["subscription.status_changed"]
    assert await house.tags(after=head) == told
    assert await house.inbox.unsettled() == 0


# Prices that belong to no plan of ours.


async def test_a_price_that_is_not_ours_does_not_hold_up_the_rest(house: House) -> None:
    customer = await bound(house)
    paid = await bought(house)
    house.billing.tell(customer.customer_id, replace(paid, reference="sub_ours"))
    house.billing.tell(customer.customer_id, selling(replace(paid, reference="sub_other"), price_id="price_other"))
    await house.hears("customer.subscription.created", customer)

    await house.convergence.settle_waiting()

    standing = await house.access.standing(await account_of(house, customer))
    assert standing is not None
    assert list(standing.terms) == [str(derived_id("subscription", "memory", "sub_ours"))]
    (row,) = house.tables.rows("inbox", customer_id=customer.customer_id)
    assert (row["status"], row["attempts"]) == ("parked", 0)
    assert "price_other" in row["error"]


async def test_once_the_price_is_a_plans_it_is_settled(house: House) -> None:
    customer = await bound(house)
    house.billing.tell(customer.customer_id, selling(await bought(house), price_id="price_other"))
    await house.hears("customer.subscription.created", customer)
    await house.convergence.settle_waiting()
    await house.sells(replace(COOKING, name="Other", price_id="price_other"))

    await house.convergence.settle_waiting()

    assert (await house.tags())[-1] == "subscription.started"
    assert await house.inbox.unsettled() == 0


async def test_what_was_sold_long_ago_at_such_a_price_is_no_trouble(house: House) -> None:
    customer = await bound(house)
    over = selling(replace(await bought(house), status="canceled", ended_at=MONDAY), price_id="price_other")
    house.billing.tell(customer.customer_id, over)
    head = await house.ledger.head()

    await house.convergence.settle(customer)

    assert await house.tags(after=head) == []


async def test_a_subscription_that_moves_to_such_a_price_ends_all_the_same(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    house.billing.tell(
        customer.customer_id, selling(replace(seen, ends_at=seen.first.period_end), price_id="price_other")
    )

    with pytest.raises(HeldUp):
        await house.convergence.settle(customer)
    house.billing.tell(
        customer.customer_id, selling(replace(seen, status="canceled", ended_at=MONDAY), price_id="price_other")
    )
    await house.convergence.settle(customer)

    dropped = ["subscription.plan_dropped", "subscription.cancellation_scheduled"]
    assert await house.tags(after=head) == [*dropped, "subscription.ended"]


async def test_such_a_price_gives_nothing_whatever_was_known_before(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    assert (await access_of(house, customer)).granted

    house.billing.tell(customer.customer_id, selling(seen, price_id="price_other"))
    for _ in range(2):
        with pytest.raises(HeldUp):
            await house.convergence.settle(customer)
    without = await access_of(house, customer)
    house.billing.tell(customer.customer_id, seen)
    await house.convergence.settle(customer)

    assert (without.granted, without.reason) == (False, "no_subscription")
    assert (await access_of(house, customer)).granted
    assert await house.tags(after=head) == ["subscription.plan_dropped", "subscription.plan_changed"]


async def access_of(house: House, customer: Customer) -> Access:
    standing = await house.access.standing(await account_of(house, customer))
    return decide(standing, ANY_PLAN, house.business_time.now())


async def test_workers_beside_each_other_do_not_keep_each_other_from_settling(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(seen, status="unpaid"))
    await house.hears("customer.subscription.updated", customer)
    slow = asking(house.convergence, SlowBilling(house.billing))
    house.billing.asked.clear()

    async def work() -> None:
        while await house.inbox.unsettled():
            await slow.settle_waiting()
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(*(work() for _ in range(4)))

    assert house.billing.asked == [customer.customer_id]


async def test_who_gave_a_command_waits_for_the_worker_that_is_asking(house: House) -> None:
    customer = await subscribed(house)
    seen, head = await house.subscription_seen(customer), await house.ledger.head()
    house.billing.tell(customer.customer_id, replace(seen, ends_at=seen.first.period_end))
    await house.hears("customer.subscription.updated", customer)
    slow = asking(house.convergence, SlowBilling(house.billing))

    await asyncio.gather(slow.settle_waiting(), slow.settle_now(customer, BY_ADMIN))

    assert await house.tags(after=head) == ["subscription.cancellation_scheduled"]
