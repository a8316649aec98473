"""Who wishes to be erased buys nothing any more: no page stays open, and what is paid all the same goes back."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from application.errors import ProviderUnavailable
from application.plans import NewPlan
from application.policies.after_erasure import (
    HEARD_WITHIN,
    when_erased_delete_the_customers,
    when_erased_end_what_starts,
    when_erased_pay_back,
    when_erased_shut_the_page,
)
from application.ports.billing import CheckoutPage
from domain.access.access import ANY_PLAN, decide
from domain.account.account import Account
from domain.payment.payment import PaymentSucceeded
from domain.shared.fact import Fact
from tests.application.house import BY_ADMIN, COOKING, House, asked_by, page_of
from tests.application.test_duplicates import paid_for
from tests.application.test_one_checkout import pages_seen
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

ONCE = replace(COOKING, name="A weekend", interval="once", duration_days=30)


async def wishes_to_be_erased(house: House, account: UUID) -> int:
    """The position of her wish."""
    wish = await house.records.decide(Account, account, asked_by(account), lambda it: it.request_erasure(UUID(int=77)))
    return wish.position


async def policies_act(house: House, times: int = 2) -> None:
    """On all facts, as they do from the beginning of the ledger; what they ask for the janitor carries out."""
    after = house.after_erasure
    for policy in (
        when_erased_shut_the_page(after),
        when_erased_end_what_starts(after),
        when_erased_pay_back(after),
        when_erased_delete_the_customers(after),
    ):
        for fact in await house.facts():
            for _ in range(times if isinstance(fact, policy.facts) else 0):
                await policy.act(fact)
    await house.janitor_comes()


async def seen(house: House, account: UUID) -> tuple[list[str], list[tuple[int, int]]]:
    """The subscriptions' statuses at the provider, and of each payment what was paid and what went back."""
    truth = await house.billing.truth_of((await house.customer_of(account)).customer_id)
    money = [
        (one.amount.amount, sum(refund.amount.amount for refund in one.refunds)) for one in reversed(truth.payments)
    ]
    return [one.status for one in reversed(truth.subscriptions)], money


async def may_watch(house: House, account: UUID) -> bool:
    return decide(await house.access.standing(account), ANY_PLAN, house.business_time.now()).granted


def told_after(facts: list[Fact], position: int) -> str:
    return msgspec.json.encode([fact for fact in facts if fact.position > position]).decode()


async def test_the_page_that_is_open_is_shut(house: House) -> None:
    anna = await house.registers()
    await house.opens_checkout(anna, await house.sells())
    wish = await wishes_to_be_erased(house, anna)

    await policies_act(house)

    assert await pages_seen(house, anna) == ["expired"]
    assert await house.tags(after=wish) == ["checkout.expired"]


async def test_a_page_that_opens_at_the_very_moment_is_shut_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, plan = await house.registers(), await house.sells()
    opens = house.billing.open_checkout

    async def after_her_wish(**given: Any) -> CheckoutPage:
        await wishes_to_be_erased(house, anna)
        return await opens(**given)

    monkeypatch.setattr(house.billing, "open_checkout", after_her_wish)
    await house.opens_checkout(anna, plan)
    assert (await house.tags())[-2:] == ["account.erasure_requested", "checkout.opened"]

    await policies_act(house)

    assert await pages_seen(house, anna) == ["expired"]


async def unreachable(**_: Any) -> CheckoutPage:
    raise ProviderUnavailable("It does not answer.")


async def test_a_page_that_was_asked_for_and_not_opened_never_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, plan = await house.registers(), await house.sells()
    with monkeypatch.context() as down:
        down.setattr(house.billing, "open_checkout", unreachable)
        with pytest.raises(ProviderUnavailable):
            await house.opens_checkout(anna, plan)
    wish = await wishes_to_be_erased(house, anna)

    await house.janitor_comes()

    assert await house.tags(after=wish) == ["checkout.failed"]


@pytest.mark.parametrize("plan", [COOKING, ONCE], ids=["subscription", "bought once"])
async def test_what_is_paid_all_the_same_is_ended_and_goes_back_once(house: House, plan: NewPlan) -> None:
    anna = await house.registers()
    page = page_of(await house.opens_checkout(anna, await house.sells(plan)))
    wish = await wishes_to_be_erased(house, anna)
    house.billing.pay(page)
    customer = await house.customer_of(anna)
    await house.hears("checkout.session.completed", customer)
    await house.convergence.settle_waiting()

    await policies_act(house)
    await policies_act(house)
    await house.convergence.settle(customer)

    statuses, money = await seen(house, anna)
    assert (statuses, money) == (["canceled"] if plan is COOKING else [], [(999, 999)])
    assert {"payment.succeeded", "payment.refund_requested"} <= set(await house.tags(after=wish))
    assert not await may_watch(house, anna)
    assert "anna@" not in told_after(await house.facts(), wish)


