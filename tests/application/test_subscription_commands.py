"""Resumed, changed, managed at the provider; and what is asked for when nobody hears the answer."""

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.buying import NothingBought
from application.errors import NotFound, ProviderRefused, ProviderUnavailable, SubscriptionMoved
from application.plans import NewPlan
from application.ports.inbox import Customer
from application.return_urls import ReturnUrlNotAllowed
from domain.access.standing import Term
from domain.plan.plan import PlanNotForSale
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.changing import AlreadyOnPlan, ChangeUnderWay, PlanDoesNotRenew
from domain.subscription.facts import PlanChanged, PlanChangeRequested, RequestDropped
from domain.subscription.subscription import NoSubscription, SubscriptionAmbiguous
from tests.application.house import BY_ADMIN, COOKING, House, asked_by
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

CINEMA = replace(COOKING, name="Cinema", price=Money(1499, "USD"))


async def cancel(house: House, account_id: UUID, *, at_period_end: bool = True) -> int:
    return await house.subscriptions.cancel(
        account_id, at_period_end=at_period_end, subscription_id=None, asked=asked_by(account_id)
    )


async def resume(house: House, account_id: UUID) -> int:
    return await house.subscriptions.resume(account_id, subscription_id=None, asked=asked_by(account_id))


async def change(house: House, account_id: UUID, plan_id: UUID) -> int:
    return await house.subscriptions.change(account_id, plan_id, subscription_id=None, asked=asked_by(account_id))


async def annas(house: House) -> tuple[UUID, Customer]:
    """Anna with a subscription to Cooking."""
    anna = await house.registers()
    return anna, await house.subscribes(anna, await house.sells())


# Resumed.


async def test_a_cancellation_that_is_to_come_is_taken_back(house: House) -> None:
    anna, _ = await annas(house)
    await cancel(house, anna)
    head = await house.ledger.head()

    position = await resume(house, anna)

    assert await house.tags(after=head) == [
        "subscription.resumption_requested",
        "subscription.cancellation_withdrawn",
    ]
    assert position == await house.ledger.head()
    assert (await house.subscriptions.mine(anna)).access.until == MONDAY + days(32)
    assert await house.intents.unsettled() == 0


async def test_what_goes_on_already_is_not_asked_to(house: House) -> None:
    anna, _ = await annas(house)
    head = await house.ledger.head()

    await resume(house, anna)

    assert await house.tags(after=head) == []


async def test_after_a_pause_it_goes_on_in_a_new_period(house: House) -> None:
    anna, customer = await annas(house)
    house.billing.tell(customer.customer_id, replace(await house.subscription_seen(customer), status="paused"))
    await house.convergence.settle(customer)
    await house.moves_to(MONDAY + days(10))
    assert (await house.subscriptions.mine(anna)).access.reason == "paused"

    await resume(house, anna)

    mine = await house.subscriptions.mine(anna)
    assert (mine.status, mine.access.until) == ("active", MONDAY + days(42))


async def paused(house: House) -> tuple[UUID, Customer]:
    """Anna, whose subscription is paused, with a card that fails."""
    anna, customer = await annas(house)
    house.billing.tell(customer.customer_id, replace(await house.subscription_seen(customer), status="paused"))
    await house.convergence.settle(customer)
    house.billing.declined.add(customer.customer_id)
    return anna, customer


async def owed(house: House, customer: Customer) -> int:
    payments = (await house.billing.truth_of(customer.customer_id)).payments
    return sum(payment.status == "failed" for payment in payments)


async def requests(house: House) -> int:
    return (await house.tags()).count("subscription.resumption_requested")


async def test_asked_for_several_times_at_once_it_is_one_request(house: House) -> None:
    anna, customer = await paused(house)

    await asyncio.gather(*(resume(house, anna) for _ in range(4)))

    assert (await requests(house), await owed(house, customer)) == (1, 1)
    assert await house.intents.unsettled() == 0


async def test_while_nobody_knows_what_came_of_it_it_is_not_asked_for_again(house: House) -> None:
    anna, _ = await paused(house)
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await resume(house, anna)
    house.billing.answers_lost = False
    house.billing.declined.clear()

    await resume(house, anna)

    assert (await requests(house), await house.intents.unsettled()) == (1, 1)
    assert (await house.subscriptions.mine(anna)).status == "paused"
    assert await house.janitor_comes() == 1
    assert (await house.subscriptions.mine(anna)).status == "active"


