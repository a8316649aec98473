"""Sweeps: what never came is found, what was repaired is told, and a kill in the middle loses nothing."""

from datetime import timedelta
from itertools import count
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.ports.inbox import Customer
from application.sweeps import AT_ONCE, EVENTS_REMEMBERED, PAGE_SIZE, Sweeping
from domain.shared.fact import Cause
from tests.application.anna_at_the_provider import plan_of
from tests.application.house import BY_ADMIN, COOKING, House, page_of
from tests.lives.mortal import Fate, fated
from tests.people import days

pytestmark = pytest.mark.anyio

THIRTY_DAYS = replace(COOKING, interval="once", duration_days=30, trial_days=0)

STEPS_OF_A_SWEEP = 80
"""At least; each call of a port has two."""


async def sweep(house: House) -> None:
    await house.sweeping.request("admin")
    while await house.sweeping.sweep_next():
        pass


async def pays_unheard(house: House, email: str) -> tuple[UUID, str]:
    """Somebody pays, and nothing of it ever comes."""
    account_id = await house.registers(email)
    offers = await house.plan_reads.page(before=None, limit=1)
    opened = await house.opens_checkout(account_id, offers[0].plan_id)
    house.billing.pay(page_of(opened))
    return account_id, (await house.customer_of(account_id)).customer_id


@pytest.fixture
async def shop(house: House) -> House:
    await house.sells()
    return house


async def test_who_paid_and_was_never_heard_of_is_found_and_named(shop: House) -> None:
    anna, _ = await pays_unheard(shop, "anna@example.com")
    before = await shop.ledger.head()

    await sweep(shop)

    (done,) = [each for each in await shop.sweeps.page(before=None, limit=9) if each.kind == "customers"]
    facts = await shop.facts(after=before)
    assert "subscription.started" in [fact.tag() for fact in facts]
    assert {fact.cause for fact in facts} == {Cause("sweep", str(done.id))}
    assert done.repaired == {anna: tuple(fact.position for fact in facts)}
    assert (done.status, done.repairs, done.examined, done.troubles) == ("done", 1, 1, 0)


async def test_a_sweep_of_what_is_right_repairs_nothing(shop: House) -> None:
    await pays_unheard(shop, "anna@example.com")
    await sweep(shop)
    before = await shop.ledger.head()

    await sweep(shop)

    newest, _ = [each for each in await shop.sweeps.page(before=None, limit=9) if each.kind == "customers"]
    assert (await shop.ledger.head(), newest.repaired, newest.repairs) == (before, {}, 0)


async def test_who_the_provider_no_longer_lists_is_asked_about_while_a_term_is_open_here(shop: House) -> None:
    _, customer_id = await pays_unheard(shop, "anna@example.com")
    await sweep(shop)
    shop.billing.unlisted.add(customer_id)
    asked = len(shop.billing.asked)

    await sweep(shop)
    assert shop.billing.asked[asked:] == [customer_id]

    [subscription] = (await shop.billing.truth_of(customer_id)).subscriptions
    over = replace(subscription, status="canceled", ended_at=shop.business_time.now())
    shop.billing.tell(customer_id, over)
    await sweep(shop)
    asked = len(shop.billing.asked)
    await sweep(shop)
    assert shop.billing.asked[asked:] == []


async def test_everybody_with_an_open_term_is_asked_about_also_behind_a_page_of_others(shop: House) -> None:
    for number in range(PAGE_SIZE):
        await shop.customers.take_fence(Customer("memory", f"a_stranger_{number:03}"))
    unlisted = [(await pays_unheard(shop, f"person{number}@example.com"))[1] for number in range(AT_ONCE + 1)]
    await sweep(shop)
    shop.billing.unlisted.update(unlisted)
    asked = len(shop.billing.asked)

    await sweep(shop)

    assert {*shop.billing.asked[asked:]} == {*unlisted}


async def test_who_began_anew_is_asked_about_though_the_first_subscription_is_over(shop: House) -> None:
    _, customer_id = await pays_unheard(shop, "anna@example.com")
    await sweep(shop)
    [first] = (await shop.billing.truth_of(customer_id)).subscriptions
    over = replace(first, status="canceled", ended_at=shop.business_time.now())
    shop.billing.tell(customer_id, over, replace(first, reference="sub_again"))
    await sweep(shop)
    shop.billing.unlisted.add(customer_id)
    asked = len(shop.billing.asked)

    await sweep(shop)

    assert shop.billing.asked[asked:] == [customer_id]


async def test_who_has_days_left_is_asked_about_though_the_provider_lists_her_no_more(house: House) -> None:
    customer = await house.customer_of(await bought_unheard(house))
    await sweep(house)
    house.billing.unlisted.add(customer.customer_id)
    asked = len(house.billing.asked)

    await sweep(house)
    assert house.billing.asked[asked:] == [customer.customer_id]

    await house.moves_to(house.business_time.now() + days(31))
    await sweep(house)
    assert house.billing.asked[asked:] == [customer.customer_id]


