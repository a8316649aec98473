"""An account has one checkout at a time: the same page again, or another in its place; none is ever left unknown."""

from dataclasses import replace as replaced
from typing import Any, Literal
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing import MemoryBilling
from adapters.memory.checkout_turns import MemoryCheckoutTurns
from application.errors import ProviderRefused, ProviderUnavailable
from application.plans import PlanChange
from application.ports.billing import CheckoutPage
from domain.shared.money import Money
from domain.subscription.checkout import CheckoutFailed, CheckoutOpened
from domain.subscription.subscription import AlreadySubscribed
from tests.application.house import BY_ADMIN, COOKING, House, asked_by, page_of
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

CINEMA = replace(COOKING, name="Cinema", price=Money(1499, "USD"))


async def pages_seen(house: House, account: UUID) -> list[str]:
    """What the provider knows of her pages, the oldest first."""
    customer = await house.customer_of(account)
    seen = (await house.billing.truth_of(customer.customer_id)).checkouts
    return [one.status for one in reversed(seen)]


async def test_asked_again_it_is_the_page_that_is_open(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    first = await house.opens_checkout(anna, plan)
    head = await house.ledger.head()

    again = await house.checkouts.open(
        anna, plan, success_url="https://app.example/thanks", cancel_url=None, asked=asked_by(anna)
    )

    assert (again.checkout_id, again.url, again.expires_at) == (first.checkout_id, first.url, first.expires_at)
    assert await house.tags(after=head) == []
    assert await pages_seen(house, anna) == ["open"]


async def test_another_plan_expires_the_page_of_the_first(house: House) -> None:
    anna, cooking, cinema = await house.registers(), await house.sells(), await house.sells(CINEMA)
    first = await house.opens_checkout(anna, cooking)
    head = await house.ledger.head()

    second = await house.opens_checkout(anna, cinema)

    assert second.url != first.url
    assert await pages_seen(house, anna) == ["expired", "open"]
    assert await house.tags(after=head) == ["checkout.expired", "checkout.requested", "checkout.opened"]
    assert (await house.opens_checkout(anna, cinema)).url == second.url


async def test_a_page_of_an_older_price_is_not_offered_any_more(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    first = await house.opens_checkout(anna, plan)
    house.billing.has_price("price_new", COOKING.price, "month")
    await house.plans.change(plan, PlanChange(price_id="price_new"), BY_ADMIN)

    second = await house.opens_checkout(anna, plan)

    assert second.url != first.url
    assert await pages_seen(house, anna) == ["expired", "open"]


async def test_a_page_that_has_expired_by_itself_is_followed_by_another(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    first = await house.opens_checkout(anna, plan)
    await house.moves_to(MONDAY + days(1))

    assert (await house.opens_checkout(anna, plan)).url != first.url


async def test_who_pays_while_she_asks_for_another_plan_has_bought_the_first(house: House) -> None:
    anna, cooking, cinema = await house.registers(), await house.sells(), await house.sells(CINEMA)
    first = await house.opens_checkout(anna, cooking)
    house.billing.pay(page_of(first))

    with pytest.raises(AlreadySubscribed):
        await house.opens_checkout(anna, cinema)

    assert await pages_seen(house, anna) == ["completed"]


class PaidMeanwhile(MemoryBilling):
    """She pays in the moment in which her page is to be expired."""

    page: CheckoutPage

    async def expire_checkout(self, reference: str) -> Literal["expired", "completed"]:
        self.pay(self.page)
        return await super().expire_checkout(reference)


async def test_even_in_the_last_moment(house: House) -> None:
    house.billing.__class__ = PaidMeanwhile
    anna, cooking, cinema = await house.registers(), await house.sells(), await house.sells(CINEMA)
    house.billing.page = page_of(await house.opens_checkout(anna, cooking))  # type: ignore[attr-defined]

    with pytest.raises(AlreadySubscribed):
        await house.opens_checkout(anna, cinema)

    assert "checkout.expired" not in await house.tags()


class StaleTurns(MemoryCheckoutTurns):
    """Whoever reads it first reads what was there before somebody else took the turn."""

    stale: UUID | None = None
    read = False

    async def current(self, account_id: UUID) -> UUID | None:
        if self.read:
            return await super().current(account_id)
        self.read = True
        return self.stale


def stale(house: House, checkout_id: UUID | None) -> None:
    turns = StaleTurns(house.tables)
    turns.stale = checkout_id
    house.checkouts = replaced(house.checkouts, turns=turns)


async def test_the_turn_decides_and_not_what_was_read_of_it(house: House) -> None:
    anna, cooking, cinema = await house.registers(), await house.sells(), await house.sells(CINEMA)
    first = await house.opens_checkout(anna, cooking)

    stale(house, None)
    assert (await house.opens_checkout(anna, cooking)).url == first.url

    second = await house.opens_checkout(anna, cinema)
    stale(house, first.checkout_id)
    assert (await house.opens_checkout(anna, cinema)).url == second.url
    assert (await house.tags()).count("checkout.requested") == 2


# Whose outcome is unknown.


async def test_a_page_whose_opening_nobody_heard_of_is_found_with_the_customer(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    await house.opens_checkout(anna, plan)
    await house.moves_to(MONDAY + days(2))
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)
    house.billing.answers_lost = False
    house.billing.forget_keys()

    assert await house.janitor_comes() == 1

    assert await pages_seen(house, anna) == ["open", "open"]  # the first one's day is over
    opened = (await house.facts())[-1]
    assert isinstance(opened, CheckoutOpened)
    assert opened.actor.id == "janitor"
    assert (await house.opens_checkout(anna, plan)).url == opened.url
    assert await house.intents.unsettled() == 0


async def test_a_page_that_was_never_opened_is_opened_under_its_key(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)
    house.billing.down = False

    assert await house.janitor_comes() == 1

    assert (await house.tags())[-1] == "checkout.opened"
    assert (await house.tags()).count("checkout.requested") == 1


class WithoutPages(MemoryBilling):
    """It answers everything but this."""

    async def open_checkout(self, **wanted: Any) -> CheckoutPage:
        raise ProviderUnavailable("no pages today")


async def test_a_day_later_it_is_not_opened_any_more(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    await house.opens_checkout(anna, plan)
    await house.moves_to(MONDAY + days(2))
    house.billing.__class__ = WithoutPages
    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)
    house.billing.__class__ = MemoryBilling
    await house.moves_to(MONDAY + days(3))

    assert await house.janitor_comes() == 1

    failed = (await house.facts())[-1]
    assert isinstance(failed, CheckoutFailed)
    assert "knows nothing of it" in failed.reason
    assert (await house.tags()).count("checkout.opened") == 1


async def test_with_the_provider_away_the_janitor_comes_again_and_at_last_leaves_it_to_people(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)

    for _ in range(20):
        house.real_time.pass_by(days(1))
        assert await house.janitor.settle_due() == 0

    assert await house.intents.unsettled() == 1
    house.billing.down = False
    house.real_time.pass_by(days(1))
    assert await house.janitor.settle_due() == 0


async def test_whoever_asks_is_given_time_before_the_janitor_comes(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.opens_checkout(anna, plan)
    house.billing.down = False

    assert await house.janitor.settle_due() == 0


async def test_what_the_provider_refuses_gives_the_turn_to_the_next(house: House) -> None:
    anna = await house.registers()
    gone = await house.sells(replace(COOKING, price_id="price_gone"))
    house.billing.withdraw_price("price_gone")
    with pytest.raises(ProviderRefused):
        await house.opens_checkout(anna, gone)

    assert (await house.opens_checkout(anna, await house.sells(CINEMA))).url
    assert await house.intents.unsettled() == 0
