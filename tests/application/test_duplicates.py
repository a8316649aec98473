"""Two live subscriptions of one account to one plan: found, told of, and by policy paid back, once."""

from typing import Any

import pytest
from msgspec.structs import replace

from application.policies.duplicates import when_duplicate_found_refund_newer
from application.ports.billing import SeenSubscription
from application.ports.inbox import Customer
from domain.payment.payment import PaymentSucceeded
from domain.payment.truth import ProviderPayment
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.facts import DuplicateFound
from domain.subscription.truth import BillingPolicy
from tests.application.house import COOKING, House
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

SECOND = derived_id("subscription", "memory", "sub_second")


@pytest.fixture
def refunding() -> House:
    """Where the policy is to refund the newer one."""
    return House(BillingPolicy(double_checkout="refund_newer"))


async def doubled(house: House, **first_is: Any) -> tuple[Customer, SeenSubscription]:
    """Anna has paid in two tabs; the second subscription began a minute later."""
    customer = await house.subscribes(await house.registers(), await house.sells())
    first = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(first, **first_is))
    second = replace(first, reference="sub_second", started_at=first.started_at + days(0.01))
    house.billing.tell(customer.customer_id, second, paid_for("sub_second"))
    await house.convergence.settle(customer)
    return customer, first


def paid_for(subscription: str) -> ProviderPayment:
    return ProviderPayment(
        provider="memory",
        reference=f"paid_{subscription}",
        subscription_reference=subscription,
        amount=Money(999, "USD"),
        status="paid",
        attempts=1,
        paid_at=MONDAY,
        next_attempt_at=None,
        receipt_url=None,
    )


async def found(house: House) -> list[DuplicateFound]:
    return [fact for fact in await house.facts() if isinstance(fact, DuplicateFound)]


async def policy_acts(house: House, times: int = 1) -> None:
    for fact in await found(house):
        for _ in range(times):
            await house.duplicates.act(fact)


async def standing_now(house: House, customer: Customer) -> dict[str, tuple[str, list[int]]]:
    """Of each subscription at the provider its status and what was refunded."""
    truth = await house.billing.truth_of(customer.customer_id)
    return {
        seen.reference: (
            seen.status,
            [
                refund.amount.amount
                for payment in truth.payments
                if payment.subscription_reference == seen.reference
                for refund in payment.refunds
            ],
        )
        for seen in truth.subscriptions
    }


async def test_the_newer_one_is_found_once_beside_the_older(house: House, caplog: pytest.LogCaptureFixture) -> None:
    customer, first = await doubled(house)
    await house.convergence.settle(customer)

    [duplicate] = await found(house)
    assert (duplicate.subscription_id, duplicate.plan.name, duplicate.refund) == (SECOND, "Cooking", False)
    assert duplicate.of_subscription_id == derived_id("subscription", "memory", first.reference)
    assert "two live subscriptions" in caplog.text


async def test_to_report_is_to_leave_both_as_they_are(house: House) -> None:
    customer, first = await doubled(house)

    await policy_acts(house)

    assert await house.janitor_comes() == 0
    assert await standing_now(house, customer) == {first.reference: ("active", []), "sub_second": ("active", [])}


async def test_another_plan_beside_it_is_no_mistake(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    await house.sells(replace(COOKING, name="Cinema", price_id="price_cinema"))
    first = await house.subscription_seen(customer)
    other = replace(first, reference="sub_cinema", items=(replace(first.first, price_id="price_cinema"),))
    house.billing.tell(customer.customer_id, other)

    await house.convergence.settle(customer)

    assert await found(house) == []


@pytest.mark.parametrize("changes", [{"status": "incomplete"}, {"status": "unpaid"}, {"ends_at": MONDAY + days(30)}])
async def test_nor_one_that_will_not_be_paid_again(house: House, changes: dict[str, str]) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    first = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(first, reference="sub_second", **changes))

    await house.convergence.settle(customer)

    assert await found(house) == []


async def test_one_that_is_over_when_it_is_first_heard_of_was_live_beside_the_other(refunding: House) -> None:
    customer = await refunding.subscribes(await refunding.registers(), await refunding.sells())
    first = await refunding.subscription_seen(customer)
    began, ended = MONDAY + days(0.001), MONDAY + days(1)
    over = replace(first, reference="sub_second", status="canceled", started_at=began, ended_at=ended)
    refunding.billing.tell(customer.customer_id, over, paid_for("sub_second"))

    await refunding.convergence.settle(customer)
    await policy_acts(refunding)

    assert [fact.refund for fact in await found(refunding)] == [False]
    assert await refunding.janitor_comes() == 0


async def test_one_that_ended_before_the_other_began_was_not(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells())
    first = await house.subscription_seen(customer)
    before = replace(first, reference="sub_0", status="canceled", started_at=MONDAY - days(9), ended_at=MONDAY)
    house.billing.tell(customer.customer_id, before)

    await house.convergence.settle(customer)

    assert await found(house) == []


async def test_the_newer_one_is_cancelled_and_paid_back(refunding: House) -> None:
    customer, first = await doubled(refunding)

    await policy_acts(refunding)
    assert await refunding.janitor.settle_due() == 2

    assert await standing_now(refunding, customer) == {
        first.reference: ("active", []),
        "sub_second": ("canceled", [999]),
    }
    assert await refunding.intents.unsettled() == 0
    assert {fact.actor.id for fact in await refunding.facts() if "refund_requested" in fact.tag()} == {"duplicates"}


