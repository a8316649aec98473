"""An account whose owner pays by a payment link beside its checkout has several customers at the provider."""

import pytest
from msgspec.structs import replace

from application.customers import CustomerUnknown
from application.errors import CustomerGone, ProviderUnavailable
from application.ports.billing import SeenSubscription
from application.ports.inbox import Customer
from domain.account.account import Account
from domain.account.customers import CUSTOMERS_MAX, TooManyCustomers
from domain.payment.payment import PaymentRefunded
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.facts import DuplicateFound
from tests.application.anna_at_the_provider import account_of, bind, bound, plan_of, subscribed
from tests.application.house import BY_ADMIN, House, asked_by
from tests.application.test_duplicates import paid_for
from tests.people import days

pytestmark = pytest.mark.anyio

LINK = Customer("memory", "customer_of_a_link")


async def pays_by_a_link(house: House, first: Customer, like: SeenSubscription) -> SeenSubscription:
    """The provider makes a second customer, whose checkout names the account."""
    seen = replace(like, reference="sub_of_a_link", started_at=like.started_at + days(0.5))
    house.billing.tell(LINK.customer_id, seen, paid_for(seen.reference))
    house.billing.payers[LINK.customer_id] = await account_of(house, first)
    await house.hears("checkout.session.completed", LINK)
    await house.convergence.settle_waiting()
    return seen


async def over(house: House, first: Customer) -> SeenSubscription:
    """Her subscription is cancelled, and that is settled; as it was before."""
    seen = await house.subscription_seen(first)
    house.billing.tell(first.customer_id, replace(seen, status="canceled", ended_at=seen.started_at + days(0.1)))
    await house.convergence.settle(first)
    return seen


async def found(house: House) -> list[DuplicateFound]:
    return [fact for fact in await house.facts() if isinstance(fact, DuplicateFound)]


async def test_who_has_a_customer_and_pays_by_a_link_gets_access(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    seen = await pays_by_a_link(house, first, await over(house, first))

    assert (await house.subscriptions.mine(anna)).access.granted
    assert (await plan_of(house, seen)).account_id == anna
    account = (await house.records.recall(Account, anna)).existing()
    assert account.customers_at("memory").bound == (first.customer_id, LINK.customer_id)
    assert await house.inbox.customers_waiting(providers=["memory"], limit=9) == []


async def test_what_is_cancelled_is_seen_whichever_customer_has_it(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    seen = await pays_by_a_link(house, first, await over(house, first))

    await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked_by(anna))

    assert (await plan_of(house, seen)).ends_at == seen.first.period_end


async def test_what_is_refunded_is_seen_whichever_customer_paid_it(house: House) -> None:
    first = await subscribed(house)
    seen = await pays_by_a_link(house, first, await over(house, first))
    payment_id = derived_id("payment", "memory", paid_for(seen.reference).reference)

    await house.refunds.refund(payment_id, amount=None, reason="asked to", asked=BY_ADMIN)

    refunded = [fact for fact in await house.facts() if isinstance(fact, PaymentRefunded)]
    assert [(fact.payment_id, fact.amount) for fact in refunded] == [(payment_id, Money(999, "USD"))]


async def test_a_checkout_sees_what_a_further_customer_has_and_is_for_the_first(house: House) -> None:
    first = await bound(house)
    anna = await account_of(house, first)
    await bind(house, anna, LINK)
    house.billing.asked.clear()

    opened = await house.opens_checkout(anna, await house.sells())

    assert house.billing.asked == [first.customer_id, LINK.customer_id]
    assert opened.checkout_id in {
        seen.checkout_id for seen in (await house.billing.truth_of(first.customer_id)).checkouts
    }


async def test_an_operator_binds_only_whom_the_provider_has_and_whom_it_had_stays_bound(house: House) -> None:
    anna = await house.registers()
    customer_id = await house.billing.create_customer(account_id=anna, email=None, idempotency_key="from before")
    with pytest.raises(CustomerUnknown):
        await house.binding.bind_named(anna, "customer_misspelt", BY_ADMIN)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.binding.bind_named(anna, customer_id, BY_ADMIN)
    house.billing.down = False

    await house.binding.bind_named(anna, customer_id, BY_ADMIN)
    house.billing.gone.add(customer_id)
    await house.binding.bind_named(anna, customer_id, BY_ADMIN)

    assert await house.tags() == ["account.registered", "account.customer_bound"]


async def test_one_that_is_gone_keeps_nobody_from_the_others(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    seen = await pays_by_a_link(house, first, await over(house, first))
    house.billing.gone.add(first.customer_id)

    await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked_by(anna))

    assert (await plan_of(house, seen)).ends_at == seen.first.period_end
    house.billing.gone.add(LINK.customer_id)
    with pytest.raises(CustomerGone):
        await house.commands.converge(anna, BY_ADMIN)


async def test_one_plan_twice_is_found_across_the_customers_once(house: House) -> None:
    first = await subscribed(house)
    older = await house.subscription_seen(first)

    await pays_by_a_link(house, first, older)
    for customer in (first, LINK):
        await house.convergence.settle(customer)

    (duplicate,) = await found(house)
    assert duplicate.subscription_id == derived_id("subscription", "memory", "sub_of_a_link")
    assert duplicate.of_subscription_id == derived_id("subscription", "memory", older.reference)


async def test_what_is_over_at_one_customer_is_doubled_by_no_other(house: House) -> None:
    first = await subscribed(house)

    await pays_by_a_link(house, first, await over(house, first))

    assert await found(house) == []


async def test_who_has_as_many_as_she_may_waits_for_an_operator(house: House) -> None:
    first = await subscribed(house)
    anna = await account_of(house, first)
    for number in range(1, CUSTOMERS_MAX):
        await bind(house, anna, Customer("memory", f"customer_{number}_more"))

    await pays_by_a_link(house, first, await house.subscription_seen(first))

    await house.convergence.settle(LINK)
    assert await house.customers.account_of(LINK) is None
    with pytest.raises(TooManyCustomers):
        await bind(house, anna, LINK)
