"""A customer that is gone at the provider: another one buys, and nothing of a deleted one's comes to life again."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.buying import NothingBought
from application.errors import CustomerGone, ProviderUnavailable
from application.ports.inbox import Customer
from domain.account.account import Account
from domain.account.customers import Customers
from domain.shared.money import Money
from domain.subscription.facts import DuplicateFound, SubscriptionEnded
from tests.application.anna_at_the_provider import account_of, bind, bound, plan_of, stream_of, subscribed
from tests.application.house import BY_ADMIN, House, asked_by

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
    await deleted(house, first)

    url = await house.subscriptions.open_portal(anna, return_url=None, asked=asked_by(anna))

    assert url.startswith("memory://")
    assert (await customers_of(house, anna)).buyer == LINK.customer_id
    await deleted(house, LINK)
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
    assert await house.inbox.customers_waiting(providers=["memory"], limit=9) == []
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
    await bind(house, anna, LINK)
    house.billing.tell(LINK.customer_id, by_link := replace(seen, reference="sub_of_a_link"))
    await house.convergence.settle(LINK)
    house.billing.forget_subscriptions(first.customer_id, unlisted_alone=True)

    await house.hears("customer.deleted", first)
    await house.convergence.settle_waiting()

    assert (await plan_of(house, seen)).status == "canceled"
    assert (await plan_of(house, by_link)).status == "active"


async def test_one_that_is_not_known_is_not_taken_for_deleted(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    house.billing.gone.add(first.customer_id)

    with pytest.raises(CustomerGone):
        await house.convergence.settle_now(first, asked_by(anna))

    assert await has_access(house, anna)
    assert "account.customer_gone" not in await house.tags()


# While the provider is down.


async def test_while_the_provider_is_down_a_deletion_ends_access_and_is_asked_about_afterwards(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    house.business_time.pass_by(timedelta(hours=1))
    told_at = house.business_time.now()
    await house.hears("customer.deleted", first)
    house.billing.down = True
    house.business_time.pass_by(timedelta(hours=1))

    await house.convergence.settle_waiting()

    ended = (await house.facts())[-1]
    assert isinstance(ended, SubscriptionEnded)
    assert (ended.cause.kind, ended.ended_at) == ("unconfirmed_webhook", told_at)
    assert not await has_access(house, anna)
    assert (await customers_of(house, anna)).gone == {}
    assert await house.inbox.unsettled() == 1

    house.billing.down = False
    await deleted(house, first)
    house.real_time.pass_by(timedelta(seconds=1))
    await house.convergence.settle_waiting()

    assert (await house.tags()).count("subscription.ended") == 1
    assert (await customers_of(house, anna)).knows_gone(first.customer_id, deleted=True)
    assert await house.inbox.unsettled() == 0


async def test_while_the_provider_is_down_no_late_delivery_begins_anything_of_one_deleted(house: House) -> None:
    first = await subscribed(house)
    seen = await house.subscription_seen(first)
    await deleted(house, first)
    await house.convergence.settle(first)
    head = await house.ledger.head()
    house.billing.down = True
    house.business_time.pass_by(timedelta(hours=1))
    await house.hears("customer.subscription.created", first, telling=replace(seen, reference="sub_unheard_of"))

    await house.convergence.settle_waiting()

    assert await house.tags(after=head) == []


# A key of another account of ours at the provider.


def with_a_key_of_another_account(house: House, customer: Customer, price_id: str) -> None:
    house.billing.gone.add(customer.customer_id)
    house.billing.withdraw_price(price_id)


async def test_with_a_key_of_another_account_nobody_is_taken_for_gone(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    first = await bound(house)
    anna, plan = await account_of(house, first), await house.sells()
    price_id = (await house.plan_reads.page(before=None, limit=1))[0].price_ids[-1]
    with_a_key_of_another_account(house, first, price_id)

    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)
    with pytest.raises(ProviderUnavailable):
        await house.subscriptions.open_portal(anna, return_url=None, asked=asked_by(anna))

    assert (await customers_of(house, anna)).gone == {}
    assert "is our key another account's?" in caplog.text
    house.billing.gone.clear()
    house.billing.has_price(price_id, Money(999, "USD"), "month")
    await house.opens_checkout(anna, plan)
    assert (await customers_of(house, anna)).bound == (first.customer_id,)


async def test_one_that_knows_nobody_ends_nothing_even_where_it_answers_with_empty_lists(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    first = await subscribed(house)
    anna, head = await account_of(house, first), await house.ledger.head()
    house.billing.forget_everybody()

    with pytest.raises(CustomerGone):
        await house.convergence.settle(first)
    await house.hears("customer.updated", first)
    await house.convergence.settle_waiting()

    assert await house.tags(after=head) == []
    assert await has_access(house, anna)
    assert [row["status"] for row in house.tables.rows("inbox", type="customer.updated")] == ["parked"]
    assert "is our key another account's?" in caplog.text


async def test_where_the_price_is_refused_of_a_customer_who_is_not_known_that_is_an_outage_too(house: House) -> None:
    first = await bound(house)
    anna, plan = await account_of(house, first), await house.sells()
    house.billing.forget_everybody()
    house.business_time.pass_by(timedelta(days=2))  # The page of her first checkout is over.

    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)

    assert (await customers_of(house, anna)).gone == {}


@pytest.mark.parametrize("by", ["a checkout", "the portal", "an operator"])
async def test_that_one_was_not_known_is_taken_back_once_it_is(house: House, by: str) -> None:
    first = await bound(house)
    anna, plan = await account_of(house, first), await house.sells()
    house.billing.gone.add(first.customer_id)
    await house.opens_checkout(anna, plan)
    second = (await customers_of(house, anna)).buyer
    assert second != first.customer_id
    house.billing.gone.clear()

    if by == "a checkout":
        await house.opens_checkout(anna, await house.sells())
    elif by == "the portal":
        await house.subscriptions.open_portal(anna, return_url=None, asked=asked_by(anna))
    else:
        await house.binding.bind_named(anna, first.customer_id, BY_ADMIN)

    known = await customers_of(house, anna)
    assert (known.buyer, known.gone, known.bound) == (first.customer_id, {}, (first.customer_id, second))


# What the provider has no more of a customer who is there.


async def test_a_subscription_that_the_provider_has_no_more_is_over_and_another_can_be_bought(house: House) -> None:
    first = await subscribed(house)
    anna, seen = await account_of(house, first), await house.subscription_seen(first)
    await bind(house, anna, LINK)
    house.billing.tell(LINK.customer_id, by_link := replace(seen, reference="sub_of_a_link"))
    await house.convergence.settle(LINK)
    house.billing.forget_subscriptions(first.customer_id)

    await house.hears("customer.updated", first)
    await house.convergence.settle_waiting()

    ended = (await house.facts())[-1]
    assert isinstance(ended, SubscriptionEnded)
    assert (ended.cause.kind, (await plan_of(house, seen)).status) == ("webhook", "canceled")
    assert (await plan_of(house, by_link)).status == "active"
    house.billing.forget_subscriptions(LINK.customer_id)
    await house.opens_checkout(anna, await house.sells())


@pytest.mark.parametrize("by", ["delivery", "sweep"])
async def test_one_that_was_not_known_for_a_while_goes_on_once_it_is(house: House, by: str) -> None:
    first = await subscribed(house)
    anna, seen = await account_of(house, first), await house.subscription_seen(first)
    house.billing.forget_subscriptions(first.customer_id)
    await house.convergence.settle(first)
    assert not await has_access(house, anna)
    house.billing.tell(first.customer_id, replace(seen, ends_at=seen.first.period_end))
    head = await house.ledger.head()

    if by == "delivery":
        await house.hears("customer.updated", first)
        await house.convergence.settle_waiting()
    else:
        await house.sweeping.request("admin")
        while await house.sweeping.sweep_next():
            pass

    tags = await house.tags(after=head)
    assert tags == ["subscription.found_again", "subscription.cancellation_scheduled"]
    mine = await house.subscriptions.mine(anna)
    assert (mine.status, mine.access.granted, mine.access.until) == ("active", True, seen.first.period_end)
    [row] = await house.subscriptions.listing.page(account_id=anna, before=None, limit=9)
    assert (row.status, row.ended_at) == ("active", None)


async def test_of_a_customer_who_was_deleted_nothing_is_found_again(house: House) -> None:
    first = await subscribed(house)
    anna, seen = await account_of(house, first), await house.subscription_seen(first)
    await deleted(house, first)
    await house.hears("customer.deleted", first)
    await house.convergence.settle_waiting()
    house.billing.gone.clear()
    house.billing.deleted.clear()
    house.billing.tell(first.customer_id, seen)

    await house.convergence.settle(first)

    assert not await has_access(house, anna)


async def test_found_again_beside_another_that_was_bought_meanwhile_the_newer_one_is_the_double(house: House) -> None:
    first = await subscribed(house)
    seen = await house.subscription_seen(first)
    house.billing.forget_subscriptions(first.customer_id)
    await house.convergence.settle(first)
    newer = replace(seen, reference="sub_meanwhile", started_at=seen.started_at + timedelta(hours=1))
    house.billing.tell(first.customer_id, newer)
    await house.convergence.settle(first)
    house.billing.tell(first.customer_id, seen)

    await house.convergence.settle(first)

    doubles = [fact for fact in await house.facts() if isinstance(fact, DuplicateFound)]
    assert [(one.subscription_id, one.of_subscription_id) for one in doubles] == [(stream_of(newer), stream_of(seen))]


async def test_what_the_provider_does_not_list_and_still_has_goes_on(house: House) -> None:
    first = await subscribed(house)
    seen = await house.subscription_seen(first)
    house.billing.forget_subscriptions(first.customer_id, unlisted_alone=True)
    head = await house.ledger.head()

    await house.convergence.settle(first)

    assert await house.tags(after=head) == []
    assert (await plan_of(house, seen)).status == "active"


# What was parked before.


async def test_what_was_parked_before_she_was_known_to_be_deleted_is_settled_then(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    house.billing.gone.add(first.customer_id)
    await house.hears("customer.updated", first)
    await house.convergence.settle_waiting()
    assert [row["status"] for row in house.tables.rows("inbox", type="customer.updated")] == ["parked"]
    house.billing.deleted.add(first.customer_id)

    with pytest.raises(NothingBought):
        await house.subscriptions.open_portal(anna, return_url=None, asked=asked_by(anna))
    await house.convergence.settle_waiting()

    assert [row["status"] for row in house.tables.rows("inbox", type="customer.updated")] == ["done"]


async def test_that_she_was_deleted_while_a_page_was_opened_is_noted_as_that(house: House) -> None:
    first = await bound(house)
    anna = await account_of(house, first)

    async def buy(customer_id: str) -> str:
        if customer_id == first.customer_id:
            raise CustomerGone("Just deleted.", deleted=True)
        return customer_id

    second = await house.buying.as_buyer(anna, buy, asked_by(anna), price_id="withdrawn since")

    known = await customers_of(house, anna)
    assert (known.buyer, known.knows_gone(first.customer_id, deleted=True)) == (second, True)
