"""Deliveries that do not say whose they are: the worker asks, and nothing is lost where nobody can tell."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from application.renewing import LEASE_SECONDS
from tests.application.anna_at_the_provider import failed_payment
from tests.application.house import House
from tests.application.interruptions import SilentBilling

pytestmark = pytest.mark.anyio


async def hears(house: House, about: str | None) -> None:
    await house.webhooks.receive(*house.billing.delivery("refund.created", None, about=about))


def statuses(house: House) -> list[str]:
    return [row["status"] for row in house.tables.rows("inbox")]


async def test_the_customer_is_found_and_the_delivery_settled_like_any_other(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    house.billing.hidden["charge_1"] = customer.customer_id
    asked = len(house.billing.asked)

    await hears(house, "charge_1")
    assert len(house.billing.asked) == asked
    assert await house.finding.find_waiting() == 1
    assert await house.convergence.settle_waiting() == 1

    assert statuses(house)[-1] == "done"
    assert house.billing.asked[asked:] == [customer.customer_id]


async def test_where_nobody_can_tell_it_is_kept_with_the_reason(house: House) -> None:
    await hears(house, "charge_of_a_guest")

    assert await house.finding.find_waiting() == 1

    (row,) = house.tables.rows("inbox")
    assert (row["status"], row["error"]) == ("parked", "Nobody knows whose charge_of_a_guest is.")
    assert await house.finding.find_waiting() == 0


async def test_it_is_looked_at_again_now_and_then_and_found_where_somebody_can_tell_by_now(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    await hears(house, "charge_1")
    await house.finding.find_waiting()
    await house.real_time.move_to(house.real_time.now() + timedelta(minutes=2))
    assert (await house.finding.find_waiting(), statuses(house)[-1]) == (1, "parked")

    house.billing.hidden["charge_1"] = customer.customer_id
    assert await house.finding.find_waiting() == 0
    await house.real_time.move_to(house.real_time.now() + timedelta(minutes=5))
    assert (await house.finding.find_waiting(), await house.convergence.settle_waiting()) == (1, 1)

    assert statuses(house)[-1] == "done"


async def test_as_soon_as_the_object_is_known_to_be_somebodys_it_is_looked_at_again(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    payment = failed_payment(reference="payment_1")
    await hears(house, "payment_1")
    await hears(house, "payment_of_a_guest")
    await house.finding.find_waiting()
    assert statuses(house)[-2:] == ["parked", "parked"]

    house.billing.tell(customer.customer_id, payment)
    await house.convergence.settle(customer)
    assert await house.finding.find_waiting() == 1
    await house.convergence.settle_waiting()

    assert statuses(house)[-2:] == ["done", "parked"]


async def test_after_thirty_days_nobody_looks_at_it_any_more(house: House) -> None:
    await hears(house, "charge_of_a_guest")
    await house.real_time.move_to(house.real_time.now() + timedelta(days=31))
    await house.finding.find_waiting()

    await house.real_time.move_to(house.real_time.now() + timedelta(days=31))

    assert await house.finding.find_waiting() == 0


async def test_an_outage_counts_as_a_try_and_is_tried_again_later(house: House) -> None:
    await hears(house, "charge_1")
    house.billing.down = True

    assert await house.finding.find_waiting() == 1
    assert await house.finding.find_waiting() == 0

    (row,) = house.tables.rows("inbox")
    assert (row["status"], row["attempts"]) == ("received", 1)


async def test_too_many_questions_count_as_no_try_of_anybody(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    for _ in range(3):
        await hears(house, "charge_1")
    await house.hears("invoice.paid", customer)
    house.billing.hidden["charge_1"] = customer.customer_id
    house.billing.busy = True

    assert await house.finding.find_waiting() == 3
    assert await house.convergence.settle_waiting() == 1

    assert statuses(house)[-4:] == ["received"] * 4
    assert [row["attempts"] for row in house.tables.rows("inbox")][-4:] == [0] * 4
    house.billing.busy = False
    assert (await house.finding.find_waiting(), await house.convergence.settle_waiting()) == (0, 0)
    await house.real_time.move_to(house.real_time.now() + timedelta(seconds=3))
    assert (await house.finding.find_waiting(), await house.convergence.settle_waiting()) == (3, 1)
    assert statuses(house)[-4:] == ["done"] * 4


async def test_of_a_payment_that_was_seen_nobody_need_be_asked_whose_it_is(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    await house.convergence.settle(customer)
    payment = (await house.billing.truth_of(customer.customer_id)).payments[0]
    await hears(house, payment.reference)
    house.billing.down = True

    assert await house.finding.find_waiting() == 1

    assert house.tables.rows("inbox")[-1]["customer_id"] == customer.customer_id


async def test_a_worker_that_is_told_to_stop_gives_back_what_it_was_finding(house: House) -> None:
    silent = SilentBilling(house)
    await hears(house, "charge_1")
    finding = asyncio.create_task(replace(house.finding, billing=silent).find_waiting())
    await silent.asked_whose.wait()

    finding.cancel()
    with suppress(asyncio.CancelledError):
        await finding

    house.billing.hidden["charge_1"] = "cus_anna"
    assert await house.finding.find_waiting() == 1
    assert house.tables.rows("inbox")[-1]["customer_id"] == "cus_anna"


async def test_who_is_killed_is_missed_after_some_seconds(house: House) -> None:
    await hears(house, "charge_1")
    assert await house.finding.unnamed.take_due(limit=10, seconds=LEASE_SECONDS)

    house.real_time.pass_by(timedelta(seconds=5))

    house.billing.hidden["charge_1"] = "cus_anna"
    assert await house.finding.find_waiting() == 1
