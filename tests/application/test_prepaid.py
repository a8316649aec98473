"""Prepaid plans: bought, watched with, extended, paid late or twice, and refunded."""

from dataclasses import replace as replaced
from datetime import datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.checkouts import OpenedCheckout
from application.plans import NewPlan, PlanChange
from application.ports.billing import PaidAtOnce, SeenCheckout, SeenPurchase, SoldOnce
from application.ports.inbox import Customer
from application.recall import Recalled
from domain.access.access import Access
from domain.payment.refunds import RefundRequested
from domain.payment.truth import ProviderDispute, ProviderPayment, ProviderRefund
from domain.plan.plan import Plan
from domain.prepaid.facts import PrepaidBought, PrepaidDuplicated, PrepaidRevoked
from domain.prepaid.prepaid import PaidPurchase, Prepaid, RenewalWindowClosed
from domain.shared.fact import Actor, Cause
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.subscription import AlreadySubscribed
from domain.subscription.truth import BillingPolicy
from tests.application.house import BY_ADMIN, House, asked_by, page_of
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

PRICE = Money(1299, "USD")
THIRTY_DAYS = NewPlan(name="Thirty days", price=PRICE, interval="once", duration_days=30, features=("sd",))
A_SEASON = replace(THIRTY_DAYS, name="A season", duration_days=90)


async def access_of(house: House, account_id: UUID) -> Access:
    return (await house.subscriptions.mine(account_id)).access


async def settled(house: House, customer: Customer, what: str = "checkout.session.completed") -> None:
    await house.hears(what, customer)
    await house.convergence.settle_waiting()


def payment(reference: str, at: datetime = MONDAY) -> ProviderPayment:
    return ProviderPayment(
        provider="memory",
        reference=reference,
        subscription_reference=None,
        amount=PRICE,
        status="paid",
        attempts=1,
        paid_at=at,
        next_attempt_at=None,
        receipt_url=None,
    )


def paid(opened: OpenedCheckout, reference: str, at: datetime | None = MONDAY) -> SeenCheckout:
    """The page of a checkout, paid, whatever else has become of it."""
    return SeenCheckout(page_of(opened).reference, opened.checkout_id, "completed", PaidAtOnce(reference, at))


