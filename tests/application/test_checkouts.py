"""Checkout: the intent first, one customer to an account, and only our own addresses to come back to."""

import asyncio
from dataclasses import replace as replaced
from typing import Any, NoReturn
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing import MemoryBilling
from application.errors import NotFound, ProviderRefused, ProviderUnavailable
from application.ports.billing import CheckoutPage
from application.ports.inbox import Customer
from application.return_urls import ReturnUrlNotAllowed
from domain.access.access import AccountBlocked
from domain.account.account import Account
from domain.account.customers import CustomerBound
from domain.shared.fact import Actor, Cause
from domain.subscription.checkout import CheckoutFailed, CheckoutOpened, CheckoutRequested
from domain.subscription.subscription import AlreadySubscribed
from tests.application.house import BY_ADMIN, COOKING, PUBLIC_URL, House, asked_by
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio


class ListeningBilling(MemoryBilling):
    """Remembers what a page was opened with."""

    opened_with: dict[str, Any]

    async def open_checkout(self, **wanted: Any) -> CheckoutPage:
        self.opened_with = wanted
        return await super().open_checkout(**wanted)


def listening(house: House) -> ListeningBilling:
    """From now on the house sells through a provider that remembers."""
    billing = ListeningBilling(house.business_time)
    house.billing = billing
    house.checkouts = replaced(house.checkouts, billing=billing)
    house.plans = replaced(house.plans, billing=billing)
    return billing