async def test_each_kind_of_sweep_comes_when_its_time_has_come_again(shop: House) -> None:
    async def come_due(*, undelivered: float, customers: float) -> list[str]:
        known = len(await shop.sweeps.page(before=None, limit=99))
        while await shop.sweeping.sweep_due(undelivered_seconds=undelivered, customers_seconds=customers):
            pass
        new = await shop.sweeps.page(before=None, limit=99)
        return sorted(sweep.kind for sweep in new[: len(new) - known])

    assert await come_due(undelivered=300, customers=86_400) == ["customers", "undelivered"]
    shop.real_time.pass_by(timedelta(seconds=301))
    assert await come_due(undelivered=300, customers=86_400) == ["undelivered"]
    assert await come_due(undelivered=3_000, customers=300) == ["customers"]


async def test_a_further_customer_of_an_account_is_asked_about_too(shop: House) -> None:
    anna, first = await pays_unheard(shop, "anna@example.com")
    further = Customer("memory", "customer_of_a_link")
    await shop.binding.bind(anna, further.customer_id, BY_ADMIN)
    [seen] = (await shop.billing.truth_of(first)).subscriptions
    shop.billing.tell(further.customer_id, by_link := replace(seen, reference="sub_of_a_link"))
    await sweep(shop)
    shop.billing.tell(further.customer_id, replace(by_link, status="unpaid"))

    await sweep(shop)

    assert (await plan_of(shop, by_link)).status == "unpaid"


async def bought_unheard(house: House) -> UUID:
    """Somebody buys thirty days, and nothing of it ever comes."""
    plan = await house.sells(THIRTY_DAYS)
    anna = await house.registers("anna@example.com")
    house.billing.pay(page_of(await house.opens_checkout(anna, plan)))
    return anna


async def watches(house: House, account_id: UUID) -> str:
    return (await house.subscriptions.mine(account_id)).access.reason


async def test_who_only_ever_bought_days_and_was_never_heard_of_is_found(house: House) -> None:
    anna = await bought_unheard(house)
    assert await watches(house, anna) == "no_subscription"

    await sweep(house)

    (done,) = [each for each in await house.sweeps.page(before=None, limit=9) if each.kind == "customers"]
    assert (await watches(house, anna), [*done.repaired], done.examined) == ("prepaid", [anna], 1)


async def test_the_event_of_it_that_was_not_delivered_is_enough(house: House) -> None:
    anna = await bought_unheard(house)
    customer = await house.customer_of(anna)
    house.billing.undelivered = [house.billing.delivery("checkout.session.completed", customer.customer_id)[0]]
    await house.sweeping.sweeps.request("undelivered", cause="schedule")

    await house.sweeping.sweep_next()
    await house.convergence.settle_waiting()

    assert await watches(house, anna) == "prepaid"


async def test_a_sweep_goes_on_among_the_buyers_where_it_was_cut_off(house: House) -> None:
    plan = await house.sells(THIRTY_DAYS)
    people = [await house.registers(f"person{number}@example.com") for number in range(5)]
    for person in people:
        house.billing.pay(page_of(await house.opens_checkout(person, plan)))
    await house.sweeping.sweeps.request("customers", cause="admin")
    page = await house.billing.buyers(after=None)
    taken = await house.sweeps.take(head=await house.ledger.head(), seconds=0)
    assert taken is not None
    assert await house.sweeps.note(replace(taken[0], reached=f"once:{page.following}"), taken[1], seconds=0)

    done = await house.sweeping.sweep_next()

    assert done is not None
    assert (done.status, {*done.repaired}) == ("done", {*people[2:]})


async def test_who_paid_by_a_payment_link_and_was_never_heard_of_is_bound_and_gets_access(shop: House) -> None:
    _, known = await pays_unheard(shop, "anna@example.com")
    boris = await shop.registers("boris@example.com")
    [seen] = (await shop.billing.truth_of(known)).subscriptions
    shop.billing.tell("cus_of_a_link", replace(seen, reference="sub_of_a_link"))
    shop.billing.payers["cus_of_a_link"] = boris

    await sweep(shop)

    assert await shop.customers.account_of(Customer(shop.billing.name, "cus_of_a_link")) == boris
    standing = await shop.access.standing(boris)
    assert standing is not None
    assert len(standing.terms) == 1
    (done,) = [each for each in await shop.sweeps.page(before=None, limit=9) if each.kind == "customers"]
    assert (boris in done.repaired, done.passed_over) == (True, 0)


async def test_customers_of_no_account_here_are_counted_each_once(shop: House) -> None:
    _, known = await pays_unheard(shop, "anna@example.com")
    [seen] = (await shop.billing.truth_of(known)).subscriptions
    for reference in ("sub_1", "sub_2", "sub_3"):
        shop.billing.tell("customer_of_nobody", replace(seen, reference=reference))
    shop.billing.tell("customer_of_nobody_either", replace(seen, reference="sub_4"))

    await sweep(shop)

    (done,) = [each for each in await shop.sweeps.page(before=None, limit=9) if each.kind == "customers"]
    assert (done.examined, done.passed_over) == (1, 2)