async def test_once_however_often_it_is_acted_upon_and_whatever_is_heard(refunding: House) -> None:
    customer, first = await doubled(refunding)

    await policy_acts(refunding, times=3)
    refunding.billing.answers_lost = True
    assert await refunding.janitor.settle_due() == 0
    refunding.billing.answers_lost = False
    await policy_acts(refunding, times=2)
    refunding.real_time.pass_by(days(1))
    await refunding.janitor.settle_due()
    await refunding.convergence.settle(customer)
    await policy_acts(refunding)
    await refunding.janitor_comes()

    assert await standing_now(refunding, customer) == {
        first.reference: ("active", []),
        "sub_second": ("canceled", [999]),
    }
    assert (await refunding.tags()).count("payment.refund_requested") == 1
    assert len(await found(refunding)) == 1


async def renewed_before_it_is_cancelled(house: House) -> tuple[Customer, PaymentSucceeded]:
    """The provider could not be told to cancel it, and a period later it asks for money again."""
    customer, _ = await doubled(house)
    await policy_acts(house)
    house.billing.tell(customer.customer_id, replace(paid_for("sub_second"), reference="paid_again"))
    await house.convergence.settle(customer)
    [again] = [
        fact
        for fact in await house.facts()
        if isinstance(fact, PaymentSucceeded) and fact.provider_reference == "paid_again"
    ]
    return customer, again


async def test_what_is_paid_for_it_after_it_was_found_goes_back_too(refunding: House) -> None:
    customer, again = await renewed_before_it_is_cancelled(refunding)

    policy = when_duplicate_found_refund_newer(refunding.duplicates)
    assert again.tag() in policy.topics
    for _ in range(2):
        await policy.act(again)
    await refunding.janitor_comes()

    assert (await standing_now(refunding, customer))["sub_second"] == ("canceled", [999, 999])


async def test_but_not_where_the_policy_is_to_report_or_it_is_no_duplicate(house: House) -> None:
    customer, again = await renewed_before_it_is_cancelled(house)
    payments = [fact for fact in await house.facts() if isinstance(fact, PaymentSucceeded)]

    for fact in payments:
        await house.duplicates.act(fact)
    await house.janitor_comes()

    assert again in payments
    assert [refunds for _, refunds in (await standing_now(house, customer)).values()] == [[], []]


async def test_nor_what_was_paid_for_the_older_one(refunding: House) -> None:
    customer, first = await doubled(refunding)
    await policy_acts(refunding)

    for fact in await refunding.facts():
        if isinstance(fact, PaymentSucceeded):
            await refunding.duplicates.act(fact)
    await refunding.janitor_comes()

    assert (await standing_now(refunding, customer))[first.reference] == ("active", [])


async def test_where_the_older_one_has_ended_meanwhile_the_newer_is_kept(refunding: House) -> None:
    customer, first = await doubled(refunding)
    refunding.billing.tell(customer.customer_id, replace(first, status="canceled", ended_at=MONDAY))
    await refunding.convergence.settle(customer)

    await policy_acts(refunding)
    await refunding.janitor_comes()

    assert (await standing_now(refunding, customer))["sub_second"] == ("active", [])


async def test_where_the_money_for_the_older_one_went_back_meanwhile_the_newer_is_kept(refunding: House) -> None:
    customer, first = await doubled(refunding)
    payments = (await refunding.billing.truth_of(customer.customer_id)).payments
    [of_first] = [one for one in payments if one.subscription_reference == first.reference]
    await refunding.billing.refund(of_first.reference, amount=of_first.amount, idempotency_key="by hand")
    await refunding.convergence.settle(customer)

    await policy_acts(refunding)
    await refunding.janitor_comes()

    assert (await standing_now(refunding, customer))["sub_second"] == ("active", [])


NOT_GIVING = {
    "past due beyond its grace": {"status": "past_due", "failing_since": MONDAY - days(8)},
    "whose collection is paused": {"collection_paused": True},
}


@pytest.mark.parametrize("changes", NOT_GIVING.values(), ids=NOT_GIVING)
async def test_beside_an_older_one_that_gives_no_access_the_newer_is_kept(changes: dict[str, Any]) -> None:
    house = House(BillingPolicy(double_checkout="refund_newer", pause_collection_grants=False))
    customer, _ = await doubled(house, **changes)

    await policy_acts(house)
    await house.janitor_comes()

    assert [fact.refund for fact in await found(house)] == [False]
    assert (await standing_now(house, customer))["sub_second"] == ("active", [])


@pytest.mark.parametrize("changes", NOT_GIVING.values(), ids=NOT_GIVING)
async def test_where_the_older_one_has_come_to_give_no_access_the_newer_is_kept(changes: dict[str, Any]) -> None:
    house = House(BillingPolicy(double_checkout="refund_newer", pause_collection_grants=False))
    customer, first = await doubled(house)
    house.billing.tell(customer.customer_id, replace(first, **changes))
    await house.convergence.settle(customer)

    await policy_acts(house)
    await house.janitor_comes()

    assert [fact.refund for fact in await found(house)] == [True]
    assert (await standing_now(house, customer))["sub_second"] == ("active", [])


async def test_while_a_failed_renewal_leaves_it_open_the_older_one_is_kept(refunding: House) -> None:
    customer, _ = await doubled(refunding, status="past_due", failing_since=MONDAY)

    await policy_acts(refunding)
    await refunding.janitor_comes()

    assert (await standing_now(refunding, customer))["sub_second"] == ("canceled", [999])


async def test_a_third_one_is_found_beside_the_one_that_is_left(house: House) -> None:
    customer, first = await doubled(house)
    third = replace(first, reference="sub_third", started_at=first.started_at + days(1))
    house.billing.tell(customer.customer_id, replace(first, status="canceled", ended_at=MONDAY), third)

    await house.convergence.settle(customer)

    assert [fact.of_subscription_id for fact in await found(house)][1:] == [SECOND]
