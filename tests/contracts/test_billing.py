"""What every payment provider promises: each thing once to a key, the whole truth about a customer, signed news."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from application.errors import ProviderRefused
from application.ports.billing import CustomerPage, CustomerTruth, PaidAtOnce, SeenCheckout
from application.ports.deliveries import SignatureInvalid
from domain.shared.money import Money
from tests.contracts.till import CHECKOUT, NOW, Till, till_of

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "stripe"])
async def till(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Till]:
    async with till_of(request.param, tmp_path) as till:
        yield till


async def test_whatever_is_done_again_under_its_key_is_the_same(till: Till) -> None:
    price_id = await till.price()

    assert await till.price() == price_id
    assert await till.customer() == await till.customer()
    assert await till.page(price_id) == await till.page(price_id)
    assert await till.price(key="another") != price_id
    assert await till.page(price_id, key="2") != await till.page(price_id)


async def test_it_says_whether_there_is_such_a_customer(till: Till) -> None:
    assert await till.billing.has_customer(await till.customer())
    assert not await till.billing.has_customer("cus_misspelt")


async def test_it_says_whether_there_is_such_a_subscription_also_one_that_is_over(till: Till) -> None:
    seen = await till.subscribed()
    await till.billing.cancel(seen.reference, at_period_end=False, idempotency_key="cancel")

    assert await till.billing.has_subscription(seen.reference)
    assert not await till.billing.has_subscription("sub_unknown")


async def test_an_open_checkout_is_seen_under_the_id_that_we_gave_it(till: Till) -> None:
    page = await till.page(await till.price())

    assert await till.truth() == CustomerTruth((), (), (SeenCheckout(page.reference, CHECKOUT, "open", page=page),))
    assert page.expires_at == NOW + timedelta(days=1)


async def test_paid_it_is_a_subscription_and_a_payment(till: Till) -> None:
    page = await till.page(await till.price())
    till.world.pay(page)

    truth = await till.truth()

    [seen], [payment] = truth.subscriptions, truth.payments
    assert truth.checkouts == (SeenCheckout(page.reference, CHECKOUT, "completed"),)
    assert (seen.status, seen.first.price_id, seen.first.price) == ("active", await till.price(), Money(999, "USD"))
    assert (seen.started_at, seen.first.period_start) == (NOW, NOW)
    assert (seen.trial_end, seen.ends_at, seen.ended_at, seen.failing_since) == (None, None, None, None)
    assert seen.first.period_end > NOW + timedelta(days=27)
    assert (payment.status, payment.amount, payment.paid_at) == ("paid", Money(999, "USD"), NOW)
    assert payment.subscription_reference == seen.reference
    assert payment.provider == till.billing.name


async def test_a_trial_ends_its_first_period_and_costs_nothing(till: Till) -> None:
    seen = await till.subscribed(trial_days=14)

    assert (seen.status, seen.trial_end, seen.first.period_end) == ("trialing", *[NOW + timedelta(days=14)] * 2)
    assert (await till.truth()).payments == ()


async def test_what_is_bought_once_is_no_subscription(till: Till) -> None:
    page = await till.page(await till.price("once"), recurring=False)
    assert [checkout.paid for checkout in (await till.truth()).checkouts] == [None]
    till.world.pay(page)

    truth = await till.truth()

    [checkout], [payment] = truth.checkouts, truth.payments
    assert (checkout.status, checkout.paid) == ("completed", PaidAtOnce(payment.reference, NOW))
    assert (payment.status, payment.amount, payment.paid_at) == ("paid", Money(999, "USD"), NOW)
    assert (payment.subscription_reference, truth.subscriptions) == (None, ())


async def test_cancelled_at_its_end_it_says_when_that_is_however_often_it_is_cancelled(till: Till) -> None:
    before = await till.subscribed()

    for key in ("cancel-1", "cancel-1", "cancel-2"):
        await till.billing.cancel(before.reference, at_period_end=True, idempotency_key=key)

    after = await till.subscription()
    assert (after.status, after.ends_at, after.ended_at) == ("active", before.first.period_end, None)


async def test_cancelled_at_once_it_has_ended_however_often_it_is_cancelled(till: Till) -> None:
    before = await till.subscribed()

    for at_period_end in (False, False, True):
        await till.billing.cancel(before.reference, at_period_end=at_period_end, idempotency_key=f"{at_period_end}")

    after = await till.subscription()
    assert (after.status, after.ended_at) == ("canceled", NOW)


async def test_what_is_not_there_is_refused(till: Till) -> None:
    with pytest.raises(ProviderRefused):
        await till.billing.cancel("sub_unknown", at_period_end=False, idempotency_key="cancel")
    with pytest.raises(ProviderRefused):
        await till.page("price_unknown")


async def test_news_are_taken_when_they_are_signed(till: Till) -> None:
    body, headers = till.world.delivery("invoice.paid", "cus_alice")

    delivery = till.billing.verify(body, headers, now=NOW)

    assert (delivery.provider, delivery.type, delivery.customer_id) == (till.billing.name, "invoice.paid", "cus_alice")
    assert (delivery.body, delivery.livemode, delivery.created_at) == (body, False, NOW)


async def test_news_that_were_changed_or_not_signed_are_refused(till: Till) -> None:
    body, headers = till.world.delivery("invoice.paid", "cus_alice")
    unsigned: Mapping[str, str] = {}

    for changed, with_headers in ((body.replace(b"alice", b"mallo"), headers), (body, unsigned), (b"", headers)):
        with pytest.raises(SignatureInvalid):
            till.billing.verify(changed, with_headers, now=NOW)


async def test_who_bought_something_once_is_listed_and_who_subscribed_is_in_the_other_list(till: Till) -> None:
    page = await till.page(await till.price("once", key="film"), recurring=False)
    assert (await till.billing.buyers(after=None)).customer_ids == ()

    till.world.pay(page)

    assert await till.billing.buyers(after=None) == CustomerPage((await till.customer(),), None)
    assert await till.billing.subscribers(after=None) == CustomerPage((), None)
    till.world.pay(await till.page(await till.price(), key="2"))
    assert (await till.billing.buyers(after=None)).customer_ids == (await till.customer(),)
    assert (await till.billing.subscribers(after=None)).customer_ids == (await till.customer(),)