async def test_what_the_janitor_has_tried_in_vain_is_tried_under_its_key_by_whoever_asks_again(house: House) -> None:
    anna, _ = await paused(house)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await resume(house, anna)
    await house.janitor_comes()
    house.billing.down = False
    house.billing.declined.clear()

    await resume(house, anna)

    assert (await requests(house), await house.intents.unsettled()) == (1, 0)
    assert (await house.subscriptions.mine(anna)).status == "active"


async def test_told_and_still_paused_it_can_be_asked_for_again(house: House) -> None:
    anna, _ = await paused(house)
    await resume(house, anna)
    house.billing.declined.clear()

    await resume(house, anna)

    assert await requests(house) == 2
    assert (await house.subscriptions.mine(anna)).status == "active"


async def test_there_must_be_one_to_resume(house: House) -> None:
    anna, _ = await annas(house)
    await cancel(house, anna, at_period_end=False)

    with pytest.raises(NoSubscription):
        await resume(house, anna)


# Changed.


async def test_an_upgrade_counts_when_it_is_paid(house: House) -> None:
    anna, _ = await annas(house)
    cinema = await house.sells(CINEMA)
    head = await house.ledger.head()

    await change(house, anna, cinema)

    requested, changed, paid = await house.facts(after=head)
    assert isinstance(requested, PlanChangeRequested)
    assert isinstance(changed, PlanChanged)
    assert (requested.before.name, requested.after.name, requested.upgrade) == ("Cooking", "Cinema", True)
    assert (changed.after.plan_id, paid.tag()) == (cinema, "payment.succeeded")
    mine = await house.subscriptions.mine(anna)
    assert mine.plan is not None
    assert mine.plan.name == "Cinema"


async def test_until_then_the_plan_is_the_old_one_and_the_page_to_pay_on_is_told(house: House) -> None:
    anna, customer = await annas(house)
    cinema = await house.sells(CINEMA)
    house.billing.declined.add(customer.customer_id)

    await change(house, anna, cinema)

    mine = await house.subscriptions.mine(anna)
    assert mine.plan is not None
    assert isinstance(mine.term, Term)
    assert (mine.plan.name, mine.access.granted, mine.term.owed_since) == ("Cooking", True, MONDAY)
    assert (mine.term.action_url or "").startswith("memory://")


async def test_what_is_not_asked_for_any_more_is_no_problem_any_more(house: House) -> None:
    anna, customer = await annas(house)
    house.billing.declined.add(customer.customer_id)
    await change(house, anna, await house.sells(CINEMA))
    [owed] = [p for p in (await house.billing.truth_of(customer.customer_id)).payments if p.status == "failed"]
    house.billing.tell(customer.customer_id, replace(owed, status="pending"))

    await house.convergence.settle(customer)

    assert (await house.tags())[-1] == "payment.withdrawn"
    mine = await house.subscriptions.mine(anna)
    assert isinstance(mine.term, Term)
    assert (mine.term.owed_since, mine.term.action_url) == (None, None)


async def test_a_cheaper_plan_counts_at_once_and_gives_no_money_back(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells(CINEMA))
    cooking = await house.sells()
    head = await house.ledger.head()

    await change(house, anna, cooking)

    requested, changed = await house.facts(after=head)
    assert isinstance(requested, PlanChangeRequested)
    assert (requested.upgrade, changed.tag()) == (False, "subscription.plan_changed")


async def test_the_plan_that_she_has_and_what_is_bought_once_are_refused(house: House) -> None:
    anna = await house.registers()
    plan = await house.sells()
    await house.subscribes(anna, plan)
    prepaid = await house.sells(replace(COOKING, interval="once", duration_days=30))
    head = await house.ledger.head()

    with pytest.raises(AlreadyOnPlan):
        await change(house, anna, plan)
    with pytest.raises(PlanDoesNotRenew):
        await change(house, anna, prepaid)
    with pytest.raises(NotFound):
        await change(house, anna, UUID(int=404))
    assert await house.tags(after=head) == []


async def test_a_plan_without_a_price_is_not_changed_to(house: House) -> None:
    anna, _ = await annas(house)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.sells(CINEMA)
    house.billing.down = False
    unpriced = next(fact for fact in reversed(await house.facts()) if fact.tag() == "plan.created")

    with pytest.raises(PlanNotForSale):
        await change(house, anna, unpriced.terms.plan_id)  # type: ignore[attr-defined]  # a PlanCreated


async def test_of_several_it_must_be_named(house: House) -> None:
    anna, customer = await annas(house)
    house.billing.tell(customer.customer_id, replace(await house.subscription_seen(customer), reference="sub_another"))
    await house.convergence.settle(customer)
    cinema = await house.sells(CINEMA)

    with pytest.raises(SubscriptionAmbiguous):
        await change(house, anna, cinema)
    with pytest.raises(SubscriptionAmbiguous):
        await resume(house, anna)


