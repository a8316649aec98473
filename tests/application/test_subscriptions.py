"""A viewer's own subscription: looked at, and cancelled through the provider."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing_books import selling
from application.errors import ProviderUnavailable
from application.ports.inbox import Customer
from domain.access.standing import Term
from domain.shared.identity import derived_id
from domain.subscription.facts import CancellationRequested, CancellationScheduled, SubscriptionEnded
from domain.subscription.subscription import AlreadySubscribed, NoSubscription, SubscriptionAmbiguous
from tests.application.house import COOKING, House, asked_by
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio


async def cancel(house: House, account_id: UUID, *, at_period_end: bool = True, which: UUID | None = None) -> int:
    return await house.subscriptions.cancel(
        account_id, at_period_end=at_period_end, subscription_id=which, asked=asked_by(account_id)
    )


async def buys_another(house: House, customer: Customer) -> None:
    """Bought at the provider itself, past our own checkout."""
    first = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(first, reference="sub_another"))
    await house.convergence.settle(customer)


# Looked at.


async def test_who_never_subscribed_has_none(house: House) -> None:
    mine = await house.subscriptions.mine(await house.registers())

    assert (mine.status, mine.term, mine.plan, mine.access.reason) == ("none", None, None, "no_subscription")


async def test_a_subscription_is_shown_with_its_plan_and_what_it_gives(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())

    mine = await house.subscriptions.mine(anna)

    assert mine.plan is not None
    assert (mine.status, mine.plan.name) == ("active", "Cooking")
    assert (mine.access.granted, mine.access.until) == (True, MONDAY + days(32))


async def test_what_it_gives_is_about_business_time(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    house.real_time.pass_by(days(99))
    assert (await house.subscriptions.mine(anna)).access.granted

    await house.moves_to(MONDAY + days(32))

    assert (await house.subscriptions.mine(anna)).access.reason == "ended"


async def test_when_it_is_over_its_last_word_is_shown(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    await cancel(house, anna, at_period_end=False)

    mine = await house.subscriptions.mine(anna)

    assert (mine.status, mine.access.reason) == ("canceled", "ended")


async def test_of_several_the_one_that_gives_access_is_shown(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    first = await house.subscription_seen(customer)
    await buys_another(house, customer)

    await cancel(house, anna, at_period_end=False, which=derived_id("subscription", "memory", "sub_another"))

    mine = await house.subscriptions.mine(anna)
    assert isinstance(mine.term, Term)
    assert mine.term.subscription_id == derived_id("subscription", "memory", first.reference)
    assert mine.access.granted


async def test_of_several_that_give_nothing_the_one_that_lives_is_shown(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    first = await house.subscription_seen(customer)
    await buys_another(house, customer)
    house.billing.tell(customer.customer_id, replace(first, status="unpaid"))
    await house.convergence.settle(customer)

    another = derived_id("subscription", "memory", "sub_another")
    await cancel(house, anna, at_period_end=False, which=another)

    mine = await house.subscriptions.mine(anna)
    assert isinstance(mine.term, Term)
    assert mine.term.subscription_id == derived_id("subscription", "memory", first.reference)
    assert (mine.status, mine.access.reason) == ("unpaid", "payment_failed")
    with pytest.raises(AlreadySubscribed):
        await house.opens_checkout(anna, await house.sells())


async def test_of_one_that_is_over_and_one_that_waits_the_latter_is_shown(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    await cancel(house, anna, at_period_end=False)
    over = await house.subscription_seen(customer)
    waiting = replace(over, reference="sub_again", status="incomplete", ended_at=None)
    house.billing.tell(customer.customer_id, waiting)
    await house.convergence.settle(customer)

    mine = await house.subscriptions.mine(anna)

    assert (mine.status, mine.access.reason) == ("incomplete", "payment_pending")


# Cancelled.


async def test_cancelled_at_the_end_of_the_period_she_watches_until_then(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    head = await house.ledger.head()

    position = await cancel(house, anna)

    requested, scheduled = await house.facts(after=head)
    assert isinstance(requested, CancellationRequested)
    assert isinstance(scheduled, CancellationScheduled)
    assert requested.at_period_end
    assert requested.idempotency_key.startswith("cancel-")
    assert (scheduled.ends_at, scheduled.lease_until) == (MONDAY + days(30), MONDAY + days(30))
    assert {requested.actor, scheduled.actor} == {asked_by(anna).actor}
    assert position == scheduled.position
    assert (await house.subscriptions.mine(anna)).access.until == MONDAY + days(30)


async def test_cancelled_at_once_she_is_out_when_the_answer_comes(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())

    await cancel(house, anna, at_period_end=False)

    assert isinstance((await house.facts())[-1], SubscriptionEnded)
    assert (await house.subscriptions.mine(anna)).access.reason == "ended"


async def test_cancelled_twice_it_is_cancelled_once(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    position = await cancel(house, anna)

    assert await cancel(house, anna) == position


async def test_with_the_provider_down_the_wish_is_recorded_and_a_second_try_carries_it_out(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    head = await house.ledger.head()
    house.billing.down = True

    with pytest.raises(ProviderUnavailable):
        await cancel(house, anna)
    assert await house.tags(after=head) == ["subscription.cancellation_requested"]
    assert (await house.subscriptions.mine(anna)).access.until == MONDAY + days(32)

    house.billing.down = False
    await cancel(house, anna)
    assert (await house.tags())[-1] == "subscription.cancellation_scheduled"


async def test_there_must_be_one_to_cancel(house: House) -> None:
    anna = await house.registers()
    with pytest.raises(NoSubscription):
        await cancel(house, anna)

    await house.subscribes(anna, await house.sells())
    await cancel(house, anna, at_period_end=False)
    with pytest.raises(NoSubscription):
        await cancel(house, anna)


async def test_of_several_it_must_be_named(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    await buys_another(house, customer)
    another = derived_id("subscription", "memory", "sub_another")

    with pytest.raises(SubscriptionAmbiguous) as refused:
        await cancel(house, anna)
    assert another in refused.value.more["subscription_ids"]

    await cancel(house, anna, which=another)
    scheduled = (await house.facts())[-1]
    assert isinstance(scheduled, CancellationScheduled)
    assert scheduled.subscription_id == another


async def test_somebody_elses_is_not_hers_to_cancel(house: House) -> None:
    anna, boris, plan = await house.registers(), await house.registers("boris@example.com"), await house.sells()
    await house.subscribes(anna, plan)
    his = await house.subscribes(boris, plan)
    theirs = derived_id("subscription", "memory", (await house.subscription_seen(his)).reference)

    with pytest.raises(NoSubscription):
        await cancel(house, anna, which=theirs)


async def test_one_whose_first_payment_never_came_is_not_meant_where_another_lives(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    first = await house.subscription_seen(customer)
    waiting = replace(first, reference="sub_waiting", status="incomplete")
    house.billing.tell(customer.customer_id, waiting)
    await house.convergence.settle(customer)

    await cancel(house, anna)

    [scheduled] = [fact for fact in await house.facts() if isinstance(fact, CancellationScheduled)]
    assert scheduled.subscription_id == derived_id("subscription", "memory", first.reference)
    named = derived_id("subscription", "memory", "sub_waiting")
    await cancel(house, anna, at_period_end=False, which=named)
    [ended] = [fact for fact in await house.facts() if isinstance(fact, SubscriptionEnded)]
    assert ended.subscription_id == named


async def test_alone_it_is_the_one_that_is_meant(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    first = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, replace(first, reference="sub_waiting", status="incomplete"))
    await house.convergence.settle(customer)
    await cancel(house, anna, at_period_end=False)

    await cancel(house, anna, at_period_end=False)

    assert len([fact for fact in await house.facts() if isinstance(fact, SubscriptionEnded)]) == 2


async def test_a_price_that_is_not_ours_beside_it_does_not_spoil_the_answer(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    first = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, selling(replace(first, reference="sub_other"), price_id="price_other"))

    await cancel(house, anna)

    assert (await house.tags())[-1] == "subscription.cancellation_scheduled"


async def test_a_trial_is_shown_as_one(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells(replace(COOKING, trial_days=7)))

    mine = await house.subscriptions.mine(anna)

    assert isinstance(mine.term, Term)
    assert (mine.status, mine.access.reason, mine.term.trial_end) == ("trialing", "trial", MONDAY + days(7))
