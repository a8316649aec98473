"""What Stripe says of a customer, in our words: read from a simulated Stripe through the real SDK."""

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.stripe.billing import StripeBilling
from application.ports.billing import (
    CheckoutPage,
    CustomerTruth,
    PaidAtOnce,
    SeenCheckout,
    SeenItem,
    SeenPurchase,
    SeenSubscription,
    SoldOnce,
)
from domain.payment.truth import CoveredItem, ProviderPayment
from domain.shared.money import Money
from tests.adapters.stripe.simulated import SimulatedStripe, at

pytestmark = pytest.mark.anyio

ALICE = UUID("a11ce000-0000-4000-8000-000000000001")
CHECKOUT = UUID("c0ffee00-0000-4000-8000-000000000001")
PLAN = UUID("9a1d0000-0000-4000-8000-000000000001")
NEW_YEAR = at("2026-01-01T00:00:00")


class Till:
    """Alice at the till: what she buys, she buys by the adapter and on the hosted page."""

    def __init__(self, billing: StripeBilling, stripe: SimulatedStripe) -> None:
        self.billing = billing
        self.stripe = stripe
        self.customer = ""
        self.price = ""

    async def open(self, *, trial_days: int = 0, amount: int = 999) -> CheckoutPage:
        self.price = await self.billing.create_price(
            plan_id=PLAN, name="Gold", price=Money(amount, "USD"), interval="month", idempotency_key="price-gold"
        )
        self.customer = await self.billing.create_customer(
            account_id=ALICE, email="alice@example.com", idempotency_key="customer-alice"
        )
        return await self.billing.open_checkout(
            checkout_id=CHECKOUT,
            account_id=ALICE,
            customer_id=self.customer,
            price_id=self.price,
            recurring=True,
            trial_days=trial_days,
            success_url="http://127.0.0.1:1/welcome",
            cancel_url="http://127.0.0.1:1/plans",
            idempotency_key="checkout-1",
        )

    async def buy(self, *, trial_days: int = 0) -> CheckoutPage:
        page = await self.open(trial_days=trial_days)
        self.stripe.pay(page.url)
        return page

    async def truth(self) -> CustomerTruth:
        return await self.billing.truth_of(self.customer)

    async def subscription(self) -> SeenSubscription:
        [only] = (await self.truth()).subscriptions
        return only


@pytest.fixture
def till(billing: StripeBilling, simulated: SimulatedStripe) -> Till:
    return Till(billing, simulated)


async def test_alice_pays_and_all_of_it_is_seen(till: Till) -> None:
    page = await till.buy()

    truth = await till.truth()

    [seen] = truth.subscriptions
    assert seen == SeenSubscription(
        reference=seen.reference,
        status="active",
        items=(
            SeenItem(
                reference=seen.first.reference,
                price_id=till.price,
                price=Money(999, "USD"),
                period_start=NEW_YEAR,
                period_end=at("2026-02-01T00:00:00"),
            ),
        ),
        started_at=NEW_YEAR,
        trial_end=None,
        ends_at=None,
        ended_at=None,
        collection_paused=False,
        failing_since=None,
    )
    [payment] = truth.payments
    assert payment == ProviderPayment(
        provider="stripe",
        reference=payment.reference,
        subscription_reference=seen.reference,
        amount=Money(999, "USD"),
        status="paid",
        attempts=1,
        paid_at=NEW_YEAR,
        next_attempt_at=None,
        receipt_url=payment.receipt_url,
        covers_until=at("2026-02-01T00:00:00"),
        covers=(CoveredItem(reference=seen.first.reference, price_id=till.price, until=at("2026-02-01T00:00:00")),),
    )
    assert seen.first.reference.startswith("si_")
    assert truth.checkouts == (SeenCheckout(page.reference, CHECKOUT, "completed"),)


async def test_before_she_pays_there_is_an_open_checkout_and_nothing_else(till: Till) -> None:
    page = await till.open()

    assert await till.truth() == CustomerTruth((), (), (SeenCheckout(page.reference, CHECKOUT, "open", page=page),))


async def test_a_checkout_that_was_left_expires(till: Till) -> None:
    page = await till.open()

    till.stripe.let_time_pass(page.expires_at)

    assert (await till.truth()).checkouts == (SeenCheckout(page.reference, CHECKOUT, "expired"),)


async def test_a_checkout_of_somebody_else_is_left_aside(till: Till) -> None:
    await till.open()
    by_another_program = {
        "mode": "subscription",
        "customer": till.customer,
        "line_items[0][price]": till.price,
        "success_url": "http://127.0.0.1:1/",
        "client_reference_id": "order 7",
    }
    till.stripe.create("checkout/sessions", **by_another_program)

    assert len((await till.truth()).checkouts) == 1