async def test_what_the_provider_refuses_is_recorded_with_its_reason(house: House) -> None:
    anna, _ = await annas(house)
    cinema = await house.sells(replace(CINEMA, price_id="price_gone"))
    house.billing.withdraw_price("price_gone")

    with pytest.raises(ProviderRefused):
        await change(house, anna, cinema)

    dropped = (await house.facts())[-1]
    assert isinstance(dropped, RequestDropped)
    assert "price_gone" in dropped.reason
    assert await house.intents.unsettled() == 0


async def another(house: House, customer: Customer, plan: NewPlan, *, reference: str = "sub_another") -> UUID:
    """A second subscription of the customer's, to a plan of its own."""
    plan_id, price_id = await house.sells(replace(plan, price_id=f"price_{reference}")), f"price_{reference}"
    seen = await house.subscription_seen(customer)
    item = replace(seen.first, price_id=price_id, price=plan.price)
    house.billing.tell(customer.customer_id, replace(seen, reference=reference, items=(item,)))
    await house.convergence.settle(customer)
    return plan_id


async def test_to_what_another_subscription_of_hers_sells_nothing_is_changed(house: House) -> None:
    anna, customer = await annas(house)
    first = derived_id("subscription", "memory", (await house.subscription_seen(customer)).reference)
    cinema = await another(house, customer, CINEMA)
    head = await house.ledger.head()

    with pytest.raises(AlreadyOnPlan):
        await house.subscriptions.change(anna, cinema, subscription_id=first, asked=asked_by(anna))
    assert await house.tags(after=head) == []

    over = replace(await house.subscription_seen(customer), status="canceled", ended_at=MONDAY)
    house.billing.tell(customer.customer_id, over)
    await house.convergence.settle(customer)
    await change(house, anna, cinema)
    assert (await house.tags())[-2:] == ["subscription.plan_changed", "payment.succeeded"]


async def test_of_two_changes_at_once_one_is_carried_out_and_the_other_refused(house: House) -> None:
    anna, _ = await annas(house)
    plans = [await house.sells(CINEMA), await house.sells(replace(CINEMA, name="Theatre"))]

    one, other = await asyncio.gather(*(change(house, anna, plan) for plan in plans), return_exceptions=True)

    assert {type(one), type(other)} == {int, ChangeUnderWay}
    mine = await house.subscriptions.mine(anna)
    assert mine.plan is not None
    assert mine.plan.plan_id == plans[isinstance(one, ChangeUnderWay)]
    assert await requested_changes(house) == 1
    await change(house, anna, plans[isinstance(other, ChangeUnderWay)])
    assert await requested_changes(house) == 2


async def requested_changes(house: House) -> int:
    return (await house.tags()).count("subscription.plan_change_requested")


async def test_while_nobody_knows_what_came_of_one_no_other_is_asked_for(house: House) -> None:
    anna, _ = await annas(house)
    cinema, theatre = await house.sells(CINEMA), await house.sells(replace(CINEMA, name="Theatre"))
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await change(house, anna, cinema)
    with pytest.raises(ChangeUnderWay):
        await change(house, anna, theatre)
    await house.janitor_comes()
    house.billing.down = False

    await change(house, anna, theatre)

    mine = await house.subscriptions.mine(anna)
    assert mine.plan is not None
    assert mine.plan.plan_id == theatre


async def test_of_a_plan_that_she_has_twice_a_dearer_one_is_an_upgrade(house: House) -> None:
    anna, customer = await annas(house)
    seen = await house.subscription_seen(customer)
    two = replace(seen.first, price=Money(2 * 999, "USD"))
    house.billing.tell(customer.customer_id, replace(seen, items=(two,)))
    house.billing.declined.add(customer.customer_id)

    await change(house, anna, await house.sells(CINEMA))

    [requested] = [fact for fact in await house.facts() if isinstance(fact, PlanChangeRequested)]
    assert requested.upgrade
    mine = await house.subscriptions.mine(anna)
    assert mine.plan is not None
    assert mine.plan.name == "Cooking"


async def test_what_was_moved_to_another_plan_unheard_is_not_changed_and_is_heard_of(house: House) -> None:
    anna, customer = await annas(house)
    theatre, cinema = replace(CINEMA, name="Theatre", price_id="price_theatre"), await house.sells(CINEMA)
    await house.sells(theatre)
    seen = await house.subscription_seen(customer)
    elsewhere = replace(seen.first, price_id="price_theatre", price=theatre.price)
    house.billing.tell(customer.customer_id, replace(seen, items=(elsewhere,)))

    with pytest.raises(SubscriptionMoved):
        await change(house, anna, cinema)

    assert (await house.tags())[-2:] == ["subscription.request_dropped", "subscription.plan_changed"]
    await change(house, anna, cinema)