async def test_undelivered_events_are_kept_as_if_they_had_come_each_once(shop: House) -> None:
    came, _ = news = shop.billing.delivery("invoice.paid", "customer_1")
    await shop.webhooks.receive(*news)
    shop.billing.undelivered = [came, *(shop.billing.delivery("invoice.paid", "customer_1")[0] for _ in range(4))]

    await sweep(shop)
    await sweep(shop)

    assert len(shop.tables.rows("inbox")) == 5
    newest, oldest = [each for each in await shop.sweeps.page(before=None, limit=9) if each.kind == "undelivered"]
    assert (oldest.examined, oldest.kept, newest.examined, newest.kept) == (5, 4, 5, 0)


async def test_events_that_the_provider_has_forgotten_are_not_asked_for(shop: House) -> None:
    shop.billing.undelivered = [shop.billing.delivery("invoice.paid", "customer_1")[0]]
    await shop.moves_to(shop.business_time.now() + EVENTS_REMEMBERED + days(1))

    await sweep(shop)

    assert shop.tables.rows("inbox") == []


async def test_a_provider_that_lost_events_starts_a_sweep_at_once_and_once(shop: House) -> None:
    anna, _ = await pays_unheard(shop, "anna@example.com")
    news = shop.billing.delivery("events.lost", None)

    for _ in range(3):
        await shop.webhooks.receive(*news)
        while await shop.sweeping.sweep_next():
            pass

    [only] = await shop.sweeps.page(before=None, limit=9)
    assert (only.kind, only.status, [*only.repaired]) == ("customers", "done", [anna])


async def test_what_cannot_be_settled_of_one_customer_keeps_nobody_from_the_others(shop: House) -> None:
    _, unsettled = await pays_unheard(shop, "anna@example.com")
    boris, _ = await pays_unheard(shop, "boris@example.com")
    [subscription] = (await shop.billing.truth_of(unsettled)).subscriptions
    strange = replace(subscription.first, price_id="price_of_nobody")
    shop.billing.tell(unsettled, replace(subscription, items=(strange,)))

    await sweep(shop)

    (done,) = [each for each in await shop.sweeps.page(before=None, limit=9) if each.kind == "customers"]
    assert (done.status, done.troubles) == ("done", 1)
    assert boris in done.repaired


async def test_an_outage_puts_a_sweep_off_and_it_goes_on_where_it_was(shop: House) -> None:
    for number in range(5):
        await pays_unheard(shop, f"person{number}@example.com")
    await shop.sweeping.request("admin")
    await shop.sweeping.sweep_next()  # the undelivered ones
    page = await shop.billing.subscribers(after=None)
    taken = await shop.sweeps.take(head=await shop.ledger.head(), seconds=0)
    assert taken is not None
    under_way, holder = taken
    assert await shop.sweeps.note(replace(under_way, reached=page.following), holder, seconds=0)
    asked = len(shop.billing.asked)
    shop.billing.down = True

    put_off = await shop.sweeping.sweep_next()
    assert put_off is not None
    assert (put_off.status, put_off.error) == ("under_way", "The provider in memory is down.")
    assert await shop.sweeping.sweep_next() is None

    shop.billing.down = False
    await shop.real_time.move_to(shop.real_time.now() + days(1))
    done = await shop.sweeping.sweep_next()
    assert done is not None
    assert (done.status, done.error, len(set(shop.billing.asked[asked:]))) == ("done", None, 3)


async def test_a_sweep_that_is_killed_at_any_step_leaves_nobody_and_nothing_out() -> None:
    for step in count(1):
        house = House()
        await house.sells()
        paid = [await pays_unheard(house, f"person{number}@example.com") for number in range(3)]
        await sweep(house)
        for _, customer_id in paid:
            [subscription] = (await house.billing.truth_of(customer_id)).subscriptions
            house.billing.tell(customer_id, replace(subscription, status="unpaid"))
        house.billing.undelivered = [house.billing.delivery("balance.available", None)[0] for _ in range(5)]
        await house.sweeping.request("admin")
        fate = Fate("killed", step)

        killed = await fate.befalls(swept_by(fated(house.sweeping, fate)))
        house.real_time.pass_by(days(1))
        await swept_by(house.sweeping)

        standings = [await house.access.standing(account_id) for account_id, _ in paid]
        terms = [term.status for standing in standings if standing for term in standing.terms.values()]
        assert terms == ["unpaid"] * 3, step
        assert len(house.tables.rows("inbox")) == 5, step
        if not killed:
            assert step > STEPS_OF_A_SWEEP
            return


async def swept_by(sweeping: Sweeping) -> None:
    while await sweeping.sweep_next():
        pass
