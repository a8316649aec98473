"""A customer that is gone at the provider: another one buys, and nothing of a deleted one's comes to life again."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from application.buying import NothingBought
from application.errors import CustomerGone
from application.ports.inbox import Customer
from domain.account.account import Account
from domain.account.customers import Customers
from tests.application.anna_at_the_provider import account_of, bind, bound, plan_of, subscribed
from tests.application.house import House, asked_by

pytestmark = pytest.mark.anyio

LINK = Customer("memory", "customer_of_a_link")


async def customers_of(house: House, account_id: UUID) -> Customers:
    return (await house.records.recall(Account, account_id)).existing().customers_at("memory")


async def has_access(house: House, account_id: UUID) -> bool:
    return (await house.subscriptions.mine(account_id)).access.granted


async def deleted(house: House, customer: Customer) -> None:
    house.billing.gone.add(customer.customer_id)
    house.billing.deleted.add(customer.customer_id)


async def test_another_customer_is_made_once_where_the_only_one_is_gone(house: House) -> None:
    first = await bound(house)
    anna, plan = await account_of(house, first), await house.sells()
    house.billing.gone.add(first.customer_id)

    opened = await house.opens_checkout(anna, plan)
    again = await house.opens_checkout(anna, plan)

    known = await customers_of(house, anna)
    assert known.bound == (first.customer_id, known.buyer)
    assert opened.checkout_id == again.checkout_id
    sold = (await house.billing.truth_of(known.bound[1])).checkouts
    assert opened.checkout_id in {seen.checkout_id for seen in sold}
    assert await house.customers.account_of(first) == anna


async def test_a_page_that_was_opened_for_who_is_gone_is_not_given_again(house: House) -> None:
    first = await bound(house)
    anna, plan = await account_of(house, first), await house.sells()
    before = await house.opens_checkout(anna, plan)
    await deleted(house, first)
    await house.convergence.settle(first)

    after = await house.opens_checkout(anna, plan)

    assert after.checkout_id != before.checkout_id
    buyer = (await customers_of(house, anna)).buyer
    assert buyer not in (None, first.customer_id)


async def test_a_further_customer_buys_and_manages_in_the_place_of_the_first(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    await bind(house, anna, LINK)
    house.billing.tell(LINK.customer_id, replace(await house.subscription_seen(first), reference="sub_of_a_link"))
    house.billing.gone.add(first.customer_id)

    url = await house.subscriptions.open_portal(anna, return_url=None, asked=asked_by(anna))

    assert url.startswith("memory://")
    assert (await customers_of(house, anna)).buyer == LINK.customer_id
    house.billing.gone.add(LINK.customer_id)
    with pytest.raises(NothingBought):
        await house.subscriptions.open_portal(anna, return_url=None, asked=asked_by(anna))


async def test_that_she_was_deleted_ends_what_was_going_on_and_no_delivery_begins_it_anew(house: House) -> None:
    first = await subscribed(house)
    anna, seen = await account_of(house, first), await house.subscription_seen(first)
    house.billing.gone.add(first.customer_id)  # It knows nothing of her; only the delivery says why.

    await house.hears("customer.deleted", first)
    await house.convergence.settle_waiting()

    assert not await has_access(house, anna)
    assert (await plan_of(house, seen)).status == "canceled"
    assert await house.inbox.customers_waiting(limit=9) == []
    late = replace(seen, reference="sub_unheard_of")
    await house.hears("customer.subscription.created", first, telling=late)
    await house.convergence.settle_waiting()
    await house.convergence.settle_now(first, asked_by(anna))
    assert not await has_access(house, anna)
    assert (await house.tags()).count("account.customer_gone") == 1


async def test_that_she_was_deleted_is_learnt_by_asking_too_and_ends_no_other_customers(house: House) -> None:
    first = await subscribed(house)
    anna, seen = await account_of(house, first), await house.subscription_seen(first)
    await bind(house, anna, LINK)
    house.billing.tell(LINK.customer_id, by_link := replace(seen, reference="sub_of_a_link"))
    await house.convergence.settle(LINK)
    await deleted(house, first)

    await house.convergence.settle(first)

    assert (await plan_of(house, seen)).status == "canceled"
    assert (await plan_of(house, by_link)).status == "active"
    assert await has_access(house, anna)


async def test_what_the_provider_no_longer_lists_of_one_deleted_is_over(house: House) -> None:
    first = await subscribed(house)
    anna, seen = await account_of(house, first), await house.subscription_seen(first)
    house.billing.forget_subscriptions(first.customer_id)

    await house.hears("customer.deleted", first)
    await house.convergence.settle_waiting()

    assert (await plan_of(house, seen)).status == "canceled"
    assert not await has_access(house, anna)


async def test_one_that_is_not_known_is_not_taken_for_deleted(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    house.billing.gone.add(first.customer_id)

    with pytest.raises(CustomerGone):
        await house.convergence.settle_now(first, asked_by(anna))

    assert await has_access(house, anna)
    assert "account.customer_gone" not in await house.tags()