async def test_what_was_lost_when_she_went_and_is_found_again_is_ended(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    known = await house.subscription_seen(customer)
    house.billing.forget_subscriptions(customer.customer_id)
    await house.convergence.settle(customer)
    await wishes_to_be_erased(house, anna)
    house.billing.tell(customer.customer_id, known)
    await house.convergence.settle(customer)
    assert (await house.tags())[-1] == "subscription.found_again"

    await policies_act(house)

    assert (await seen(house, anna))[0] == ["canceled"]


async def test_money_of_a_further_customer_goes_back_too(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    term = await house.subscription_seen(customer)
    further = await house.billing.create_customer(account_id=anna, email=None, idempotency_key="by hand")
    await house.binding.bind(anna, further, asked_by(anna))
    await house.moves_to(MONDAY + days(2))
    await wishes_to_be_erased(house, anna)
    now = house.business_time.now()
    late = replace(term, reference="sub_late", started_at=now)
    house.billing.tell(further, late, replace(paid_for("sub_late"), paid_at=MONDAY + days(2)))
    await house.convergence.settle(replace(customer, customer_id=further))

    await policies_act(house)

    truth = await house.billing.truth_of(further)
    assert [one.status for one in truth.subscriptions] == ["canceled"]
    assert [refund.amount.amount for one in truth.payments for refund in one.refunds] == [999]


async def test_who_is_not_erased_keeps_what_is_paid_and_what_was_paid_long_before_stays(house: House) -> None:
    anna, boris = await house.registers(), await house.registers("boris@example.com")
    plan = await house.sells()
    await house.subscribes(anna, plan)
    await house.subscribes(boris, plan)
    await house.moves_to(MONDAY + days(2))
    await wishes_to_be_erased(house, anna)

    await policies_act(house)

    for person in (anna, boris):
        assert await seen(house, person) == (["active"], [(999, 0)])


async def is_erased(house: House, account: UUID) -> int:
    """The position of the last fact of it."""
    await wishes_to_be_erased(house, account)
    done = await house.records.decide(Account, account, asked_by(account), lambda it: it.finish_erasure())
    return done.position


async def an_hour_later(house: House) -> int:
    """How many intents the janitor settles then."""
    house.real_time.pass_by(HEARD_WITHIN)
    return await house.janitor_comes()


async def ended(house: House, account: UUID) -> None:
    """Her subscription, as the erasure ends it."""
    await house.subscriptions.cancel(account, at_period_end=False, subscription_id=None, asked=asked_by(account))


async def test_each_customer_is_deleted_at_the_provider_once_all_is_over_there(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan)
    further = await house.billing.create_customer(account_id=anna, email=None, idempotency_key="by hand")
    position = await is_erased(house, anna)

    await policies_act(house)
    await house.binding.bind(anna, further, asked_by(anna))  # A payment link's, that somebody has followed meanwhile.
    await policies_act(house)
    assert await an_hour_later(house) == 0
    assert house.billing.deleted == set()
    await ended(house, anna)
    await an_hour_later(house)

    assert house.billing.deleted == {customer.customer_id, further}
    tags = await house.tags(after=position)
    assert tags.count("account.customer_deletion_requested") == tags.count("account.customer_gone") == 2
    assert await house.intents.unsettled() == 0


@pytest.mark.parametrize("erased_first", [False, True])
async def test_a_customer_whose_making_nobody_heard_of_is_deleted_too(
    *, erased_first: bool, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, plan = await house.registers(), await house.sells()
    make = house.billing.create_customer

    async def and_lose_the_answer(**given: Any) -> str:
        await make(**given)
        raise ProviderUnavailable("It hung up.")

    with monkeypatch.context() as lossy:
        lossy.setattr(house.billing, "create_customer", and_lose_the_answer)
        with pytest.raises(ProviderUnavailable):
            await house.opens_checkout(anna, plan)
    [left_behind] = await house.billing.customers_made_for(anna, email=None)
    if erased_first:
        await is_erased(house, anna)
    else:
        await wishes_to_be_erased(house, anna)
        await house.janitor_comes()  # It gives up the checkout.
        await is_erased(house, anna)

    await policies_act(house)
    await an_hour_later(house)

    assert house.billing.deleted == {left_behind}
    assert await house.intents.unsettled() == 0


async def test_another_accounts_customer_is_left_alone(house: House) -> None:
    anna, boris = await house.registers(), await house.registers("boris@example.com")
    his = await house.billing.create_customer(account_id=anna, email=None, idempotency_key="by hand")
    await house.binding.bind(boris, his, asked_by(boris))
    await is_erased(house, anna)

    await policies_act(house)
    await an_hour_later(house)

    assert house.billing.deleted == set()


async def test_while_the_provider_is_away_or_a_worker_is_killed_it_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    await ended(house, anna)
    await is_erased(house, anna)
    await policies_act(house)

    house.billing.down = True
    assert await an_hour_later(house) == 0
    house.billing.down = False
    delete = house.billing.delete_customer

    async def and_be_killed(customer_id: str) -> None:
        await delete(customer_id)
        raise MemoryError

    with monkeypatch.context() as mortal:
        mortal.setattr(house.billing, "delete_customer", and_be_killed)
        assert await an_hour_later(house) == 0
    assert await an_hour_later(house) == 1

    assert house.billing.deleted == {customer.customer_id}
    assert (await house.tags()).count("account.customer_gone") == 1


async def test_a_page_is_not_shut_while_the_provider_is_away_and_it_is_tried_again(house: House) -> None:
    anna = await house.registers()
    await house.opens_checkout(anna, await house.sells())
    await wishes_to_be_erased(house, anna)

    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await policies_act(house)
    house.billing.down = False
    await policies_act(house)

    assert await pages_seen(house, anna) == ["expired"]


async def test_what_she_has_paid_can_go_back_after_it(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    [paid] = [fact for fact in await house.facts() if isinstance(fact, PaymentSucceeded)]
    await ended(house, anna)
    position = await is_erased(house, anna)
    await policies_act(house)
    await an_hour_later(house)

    await house.refunds.refund(paid.payment_id, amount=None, reason="No sound", asked=BY_ADMIN)

    assert (await house.tags(after=position))[-2:] == ["payment.refund_requested", "payment.refund_accepted"]
    assert await house.intents.unsettled() == 0