async def test_what_a_payment_link_sold_once_is_seen_with_its_price(till: Till) -> None:
    till.customer = await till.billing.create_customer(
        account_id=ALICE, email="alice@example.com", idempotency_key="customer-alice"
    )
    season = till.stripe.create(
        "prices", product=till.stripe.create("products", name="Season")["id"], currency="usd", unit_amount="1299"
    )
    session = till.stripe.create(
        "checkout/sessions",
        **{"line_items[0][price]": season["id"], "line_items[0][quantity]": "2"},
        mode="payment",
        customer=till.customer,
        client_reference_id=str(ALICE),
        success_url="http://127.0.0.1:1/",
    )
    assert (await till.truth()).purchases == ()

    till.stripe.pay(session["url"])

    truth = await till.truth()
    [payment] = truth.payments
    sold = SoldOnce(season["id"], Money(2598, "USD"), 2)
    assert truth.purchases == (SeenPurchase(session["id"], PaidAtOnce(payment.reference, payment.paid_at), (sold,)),)
    assert (payment.amount, truth.checkouts) == (Money(2598, "USD"), ())


async def test_a_trial_is_seen_and_its_first_invoice_is_no_payment(till: Till) -> None:
    await till.buy(trial_days=14)

    truth = await till.truth()

    [seen] = truth.subscriptions
    assert (seen.status, seen.trial_end, seen.first.period_end) == ("trialing", *[at("2026-01-15T00:00:00")] * 2)
    assert truth.payments == ()


async def test_what_an_upgrade_cost_pays_for_the_period_in_which_it_was_made(till: Till) -> None:
    """Else it would count for every period after: whoever has all of a later renewal back would still be paid up."""
    await till.buy()
    reference = (await till.subscription()).reference
    item = till.stripe.read(f"subscriptions/{reference}")["items"]["data"][0]
    product = till.stripe.create("products", name="Premium")
    dear = {"product": product["id"], "currency": "usd", "unit_amount": "1999", "recurring[interval]": "month"}
    price = till.stripe.create("prices", **dear)
    exchange = {"items[0][id]": item["id"], "items[0][price]": price["id"], "proration_behavior": "always_invoice"}
    till.stripe.create(f"subscriptions/{reference}", **exchange)

    [upgrade, first] = (await till.truth()).payments

    assert upgrade.covers_until == first.covers_until == at("2026-02-01T00:00:00")


async def test_a_failed_renewal_is_counted_from_the_first_failure(till: Till) -> None:
    await till.buy()
    till.stripe.decline_the_card_of(till.customer)
    till.stripe.let_time_pass(at("2026-02-03T00:00:00"))

    [failed, _] = (await till.truth()).payments
    seen = await till.subscription()

    assert (seen.status, seen.failing_since) == ("past_due", at("2026-02-01T00:00:00"))
    assert (failed.status, failed.attempts, failed.amount, failed.paid_at) == ("failed", 1, Money(999, "USD"), None)


async def test_a_second_failure_a_month_later_does_not_move_the_first(till: Till) -> None:
    await till.buy()
    till.stripe.decline_the_card_of(till.customer)
    till.stripe.let_time_pass(at("2026-03-03T00:00:00"))

    truth = await till.truth()

    assert [payment.status for payment in truth.payments] == ["failed", "failed", "paid"]
    assert (await till.subscription()).failing_since == at("2026-02-01T00:00:00")


async def test_once_the_card_is_good_again_nothing_fails_any_more(till: Till) -> None:
    await till.buy()

    till.stripe.let_time_pass(at("2026-02-03T00:00:00"))

    seen = await till.subscription()
    assert (seen.status, seen.failing_since) == ("active", None)
    assert (seen.first.period_start, seen.first.period_end) == (at("2026-02-01T00:00:00"), at("2026-03-01T00:00:00"))


async def test_a_cancellation_announces_the_end_and_then_it_has_ended(till: Till) -> None:
    await till.buy()
    seen = await till.subscription()
    await till.billing.cancel(seen.reference, at_period_end=True, idempotency_key="cancel-1")

    announced = await till.subscription()
    till.stripe.let_time_pass(at("2026-02-02T00:00:00"))
    ended = await till.subscription()

    assert (announced.status, announced.ends_at, announced.ended_at) == ("active", at("2026-02-01T00:00:00"), None)
    assert (ended.status, ended.ended_at) == ("canceled", at("2026-02-01T00:00:00"))


async def test_an_old_subscription_stays_in_sight_behind_a_new_one(till: Till) -> None:
    await till.buy()
    first = await till.subscription()
    await till.billing.cancel(first.reference, at_period_end=False, idempotency_key="cancel-1")

    second = till.stripe.create("subscriptions", customer=till.customer, **{"items[0][price]": till.price})

    assert [(seen.reference, seen.status) for seen in (await till.truth()).subscriptions] == [
        (second["id"], "active"),
        (first.reference, "canceled"),
    ]


async def test_all_pages_are_read(till: Till) -> None:
    await till.buy()
    till.stripe.let_time_pass(NEW_YEAR + timedelta(days=10 * 365))

    payments = (await till.truth()).payments

    assert len(payments) == 120, "ten years of months, of which a page shows a hundred"
    assert len({payment.reference for payment in payments}) == 120


async def test_a_customer_who_never_bought_has_an_empty_truth(billing: StripeBilling) -> None:
    customer = await billing.create_customer(account_id=ALICE, email=None, idempotency_key="customer-alice")

    assert await billing.truth_of(customer) == CustomerTruth((), (), ())
