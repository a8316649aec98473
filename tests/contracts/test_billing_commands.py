"""What every payment provider does when it is told to: expire, resume, change, refund, and open its own page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from application.errors import CustomerGone, ProviderRefused, SubscriptionMoved
from domain.shared.money import Money
from tests.contracts.till import NOW, Till, till_of

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "stripe"])
async def till(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Till]:
    async with till_of(request.param, tmp_path) as till:
        yield till


async def change(till: Till, before: str, after: str, *, upgrade: bool = True, key: str = "change-1") -> None:
    seen = await till.subscription()
    await till.billing.change_price(
        seen.reference, before_price_id=before, price_id=after, upgrade=upgrade, idempotency_key=key
    )


# A page that is expired.


async def test_an_expired_page_is_expired_however_often(till: Till) -> None:
    page = await till.page(await till.price())

    for _ in range(2):
        assert await till.billing.expire_checkout(page.reference) == "expired"

    [seen] = (await till.truth()).checkouts
    assert (seen.status, seen.page) == ("expired", None)


async def test_one_that_was_paid_says_so_and_stays_it(till: Till) -> None:
    page = await till.page(await till.price())
    till.world.pay(page)

    assert await till.billing.expire_checkout(page.reference) == "completed"
    assert [seen.status for seen in (await till.truth()).checkouts] == ["completed"]


# Going on.


async def test_an_announced_end_is_taken_back_however_often(till: Till) -> None:
    seen = await till.subscribed()
    await till.billing.cancel(seen.reference, at_period_end=True, idempotency_key="cancel-1")

    for key in ("resume-1", "resume-1", "resume-2"):
        await till.billing.resume(seen.reference, idempotency_key=key)

    assert await till.subscription() == seen


async def test_what_is_paused_goes_on_in_a_period_that_is_paid_for(till: Till) -> None:
    till.world.pause(await till.customer(), await till.subscribed())
    assert (await till.subscription()).status == "paused"

    await till.billing.resume((await till.subscription()).reference, idempotency_key="resume-1")

    after = await till.subscription()
    assert (after.status, after.first.period_start) == ("active", NOW)


async def test_what_is_paused_and_to_end_goes_on_without_an_end(till: Till) -> None:
    seen = await till.subscribed()
    await till.billing.cancel(seen.reference, at_period_end=True, idempotency_key="cancel-1")
    till.world.pause(await till.customer(), await till.subscription())
    paused = await till.subscription()
    assert (paused.status, paused.ends_at) == ("paused", seen.first.period_end)

    for _ in range(2):
        await till.billing.resume(seen.reference, idempotency_key="resume-1")
        after = await till.subscription()
        assert (after.status, after.ends_at, after.ends_with_period) == ("active", None, False)


async def test_an_end_with_the_period_comes_before_one_that_is_set_for_later(till: Till) -> None:
    seen = await till.subscribed()
    till.world.end_on(await till.customer(), seen, seen.first.period_end + timedelta(days=60))

    await till.billing.cancel(seen.reference, at_period_end=True, idempotency_key="cancel-1")

    assert (await till.subscription()).ends_at == seen.first.period_end


async def test_what_is_to_go_on_with_a_card_that_fails_is_owed_once(till: Till) -> None:
    seen, customer = await till.subscribed(), await till.customer()
    till.world.pause(customer, seen)
    till.world.decline_the_card_of(customer)

    for key in ("resume-1", "resume-1", "resume-2", "resume-3"):
        await till.billing.resume(seen.reference, idempotency_key=key)

    assert [payment.status for payment in (await till.truth()).payments] == ["failed", "paid"]
    assert (await till.subscription()).status == "paused"


async def test_what_has_ended_does_not_go_on(till: Till) -> None:
    seen = await till.subscribed()
    await till.billing.cancel(seen.reference, at_period_end=False, idempotency_key="cancel-1")

    await till.billing.cancel(seen.reference, at_period_end=False, idempotency_key="cancel-2")
    with pytest.raises(ProviderRefused):
        await change(till, await till.price(), await till.price(key="better", amount=1499))


# Another price.


async def test_an_upgrade_is_billed_now_and_counts_when_it_is_paid(till: Till) -> None:
    gold, platinum = await till.price(), await till.price(key="platinum", amount=1499)
    before = await till.subscribed()

    for key in ("change-1", "change-1", "change-2"):
        await change(till, gold, platinum, key=key)

    after, truth = await till.subscription(), await till.truth()
    assert (after.first.price_id, after.first.price) == (platinum, Money(1499, "USD"))
    assert after.first.period_end == before.first.period_end
    assert [payment.amount for payment in truth.payments] == [Money(500, "USD"), Money(999, "USD")]
    assert truth.payments[0].subscription_reference == before.reference


async def test_unpaid_it_does_not_count_and_says_where_to_pay(till: Till) -> None:
    gold, platinum = await till.price(), await till.price(key="platinum", amount=1499)
    await till.subscribed()
    till.world.decline_the_card_of(await till.customer())

    await change(till, gold, platinum)

    after, [owed, _] = await till.subscription(), (await till.truth()).payments
    assert (after.first.price_id, after.status) == (gold, "active")
    assert (owed.status, owed.amount) == ("failed", Money(500, "USD"))
    assert owed.receipt_url


async def test_a_cheaper_price_counts_at_once_and_nothing_is_billed_or_given_back(till: Till) -> None:
    gold, silver = await till.price(), await till.price(key="silver", amount=499)
    await till.subscribed()

    await change(till, gold, silver, upgrade=False)

    assert (await till.subscription()).first.price_id == silver
    assert (await till.payment()).refunds == ()


async def test_what_is_sold_at_another_price_meanwhile_is_not_exchanged(till: Till) -> None:
    gold, silver, platinum = await till.price(), await till.price(key="silver"), await till.price(key="platinum")
    await till.subscribed()
    await change(till, gold, silver, upgrade=False)
    before = await till.truth()

    with pytest.raises(SubscriptionMoved):
        await change(till, gold, platinum, key="change-2")

    assert await till.truth() == before


async def test_to_a_price_that_it_sells_beside_nothing_is_changed_and_nothing_billed(till: Till) -> None:
    gold, platinum = await till.price(), await till.price(key="platinum", amount=1499)
    till.world.sell_beside(await till.customer(), await till.subscribed(), platinum)
    before = await till.truth()

    for upgrade in (True, False):
        with pytest.raises(ProviderRefused):
            await change(till, gold, platinum, upgrade=upgrade, key=f"change-{upgrade}")

    assert await till.truth() == before


# Its own page.


async def test_the_providers_own_page_is_an_address(till: Till) -> None:
    url = await till.billing.open_portal(await till.customer(), return_url="http://127.0.0.1:1/me")

    assert "://" in url
    with pytest.raises(ProviderRefused):
        await till.billing.open_portal("cus_unknown", return_url="http://127.0.0.1:1/me")


# Money back.


async def test_a_refund_is_given_once_to_a_key_and_can_be_found_by_it(till: Till) -> None:
    await till.subscribed()
    paid = (await till.payment()).reference

    made = [
        await till.billing.refund(paid, amount=Money(400, "USD"), idempotency_key=key)
        for key in ("refund-1", "refund-1", "refund-2")
    ]

    assert made[0] == made[1] != made[2]
    payment = await till.payment()
    assert ({one.reference for one in payment.refunds}, payment.kept) == (set(made), 199)
    assert await till.billing.find_refund(paid, idempotency_key="refund-2") == made[2]
    assert await till.billing.find_refund(paid, idempotency_key="refund-3") is None


async def test_more_than_is_left_is_refused(till: Till) -> None:
    await till.subscribed()
    paid = (await till.payment()).reference

    with pytest.raises(ProviderRefused):
        await till.billing.refund(paid, amount=Money(1000, "USD"), idempotency_key="refund-1")
    with pytest.raises(ProviderRefused):
        await till.billing.refund("in_unknown", amount=Money(1, "USD"), idempotency_key="refund-1")

    assert (await till.payment()).refunds == ()


# Somebody who is erased.


async def test_a_customer_is_deleted_however_often_and_what_was_paid_can_still_go_back(till: Till) -> None:
    await till.subscribed()
    customer, paid = await till.customer(), await till.payment()

    for _ in range(2):
        await till.billing.delete_customer(customer)

    assert not await till.billing.has_customer(customer)
    with pytest.raises(CustomerGone) as gone:
        await till.billing.truth_of(customer)
    assert gone.value.deleted
    made = await till.billing.refund(paid.reference, amount=Money(999, "USD"), idempotency_key="late")
    assert await till.billing.find_refund(paid.reference, idempotency_key="late") == made


async def test_one_that_was_never_there_is_not_said_to_be_deleted(till: Till) -> None:
    with pytest.raises(CustomerGone):
        await till.billing.delete_customer("cus_of_another_account")


async def test_what_somebody_deleted_paid_is_told_by_its_id_with_what_went_back_of_it(till: Till) -> None:
    await till.subscribed()
    till.world.pay(await till.page(await till.price("once", key="film"), recurring=False, key="2"))
    listed = {payment.reference: payment for payment in (await till.truth()).payments}
    await till.billing.delete_customer(await till.customer())

    assert {one.reference: one for one in await till.billing.payments_by([*listed, "pi_unknown", *listed])} == listed
    for reference in listed:
        await till.billing.refund(reference, amount=Money(400, "USD"), idempotency_key=f"late-{reference}")
    told = await till.billing.payments_by([*listed, "in_unknown"])
    assert {one.reference for one in told} == listed.keys()
    assert [one.kept for one in told] == [599, 599]
    assert {refund.intent_key for one in told for refund in one.refunds} == {f"late-{one}" for one in listed}
