"""Bought days do not hang on the order in which we hear of what was bought, or of what became of it."""

from datetime import datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.plans import NewPlan
from application.ports.billing import PaidAtOnce, SeenPurchase, SoldOnce
from application.ports.inbox import Customer
from domain.payment.truth import ProviderDispute
from domain.plan.plan import Plan
from domain.shared.money import Money
from domain.subscription.truth import BillingPolicy
from tests.application.anna_at_the_provider import bind
from tests.application.house import House, page_of
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

PRICE = Money(1299, "USD")
SIXTY_DAYS = NewPlan(name="Sixty days", price=PRICE, interval="once", duration_days=60, features=("sd",))
THIRTY_DAYS = replace(SIXTY_DAYS, name="Thirty days", duration_days=30)
DISPUTE = ProviderDispute(reference="dispute_1", amount=PRICE, stage="open", reason="fraudulent", opened_at=MONDAY)
ELSEWHERE = Customer("memory", "cus_elsewhere")


async def until(house: House, anna: UUID) -> datetime | None:
    return (await house.subscriptions.mine(anna)).access.until


async def heard(house: House, customer: Customer) -> None:
    await house.hears("charge.dispute.closed", customer)
    await house.convergence.settle_waiting()


async def sold_elsewhere(house: House, plan: UUID) -> None:
    """On Monday, to a customer of whom nobody knows whose it is."""
    [price] = (await house.records.recall(Plan, plan)).existing().prices["memory"]
    paid = PaidAtOnce("payment_elsewhere", MONDAY)
    house.billing.tell(ELSEWHERE.customer_id, SeenPurchase("cs_elsewhere", paid, (SoldOnce(price, PRICE, 1),)))


@pytest.mark.parametrize("bound", ["first", "last"])
async def test_two_customers_of_hers_are_sixty_days_whichever_becomes_known_first(bound: str) -> None:
    house = House(BillingPolicy(double_checkout="refund_newer"))
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    await sold_elsewhere(house, plan)
    if bound == "first":
        await bind(house, anna, ELSEWHERE)
        await heard(house, ELSEWHERE)
    await house.moves_to(MONDAY + days(5))
    await house.subscribes(anna, plan)
    if bound == "last":
        await bind(house, anna, ELSEWHERE)
        await heard(house, ELSEWHERE)

    assert await until(house, anna) == MONDAY + days(60)
    assert "prepaid.duplicated" not in await house.tags()


@pytest.mark.parametrize("heard_between", [True, False])
async def test_what_was_sold_while_another_was_disputed_keeps_its_days(*, heard_between: bool) -> None:
    house = House(BillingPolicy(dispute_open_suspends=True))
    anna, plan = await house.registers(), await house.sells(SIXTY_DAYS)
    customer = await house.subscribes(anna, plan)
    [seen] = (await house.billing.truth_of(customer.customer_id)).payments
    house.billing.tell(customer.customer_id, replace(seen, disputes=(DISPUTE,)))
    await heard(house, customer)
    await house.moves_to(MONDAY + days(20))
    opened = await house.opens_checkout(anna, plan)
    house.billing.pay(page_of(opened))
    if heard_between:
        await heard(house, customer)
        assert await until(house, anna) == MONDAY + days(80)

    house.billing.tell(customer.customer_id, replace(seen, disputes=(replace(DISPUTE, stage="won"),)))
    await heard(house, customer)

    assert await until(house, anna) == MONDAY + days(120)
    assert "prepaid.duplicated" not in await house.tags()