async def test_bought_it_is_watched_with_for_its_days(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    head = await house.ledger.head()

    await house.subscribes(anna, plan)

    assert await house.tags(after=head) == [
        "checkout.requested",
        "account.customer_bound",
        "checkout.opened",
        "payment.succeeded",
        "prepaid.bought",
        "checkout.completed",
    ]
    mine = await house.subscriptions.mine(anna)
    assert (mine.status, mine.plan and mine.plan.plan_id) == ("active", plan)
    assert (mine.access.reason, mine.access.until, mine.access.features) == ("prepaid", MONDAY + days(30), ("sd",))
    await house.moves_to(MONDAY + days(30))
    mine = await house.subscriptions.mine(anna)
    assert (mine.status, mine.access.granted, mine.access.reason) == ("ended", False, "ended")


async def test_the_provider_did_it_by_the_webhook(house: House) -> None:
    await house.subscribes(await house.registers(), await house.sells(THIRTY_DAYS))

    [bought] = [fact for fact in await house.facts() if isinstance(fact, PrepaidBought)]

    assert (bought.actor, bought.cause.kind) == (Actor("provider", "memory"), "webhook")
    assert (bought.plan.name, bought.plan.price, bought.duration_days) == ("Thirty days", PRICE, 30)


async def test_what_is_heard_again_is_bought_once(house: House) -> None:
    customer = await house.subscribes(await house.registers(), await house.sells(THIRTY_DAYS))
    head = await house.ledger.head()

    await settled(house, customer)

    assert await house.tags(after=head) == []


async def test_completed_and_not_paid_it_gives_nothing_until_the_money_is_there(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    opened = await house.opens_checkout(anna, plan)
    customer = await house.customer_of(anna)
    house.billing.tell(customer.customer_id, replace(paid(opened, "payment_x"), paid=None))
    await settled(house, customer)
    assert (await access_of(house, anna)).reason == "no_subscription"

    three_days_later = MONDAY + days(3)
    await house.moves_to(three_days_later)
    house.billing.tell(customer.customer_id, paid(opened, "payment_x", None), payment("payment_x", three_days_later))
    await house.hears("checkout.session.async_payment_succeeded", customer)
    await house.moves_to(three_days_later + days(1))
    await house.convergence.settle_waiting()

    assert (await access_of(house, anna)).until == three_days_later + days(30)


async def test_a_delayed_payment_that_fails_never_gives_anything(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    opened = await house.opens_checkout(anna, plan)
    customer = await house.customer_of(anna)
    house.billing.tell(customer.customer_id, replace(paid(opened, "payment_x"), paid=None))
    await settled(house, customer)
    await settled(house, customer, "checkout.session.async_payment_failed")

    assert not (await access_of(house, anna)).granted
    assert (await house.tags())[-1] == "checkout.completed"


async def test_heard_of_late_it_counts_from_when_it_was_paid(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    opened = await house.opens_checkout(anna, plan)
    house.billing.pay(page_of(opened))
    await house.moves_to(MONDAY + days(2))

    await house.convergence.settle(await house.customer_of(anna))

    assert (await access_of(house, anna)).until == MONDAY + days(30)


async def test_bought_again_before_its_end_it_goes_on_from_there(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    await house.subscribes(anna, plan)
    await house.moves_to(MONDAY + days(20))

    await house.subscribes(anna, plan)

    assert (await access_of(house, anna)).until == MONDAY + days(60)


async def test_with_more_than_thirty_days_left_there_is_no_checkout(house: House) -> None:
    anna, season, month = await house.registers(), await house.sells(A_SEASON), await house.sells(THIRTY_DAYS)
    await house.subscribes(anna, season)
    head = await house.ledger.head()

    for plan in (season, month):
        with pytest.raises(RenewalWindowClosed) as refused:
            await house.opens_checkout(anna, plan)
        assert refused.value.more["access"].until == MONDAY + days(90)
        assert "2027-04-30 12:00 UTC" in refused.value.detail
    assert await house.tags(after=head) == []

    await house.moves_to(MONDAY + days(60))
    await house.subscribes(anna, month)
    assert (await access_of(house, anna)).until == MONDAY + days(120)


async def paid_in_two_tabs(house: House) -> tuple[UUID, list[OpenedCheckout]]:
    """Anna, who has paid for two seasons within a day."""
    anna, season = await house.registers(), await house.sells(A_SEASON)
    other = await house.sells(replace(A_SEASON, name="Another season"))
    tabs = [await house.opens_checkout(anna, plan) for plan in (season, other)]
    customer = await house.customer_of(anna)
    later = MONDAY + days(1)
    for opened, reference, at in zip(tabs, ("payment_1", "payment_2"), (MONDAY, later), strict=True):
        house.billing.tell(customer.customer_id, paid(opened, reference, at), payment(reference, at))
    await house.moves_to(later)
    await settled(house, customer)
    return anna, tabs


async def duplicate_of(house: House) -> PrepaidDuplicated:
    [duplicate] = [fact for fact in await house.facts() if isinstance(fact, PrepaidDuplicated)]
    return duplicate


async def test_two_pages_that_are_both_paid_are_one_term_and_a_duplicate_that_is_told(house: House) -> None:
    anna, tabs = await paid_in_two_tabs(house)

    duplicate = await duplicate_of(house)
    assert (duplicate.purchase_id, duplicate.payment_reference, duplicate.refund) == (
        tabs[1].checkout_id,
        "payment_2",
        False,
    )
    assert (await house.tags()).count("payment.succeeded") == 2
    assert (await access_of(house, anna)).until == MONDAY + days(90)
    await house.duplicates.act_on_purchase(duplicate)
    assert "payment.refund_requested" not in await house.tags()


async def test_by_policy_the_duplicate_is_paid_back_once_and_the_first_one_stays() -> None:
    house = House(BillingPolicy(double_checkout="refund_newer"))
    anna, _ = await paid_in_two_tabs(house)
    duplicate = await duplicate_of(house)
    assert duplicate.refund

    for _ in range(2):
        await house.duplicates.act_on_purchase(duplicate)

    [wanted] = [fact for fact in await house.facts() if isinstance(fact, RefundRequested)]
    assert (wanted.provider_reference, wanted.amount) == ("payment_2", PRICE)
    assert wanted.cause == Cause("fact", str(duplicate.position))
    assert (await access_of(house, anna)).until == MONDAY + days(90)


async def test_a_duplicate_that_came_to_count_is_not_paid_back() -> None:
    house = House(BillingPolicy(double_checkout="refund_newer"))
    anna, _ = await paid_in_two_tabs(house)
    customer = await house.customer_of(anna)
    refund = ProviderRefund(reference="refund_1", amount=PRICE)
    house.billing.tell(customer.customer_id, replace(payment("payment_1"), refunds=(refund,)))
    await settled(house, customer, "charge.refunded")

    await house.duplicates.act_on_purchase(await duplicate_of(house))

    assert "payment.refund_requested" not in await house.tags()
    assert (await access_of(house, anna)).until == MONDAY + days(91)


async def test_refunded_it_ends(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await house.subscribes(anna, plan)
    await gives_back(house, customer, ProviderRefund(reference="refund_1", amount=Money(1298, "USD")))
    assert (await access_of(house, anna)).granted

    await gives_back(house, customer, ProviderRefund(reference="refund_1", amount=PRICE))

    mine = await house.subscriptions.mine(anna)
    assert (mine.status, mine.access.granted, mine.access.reason) == ("refunded", False, "refunded")
    assert "prepaid.revoked" in [fact.type for fact in mine.access.deciding]


async def test_refunded_one_purchase_does_not_end_another_and_may_be_bought_anew(house: House) -> None:
    anna, season = await house.registers(), await house.sells(A_SEASON)
    customer = await house.subscribes(anna, season)
    await gives_back(house, customer, ProviderRefund(reference="refund_1", amount=PRICE))

    await house.subscribes(anna, season)

    assert (await access_of(house, anna)).until == MONDAY + days(90)
    assert (await house.tags()).count("prepaid.bought") == 2


async def test_a_refund_that_fails_gives_it_back(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await house.subscribes(anna, plan)
    await gives_back(house, customer, ProviderRefund(reference="refund_1", amount=PRICE))

    await gives_back(house, customer, ProviderRefund(reference="refund_1", amount=PRICE, failed=True))

    assert (await access_of(house, anna)).until == MONDAY + days(30)


async def test_what_the_policy_says_of_a_refund_is_done(house: House) -> None:
    lenient = replaced(house.convergence.observing, policy=BillingPolicy(full_refund_revokes=False))
    house.convergence = replaced(house.convergence, observing=lenient)
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await house.subscribes(anna, plan)

    await gives_back(house, customer, ProviderRefund(reference="refund_1", amount=PRICE))

    assert (await access_of(house, anna)).granted


async def test_a_dispute_that_is_lost_ends_it_since_it_was_opened(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await house.subscribes(anna, plan)
    lost = ProviderDispute(
        reference="dispute_1", amount=PRICE, stage="lost", reason="fraudulent", opened_at=MONDAY + days(1)
    )
    [seen] = (await house.billing.truth_of(customer.customer_id)).payments
    house.billing.tell(customer.customer_id, replace(seen, disputes=(replace(lost, stage="open"),)))
    await settled(house, customer, "charge.dispute.created")
    assert (await access_of(house, anna)).granted

    house.billing.tell(customer.customer_id, replace(seen, disputes=(lost,)))
    await settled(house, customer, "charge.dispute.closed")

    assert (await access_of(house, anna)).reason == "disputed"
    [revoked] = [fact for fact in await house.facts() if isinstance(fact, PrepaidRevoked)]
    assert revoked.since == MONDAY + days(1)


async def test_who_subscribes_does_not_buy_days_beside_it(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())

    with pytest.raises(AlreadySubscribed):
        await house.opens_checkout(anna, await house.sells(THIRTY_DAYS))


async def test_who_has_days_may_subscribe(house: House) -> None:
    anna = await house.registers()
    await house.subscribes(anna, await house.sells(A_SEASON))

    await house.subscribes(anna, await house.sells())

    assert (await access_of(house, anna)).until == MONDAY + days(90)
    assert (await house.subscriptions.mine(anna)).status == "active"


async def test_what_was_bought_stays_as_it_was_sold(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await house.subscribes(anna, plan)

    await house.plans.change(plan, PlanChange(features=("uhd",), active=False), BY_ADMIN)
    await settled(house, customer)

    assert (await access_of(house, anna)).features == ("sd",)


async def test_a_page_that_was_open_when_its_plan_was_withdrawn_can_still_be_paid(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    opened = await house.opens_checkout(anna, plan)
    await house.plans.change(plan, PlanChange(active=False), BY_ADMIN)

    house.billing.pay(page_of(opened))
    await settled(house, await house.customer_of(anna))

    assert (await access_of(house, anna)).granted


async def test_a_checkout_of_somebody_else_gives_her_nothing(house: House) -> None:
    anna, boris, plan = (
        await house.registers(),
        await house.registers("boris@example.com"),
        await house.sells(THIRTY_DAYS),
    )
    hers = await house.opens_checkout(anna, plan)
    await house.opens_checkout(boris, plan)
    his = await house.customer_of(boris)

    house.billing.tell(his.customer_id, paid(hers, "payment_x"))
    await settled(house, his)

    assert not (await access_of(house, anna)).granted
    assert not (await access_of(house, boris)).granted


async def test_a_sweep_hears_of_a_refund_that_nobody_told(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await house.subscribes(anna, plan)
    [seen] = (await house.billing.truth_of(customer.customer_id)).payments
    refund = ProviderRefund(reference="refund_1", amount=PRICE)
    house.billing.tell(customer.customer_id, replace(seen, refunds=(refund,)))

    await house.sweeping.request("admin")
    while await house.sweeping.sweep_next():
        pass

    assert (await access_of(house, anna)).reason == "refunded"


async def gives_back(house: House, customer: Customer, refund: ProviderRefund) -> None:
    """The provider tells of a refund of the one payment."""
    [seen] = (await house.billing.truth_of(customer.customer_id)).payments
    house.billing.tell(customer.customer_id, replace(seen, refunds=(refund,)))
    await settled(house, customer, "charge.refunded")


async def test_what_was_bought_is_shown_at_what_was_paid_for_it(house: House) -> None:
    anna, plan_id = await house.registers(), await house.sells(THIRTY_DAYS)
    await house.subscribes(anna, plan_id)
    dearer = PlanChange(price=Money(PRICE.amount + 100, PRICE.currency), features=("uhd",))
    await house.plans.change(plan_id, dearer, BY_ADMIN)

    sold = (await house.subscriptions.mine(anna)).plan

    assert sold is not None
    assert (sold.amount, sold.features, sold.duration_days) == (PRICE.amount, ("sd",), 30)
    assert (await house.plans.offer(plan_id)).amount == PRICE.amount + 100


# On pages that are not ours.


async def by_a_link(house: House, anna: UUID, plan: UUID, *, quantity: int = 1) -> Customer:
    """Anna has been to the till once, and pays by a payment link that sells the plan's price."""
    await house.opens_checkout(anna, plan)
    customer = await house.customer_of(anna)
    [price] = (await house.records.recall(Plan, plan)).existing().prices["memory"]
    sold = (SoldOnce("price_cake", Money(500, "USD"), 1), SoldOnce(price, PRICE, quantity))
    purchase = SeenPurchase("cs_link", PaidAtOnce("payment_link", MONDAY), sold)
    house.billing.tell(customer.customer_id, purchase, payment("payment_link"))
    await settled(house, customer)
    return customer


async def test_days_that_are_bought_by_a_payment_link_are_given_once(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)

    customer = await by_a_link(house, anna, plan)

    [bought] = [fact for fact in await house.facts() if isinstance(fact, PrepaidBought)]
    assert (bought.purchase_id, bought.payment_reference) == (
        derived_id("purchase", "memory", "cs_link", plan),
        "payment_link",
    )
    assert (bought.account_id, bought.plan.plan_id, bought.plan.price) == (anna, plan, PRICE)
    assert (await access_of(house, anna)).until == MONDAY + days(30)
    head = await house.ledger.head()
    await settled(house, customer)
    assert await house.tags(after=head) == []


async def test_two_of_it_are_twice_the_days(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)

    await by_a_link(house, anna, plan, quantity=2)

    assert (await access_of(house, anna)).until == MONDAY + days(60)


async def test_what_was_paid_by_a_link_and_went_back_is_taken_back(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)
    customer = await by_a_link(house, anna, plan)

    back = ProviderRefund(reference="re_1", amount=PRICE)
    house.billing.tell(customer.customer_id, replace(payment("payment_link"), refunds=(back,)))
    await settled(house, customer)

    assert not (await access_of(house, anna)).granted


async def by_a_link_of_two(house: House, anna: UUID, *plans: UUID) -> Customer:
    """Both on one page, for one payment."""
    await house.opens_checkout(anna, plans[0])
    customer = await house.customer_of(anna)
    every = [(await house.records.recall(Plan, plan)).existing().prices["memory"] for plan in plans]
    sold = tuple(SoldOnce(price, PRICE, 1) for [price] in every)
    purchase = SeenPurchase("cs_link", PaidAtOnce("payment_link", MONDAY), sold)
    house.billing.tell(customer.customer_id, purchase, payment("payment_link"))
    await settled(house, customer)
    return customer


async def test_a_link_that_sells_two_plans_gives_the_days_of_both_once(house: House) -> None:
    anna, season, month = await house.registers(), await house.sells(A_SEASON), await house.sells(THIRTY_DAYS)

    customer = await by_a_link_of_two(house, anna, season, month)

    both = [fact for fact in await house.facts() if isinstance(fact, PrepaidBought)]
    assert {fact.plan.plan_id: fact.duration_days for fact in both} == {season: 90, month: 30}
    assert {fact.payment_reference for fact in both} == {"payment_link"}
    assert (await access_of(house, anna)).until == MONDAY + days(120)
    head = await house.ledger.head()
    await settled(house, customer)
    assert await house.tags(after=head) == []


async def test_a_part_of_its_money_back_takes_neither_and_all_of_it_takes_both(house: House) -> None:
    anna, season, month = await house.registers(), await house.sells(A_SEASON), await house.sells(THIRTY_DAYS)
    customer = await by_a_link_of_two(house, anna, season, month)

    await gives_back(house, customer, ProviderRefund(reference="re_1", amount=Money(PRICE.amount - 1, "USD")))
    assert (await access_of(house, anna)).until == MONDAY + days(120)

    await gives_back(house, customer, ProviderRefund(reference="re_1", amount=PRICE))
    assert (await access_of(house, anna)).reason == "refunded"
    assert (await house.tags()).count("prepaid.revoked") == 2


async def test_the_same_plan_at_two_prices_is_one_purchase_of_all_its_days(house: House) -> None:
    anna, plan = await house.registers(), await house.sells(THIRTY_DAYS)

    await by_a_link_of_two(house, anna, plan, plan)

    [bought] = [fact for fact in await house.facts() if isinstance(fact, PrepaidBought)]
    assert (bought.duration_days, bought.plan.price) == (60, Money(2 * PRICE.amount, "USD"))


async def test_the_one_that_was_given_when_a_page_gave_one_alone_is_not_given_again(house: House) -> None:
    anna, season, month = await house.registers(), await house.sells(A_SEASON), await house.sells(THIRTY_DAYS)
    stream, before = derived_id("prepaid", anna), derived_id("purchase", "memory", "cs_link")
    known = PaidPurchase(
        purchase_id=before,
        provider="memory",
        payment_reference="payment_link",
        plan=(await house.records.recall(Plan, month)).existing().terms,
        duration_days=30,
        paid_at=MONDAY,
    )
    facts = Prepaid.observe(None, [known], account_id=anna, now=MONDAY)
    await house.records.append(asked_by(anna), (Recalled(stream, None, 0), facts))

    await by_a_link_of_two(house, anna, month, season)

    both = [fact for fact in await house.facts() if isinstance(fact, PrepaidBought)]
    assert [fact.plan.plan_id for fact in both] == [month, season]
    assert (await access_of(house, anna)).until == MONDAY + days(120)


async def test_a_payment_that_is_for_days_that_count_too_is_not_paid_back_by_itself() -> None:
    house = House(BillingPolicy(double_checkout="refund_newer"))
    await paid_in_two_tabs(house)
    found = await duplicate_of(house)

    await house.duplicates.act_on_purchase(replace(found, payment_reference="payment_1"))

    assert "payment.refund_requested" not in await house.tags()


async def test_what_is_no_plan_of_ours_gives_nothing(house: House) -> None:
    anna, plan, monthly = await house.registers(), await house.sells(THIRTY_DAYS), await house.sells()
    await house.opens_checkout(anna, plan)
    customer = await house.customer_of(anna)
    [renewing] = (await house.records.recall(Plan, monthly)).existing().prices["memory"]
    sold = (SoldOnce("price_cake", PRICE, 1), SoldOnce(renewing, PRICE, 1))
    house.billing.tell(customer.customer_id, SeenPurchase("cs_cake", PaidAtOnce("payment_cake", MONDAY), sold))

    await settled(house, customer)

    assert (await access_of(house, anna)).reason == "no_subscription"
    assert await house.inbox.unsettled() == 0
