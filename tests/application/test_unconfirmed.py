"""While the provider is down: deliveries are taken at their word, and asked about once it is back."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from application.ports.inbox import Customer
from domain.shared.fact import Cause
from tests.application.anna_at_the_provider import subscribed
from tests.application.house import BY_ADMIN, House

pytestmark = pytest.mark.anyio


async def heard_while_down(
    house: House, customer: Customer, *, status: str, after: timedelta = timedelta(0), made: timedelta = timedelta(0)
) -> None:
    """The provider goes down, and a delivery comes that tells of this status, and was made so long after it came."""
    seen = replace(await house.subscription_seen(customer), status=status)
    house.billing.down = True
    house.business_time.pass_by(after)
    house.business_time.pass_by(made)
    await house.hears("customer.subscription.updated", customer, telling=seen)
    house.business_time.pass_by(-made)
    await house.convergence.settle_waiting()


async def test_what_a_delivery_says_is_recorded_as_unconfirmed(house: House) -> None:
    customer = await subscribed(house)
    head = await house.ledger.head()

    await heard_while_down(house, customer, status="unpaid", after=timedelta(hours=1))

    (told,) = await house.facts(after=head)
    assert (told.tag(), told.cause.kind) == ("subscription.status_changed", "unconfirmed_webhook")


async def test_all_subscriptions_that_deliveries_tell_of_are_recorded(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)
    house.billing.tell(customer.customer_id, again := replace(seen, reference="sub_again"))
    await house.convergence.settle(customer)
    head = await house.ledger.head()
    house.billing.down = True
    house.business_time.pass_by(timedelta(hours=1))
    for one in (seen, again):
        await house.hears("customer.subscription.updated", customer, telling=replace(one, status="unpaid"))

    await house.convergence.settle_waiting()

    assert await house.tags(after=head) == ["subscription.status_changed"] * 2


async def test_it_is_asked_about_when_the_provider_is_back_and_then_it_is_settled(house: House) -> None:
    customer = await subscribed(house)
    await heard_while_down(house, customer, status="unpaid", after=timedelta(hours=1))
    head = await house.ledger.head()
    house.billing.down = False
    house.real_time.pass_by(timedelta(seconds=1))

    await house.convergence.settle_waiting()

    # Its truth had never been another than active.
    (told,) = await house.facts(after=head)
    assert (told.tag(), told.cause) == ("subscription.status_changed", Cause("webhook", told.cause.id))
    assert await house.inbox.unsettled() == 0


async def test_tried_again_while_it_is_still_down_nothing_is_told_twice(house: House) -> None:
    customer = await subscribed(house)
    await heard_while_down(house, customer, status="unpaid", after=timedelta(hours=1))
    head = await house.ledger.head()
    house.real_time.pass_by(timedelta(seconds=1))

    await house.convergence.settle_waiting()

    assert await house.tags(after=head) == []


async def test_what_was_made_before_the_provider_was_asked_last_is_no_news(house: House) -> None:
    customer = await subscribed(house)
    house.business_time.pass_by(timedelta(minutes=1))
    await house.convergence.settle(customer)
    head = await house.ledger.head()

    await heard_while_down(house, customer, status="unpaid", made=-timedelta(seconds=6))

    assert await house.tags(after=head) == []


@pytest.mark.parametrize("made", [timedelta(0), -timedelta(seconds=3)], ids=["the same second", "our clock ahead"])
async def test_what_was_made_about_when_the_provider_was_asked_last_is_news(house: House, made: timedelta) -> None:
    customer = await subscribed(house)
    house.business_time.pass_by(timedelta(minutes=1, milliseconds=700))
    await house.convergence.settle(customer)
    head = await house.ledger.head()

    await heard_while_down(house, customer, status="unpaid", made=made - timedelta(milliseconds=700))

    assert await house.tags(after=head) == ["subscription.status_changed"]


async def test_late_news_of_what_was_settled_since_changes_nothing(house: House) -> None:
    customer = await subscribed(house)
    house.business_time.pass_by(timedelta(minutes=1))
    seen = await house.subscription_seen(customer)
    await house.hears("customer.subscription.updated", customer, telling=seen)
    await house.convergence.settle_waiting()
    head = await house.ledger.head()

    await heard_while_down(house, customer, status="unpaid", made=-timedelta(seconds=1))

    assert await house.tags(after=head) == []


async def test_patience_is_short_at_first_and_longer_when_it_is_tried_again(house: House) -> None:
    customer = await subscribed(house)
    house.billing.patience.clear()
    await house.hears("customer.subscription.updated", customer)
    (row,) = house.tables.rows("inbox", status="received")

    await house.convergence.settle_now(customer, BY_ADMIN)
    row.update(status="received")
    await house.convergence.settle_waiting()
    row.update(status="received", attempts=1)
    await house.convergence.settle_waiting()

    assert house.billing.patience == [None, 3.0, 10.0]


async def test_of_a_customer_who_is_gone_the_last_word_counts(house: House) -> None:
    customer = await subscribed(house)
    seen = await house.subscription_seen(customer)
    house.billing.gone.add(customer.customer_id)
    house.business_time.pass_by(timedelta(hours=1))
    head = await house.ledger.head()
    over = replace(seen, status="canceled", ended_at=house.business_time.now())
    await house.hears("customer.subscription.deleted", customer, telling=over)

    await house.convergence.settle_waiting()

    assert await house.tags(after=head) == ["subscription.ended"]
    (row,) = house.tables.rows("inbox", type="customer.subscription.deleted")
    assert (row["status"], row["error"]) == ("parked", f"The provider in memory has no {customer.customer_id}.")


async def test_while_the_provider_has_too_many_questions_deliveries_are_taken_at_their_word_too(house: House) -> None:
    customer = await subscribed(house)
    head = await house.ledger.head()
    seen = replace(await house.subscription_seen(customer), status="unpaid")
    house.billing.busy = True
    house.business_time.pass_by(timedelta(hours=1))
    await house.hears("customer.subscription.updated", customer, telling=seen)

    await house.convergence.settle_waiting()

    (told,) = await house.facts(after=head)
    assert (told.tag(), told.cause.kind) == ("subscription.status_changed", "unconfirmed_webhook")
    (row,) = house.tables.rows("inbox", status="received")
    assert row["attempts"] == 0