async def test_what_is_to_end_with_its_period_does_although_a_later_end_was_set(house: House) -> None:
    anna, customer = await annas(house)
    house.billing.tell(
        customer.customer_id, replace(await house.subscription_seen(customer), ends_at=MONDAY + days(90))
    )
    await house.convergence.settle(customer)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await cancel(house, anna)
    house.billing.down = False

    assert await house.janitor_comes() == 1

    mine = await house.subscriptions.mine(anna)
    assert isinstance(mine.term, Term)
    assert mine.term.ends_at == MONDAY + days(30)


async def test_what_is_paused_and_to_end_goes_on_by_one_wish(house: House) -> None:
    anna, customer = await annas(house)
    seen = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(seen, status="paused", ends_at=seen.first.period_end))
    await house.convergence.settle(customer)

    await resume(house, anna)

    mine = await house.subscriptions.mine(anna)
    assert isinstance(mine.term, Term)
    assert (mine.status, mine.term.ends_at) == ("active", None)


# The portal.


async def test_the_providers_own_page_sends_her_back_to_one_of_ours(house: House) -> None:
    anna, _ = await annas(house)

    url = await house.subscriptions.open_portal(anna, return_url="https://app.example/me", asked=asked_by(anna))

    assert url.endswith("?back=https://app.example/me")
    with pytest.raises(ReturnUrlNotAllowed):
        await house.subscriptions.open_portal(anna, return_url="https://evil.example/", asked=asked_by(anna))


async def test_who_has_bought_nothing_has_nothing_to_manage(house: House) -> None:
    with pytest.raises(NothingBought):
        await house.subscriptions.open_portal(await house.registers(), return_url=None, asked=BY_ADMIN)


# Whose answer nobody heard.


async def test_a_cancellation_with_the_provider_down_is_carried_out_when_it_is_back(house: House) -> None:
    anna, _ = await annas(house)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await cancel(house, anna)
    house.billing.down = False

    assert await house.janitor_comes() == 1

    assert (await house.tags())[-1] == "subscription.cancellation_scheduled"
    assert (await house.facts())[-1].actor.id == "janitor"
    assert await house.intents.unsettled() == 0


async def test_what_was_done_and_not_heard_of_is_not_done_again(house: House) -> None:
    anna, _ = await annas(house)
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await cancel(house, anna)

    assert await house.janitor_comes() == 1

    assert (await house.tags())[-1] == "subscription.cancellation_scheduled"


async def test_what_she_took_back_meanwhile_is_not_carried_out(house: House) -> None:
    anna, _ = await annas(house)
    await cancel(house, anna)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await resume(house, anna)
    house.billing.down = False
    await cancel(house, anna)

    await house.janitor_comes()

    assert "subscription.cancellation_withdrawn" not in await house.tags()
    assert await house.intents.unsettled() == 0


async def test_a_change_of_plan_is_not_billed_a_day_later(house: House) -> None:
    anna, _ = await annas(house)
    cinema = await house.sells(CINEMA)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await change(house, anna, cinema)
    house.billing.down = False
    await house.moves_to(MONDAY + days(1))

    assert await house.janitor_comes() == 1

    dropped = (await house.facts())[-1]
    assert isinstance(dropped, RequestDropped)
    assert "within a day" in dropped.reason


async def test_a_change_of_plan_that_was_left_is_not_billed_once_it_is_to_end(house: House) -> None:
    anna, customer = await annas(house)
    cinema = await house.sells(CINEMA)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await change(house, anna, cinema)
    house.billing.down = False
    await cancel(house, anna)

    assert await house.janitor_comes() == 1

    dropped = (await house.facts())[-1]
    assert isinstance(dropped, RequestDropped)
    assert "resume it first" in dropped.reason
    assert len((await house.billing.truth_of(customer.customer_id)).payments) == 1


async def test_a_change_of_plan_within_the_day_is_carried_out_once(house: House) -> None:
    anna, customer = await annas(house)
    cinema = await house.sells(CINEMA)
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await change(house, anna, cinema)
    house.billing.answers_lost = False

    assert await house.janitor_comes() == 1

    assert (await house.tags()).count("subscription.plan_changed") == 1
    assert len((await house.billing.truth_of(customer.customer_id)).payments) == 2