async def test_anna_is_sent_to_the_payment_page(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    head = await house.ledger.head()

    opened = await house.opens_checkout(anna, plan)

    requested, bound, page = await house.facts(after=head)
    assert isinstance(requested, CheckoutRequested)
    assert isinstance(bound, CustomerBound)
    assert isinstance(page, CheckoutOpened)
    assert (requested.plan.name, requested.plan.price) == ("Cooking", COOKING.price)
    assert requested.idempotency_key == f"checkout-{opened.checkout_id}"
    assert (page.checkout_id, page.expires_at) == (opened.checkout_id, MONDAY + days(1))
    assert opened.url == f"memory://{page.provider_reference}"
    assert (opened.expires_at, opened.position) == (page.expires_at, page.position)
    assert (requested.actor, requested.cause) == (Actor("viewer", str(anna)), Cause("request", "req_viewer"))


async def test_the_provider_is_told_what_is_bought_and_by_whom(house: House) -> None:
    billing = listening(house)
    anna = await house.registers()
    plan = await house.sells(replace(COOKING, trial_days=7))

    opened = await house.opens_checkout(anna, plan)

    told = billing.opened_with
    assert (told["account_id"], told["checkout_id"]) == (anna, opened.checkout_id)
    assert (told["recurring"], told["trial_days"]) == (True, 7)
    assert told["success_url"] == f"{PUBLIC_URL}/checkout/success"
    assert told["cancel_url"] == f"{PUBLIC_URL}/checkout/cancelled"


async def test_what_is_bought_once_is_opened_as_such(house: House) -> None:
    billing = listening(house)
    anna = await house.registers()
    plan = await house.sells(replace(COOKING, interval="once", duration_days=30))

    await house.opens_checkout(anna, plan)

    assert (billing.opened_with["recurring"], billing.opened_with["trial_days"]) == (False, 0)


async def test_a_trial_is_had_once(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(replace(COOKING, trial_days=14))
    customer = await house.subscribes(anna, plan)
    tried = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(tried, status="canceled", ended_at=MONDAY))
    await house.convergence.settle(customer)

    await house.opens_checkout(anna, plan)

    requested = [fact for fact in await house.facts() if isinstance(fact, CheckoutRequested)]
    assert [fact.trial_days for fact in requested] == [14, 0]


@pytest.mark.parametrize("url", [f"{PUBLIC_URL}/thanks?plan=1#top", "https://app.example", "https://app.example/"])
async def test_she_may_come_back_to_our_own_pages(house: House, url: str) -> None:
    billing = listening(house)
    anna, plan = await house.registers(), await house.sells()

    await house.checkouts.open(anna, plan, success_url=url, cancel_url=url, asked=asked_by(anna))

    assert (billing.opened_with["success_url"], billing.opened_with["cancel_url"]) == (url, url)


FOREIGN = [
    "https://evil.example/",
    "http://streamly.example/",
    "https://streamly.example.evil.example/",
    "https://streamly.example:8443/",
    "https://streamly.example@evil.example/",
    "https://streamly.example\\@evil.example/",
    "https://streamly.example\t.evil.example/",
    "//streamly.example/",
    "/checkout/success",
    "javascript:alert(1)",
    "https://[streamly.example",
    "",
]


@pytest.mark.parametrize("url", FOREIGN)
async def test_but_not_to_somebody_elses(house: House, url: str) -> None:
    anna, plan = await house.registers(), await house.sells()
    head = await house.ledger.head()

    with pytest.raises(ReturnUrlNotAllowed):
        await house.checkouts.open(anna, plan, success_url=url, cancel_url=None, asked=asked_by(anna))
    with pytest.raises(ReturnUrlNotAllowed):
        await house.checkouts.open(anna, plan, success_url=None, cancel_url=url, asked=asked_by(anna))
    assert await house.tags(after=head) == []


async def test_who_has_access_need_not_buy_it(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    await house.subscribes(anna, plan)
    head = await house.ledger.head()

    with pytest.raises(AlreadySubscribed) as refused:
        await house.opens_checkout(anna, plan)

    assert refused.value.more["access"].reason == "subscription"
    assert await house.tags(after=head) == []


async def test_whose_subscription_is_over_at_the_provider_may_buy_again_though_nobody_said_so(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan)
    await house.moves_to(MONDAY + days(40))
    over = replace(await house.subscription_seen(customer), status="canceled", ended_at=MONDAY + days(30))
    house.billing.tell(customer.customer_id, over)

    assert (await house.opens_checkout(anna, plan)).url

    assert "subscription.ended" in await house.tags()


async def test_who_owes_for_a_subscription_does_not_buy_another(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    customer = await house.subscribes(anna, plan)
    house.billing.tell(customer.customer_id, replace(await house.subscription_seen(customer), status="unpaid"))
    await house.convergence.settle(customer)

    with pytest.raises(AlreadySubscribed):
        await house.opens_checkout(anna, plan)


async def test_a_disabled_account_buys_nothing(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="chargebacks"))

    with pytest.raises(AccountBlocked) as refused:
        await house.opens_checkout(anna, plan)
    assert refused.value.more["access"].deciding[0].type == "account.disabled"


async def test_a_plan_that_is_not_there_is_not_found(house: House) -> None:
    anna = await house.registers()

    with pytest.raises(NotFound):
        await house.opens_checkout(anna, UUID(int=404))


async def test_an_account_has_one_customer_however_often_it_goes_to_the_checkout(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()

    await house.opens_checkout(anna, plan)
    await house.opens_checkout(anna, plan)

    assert (await house.tags()).count("account.customer_bound") == 1


async def test_nor_more_than_one_page_when_it_goes_there_several_times_at_once(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()

    pages = await asyncio.gather(*(house.opens_checkout(anna, plan) for _ in range(5)))

    assert len({(page.checkout_id, page.url, page.expires_at) for page in pages}) == 1
    assert (await house.tags()).count("checkout.requested") == 1
    assert (await house.tags()).count("account.customer_bound") == 1
    customer = await house.customer_of(anna)
    assert await house.customers.account_of(customer) == anna


async def test_each_account_has_its_own(house: House) -> None:
    anna, boris, plan = await house.registers(), await house.registers("boris@example.com"), await house.sells()

    await house.opens_checkout(anna, plan)
    await house.opens_checkout(boris, plan)

    assert await house.customer_of(anna) != await house.customer_of(boris)


async def test_what_came_about_a_customer_before_it_was_bound_is_due_with_the_binding(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    early = Customer("memory", await customer_to_be(house, anna))
    await house.hears("customer.created", early)
    await house.convergence.settle_waiting()
    assert await house.inbox.customers_waiting(providers=["memory"], limit=5) == []

    await house.opens_checkout(anna, plan)

    assert await house.customer_of(anna) == early
    assert await house.inbox.customers_waiting(providers=["memory"], limit=5) == [early]


async def test_the_customer_of_a_try_that_was_cut_off_is_found_days_later(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    made = await customer_to_be(house, anna)
    house.billing.forget_keys()
    await house.moves_to(house.business_time.now() + days(2))

    await house.opens_checkout(anna, plan)

    assert await house.customer_of(anna) == Customer("memory", made)


async def test_who_has_just_registered_is_looked_for_nowhere(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    made = await customer_to_be(house, anna)
    house.billing.forget_keys()

    await house.opens_checkout(anna, plan)

    assert (await house.customer_of(anna)).customer_id != made


async def test_with_the_provider_down_the_intent_is_there_and_another_try_goes_through(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    head = await house.ledger.head()
    house.billing.down = True

    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)
    assert await house.tags(after=head) == ["checkout.requested"]

    house.billing.down = False
    await house.opens_checkout(anna, plan)
    assert (await house.tags()).count("account.customer_bound") == 1


async def test_what_the_provider_refuses_is_recorded_with_its_reason(house: House) -> None:
    anna = await house.registers()
    plan = await house.sells(replace(COOKING, price_id="price_that_was_deleted"))
    house.billing.withdraw_price("price_that_was_deleted")

    with pytest.raises(ProviderRefused):
        await house.opens_checkout(anna, plan)

    failed = (await house.facts())[-1]
    assert isinstance(failed, CheckoutFailed)
    assert "price_that_was_deleted" in failed.reason


async def test_the_providers_own_words_are_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, plan = await house.registers(), await house.sells()

    async def refuse(**_: object) -> NoReturn:
        raise ProviderRefused("Invalid email address: anna@example.com", kept="email_invalid")

    monkeypatch.setattr(house.billing, "open_checkout", refuse)
    with pytest.raises(ProviderRefused, match="anna@"):
        await house.opens_checkout(anna, plan)

    failed = (await house.facts())[-1]
    assert isinstance(failed, CheckoutFailed)
    assert failed.reason == "email_invalid"


async def customer_to_be(house: House, account_id: UUID) -> str:
    """The customer that the provider would give the account, asked for under the same key."""
    return await house.billing.create_customer(
        account_id=account_id, email=None, idempotency_key=f"customer-{account_id}"
    )
