"""Tried again from the same seed, after nobody knows how far the first try came, a request makes one thing."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.errors import ProviderRefused, ProviderUnavailable
from application.plans import NewPlan
from application.recall import Asked
from application.videos import NewVideo
from domain.payment.payment import Payment, PaymentSucceeded
from domain.payment.refunding import refuse_refund
from domain.payment.refunds import RefundRequested
from domain.shared.money import Money
from tests.application.house import BY_ADMIN, House, asked_by
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

ONE, OTHER = UUID(int=1001), UUID(int=1002)
CINEMA = NewPlan(name="Cinema", price=Money(1499, "USD"), interval="month")


def seeded(asked: Asked = BY_ADMIN, seed: UUID = ONE) -> Asked:
    return replace(asked, seed=seed)


async def paid(house: House) -> tuple[UUID, UUID]:
    """Anna, and what she has paid: 9.99 dollars."""
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    [payment] = [fact for fact in await house.facts() if isinstance(fact, PaymentSucceeded)]
    return anna, payment.payment_id


async def test_a_grant_and_a_block(house: House) -> None:
    anna, until = await house.registers(), MONDAY + days(7)

    granted = [
        await house.grants.grant(anna, until=until, features=(), reason="outage", asked=seeded()) for _ in range(2)
    ]
    blocked = [await house.grants.block(anna, until=until, reason="fraud", asked=seeded()) for _ in range(2)]
    other = await house.grants.grant(anna, until=until, features=(), reason="outage", asked=seeded(seed=OTHER))

    assert granted[0].id == granted[1].id != other.id
    assert blocked[0].id == blocked[1].id
    tags = await house.tags()
    assert (tags.count("account.access_granted"), tags.count("account.blocked")) == (2, 1)


async def test_a_grant_that_has_ended_meanwhile_is_not_given_again(house: House) -> None:
    anna, until = await house.registers(), MONDAY + timedelta(hours=1)
    first = await house.grants.grant(anna, until=until, features=(), reason="outage", asked=seeded())
    await house.moves_to(MONDAY + days(1))

    assert (await house.grants.grant(anna, until=until, features=(), reason="outage", asked=seeded())).id == first.id


async def test_a_video(house: House) -> None:
    new = NewVideo(title="Bread", description="", category="", access="free", requires=None, size=None)

    one, again = await house.videos.create(new, seeded()), await house.videos.create(new, seeded())

    assert one.video_id == again.video_id
    assert (await house.tags()).count("video.created") == 1


async def test_a_plan_whose_price_was_asked_for_and_not_answered(house: House) -> None:
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await house.plans.create(CINEMA, seeded())
    house.billing.answers_lost = False

    made = [await house.plans.create(CINEMA, seeded()) for _ in range(2)]

    assert made[0].plan.terms.plan_id == made[1].plan.terms.plan_id
    assert made[0].plan.prices["memory"] == made[1].plan.prices["memory"]
    tags = await house.tags()
    assert (tags.count("plan.created"), tags.count("plan.price_bound")) == (1, 1)


@pytest.mark.parametrize("when", ["answers_lost", "down", None])
async def test_a_refund(house: House, when: str | None) -> None:
    _, payment_id = await paid(house)
    if when is not None:
        setattr(house.billing, when, True)
        with pytest.raises(ProviderUnavailable):
            await house.refunds.refund(payment_id, amount=400, reason="No sound", asked=seeded())
        setattr(house.billing, when, False)

    given = [await house.refunds.refund(payment_id, amount=400, reason="No sound", asked=seeded()) for _ in range(2)]

    assert [one.refundable for one in given] == [Money(599, "USD")] * 2
    assert [one.amount for one in given] == [Money(400, "USD")] * 2
    tags = await house.tags()
    assert (tags.count("payment.refund_requested"), tags.count("payment.refund_accepted")) == (1, 1)
    assert await house.intents.unsettled() == 0


async def test_a_refund_that_the_provider_would_not_give_is_refused_again(house: House) -> None:
    _, payment_id = await paid(house)
    [payment] = [fact for fact in await house.facts() if isinstance(fact, PaymentSucceeded)]
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await house.refunds.refund(payment_id, amount=400, reason="No sound", asked=seeded())
    house.billing.down = False
    [intent] = [fact for fact in await house.facts() if isinstance(fact, RefundRequested)]
    assert intent.payment_id == payment.payment_id
    await house.records.decide(
        Payment, payment_id, BY_ADMIN, lambda it: refuse_refund(it, intent, reason="The card is gone")
    )

    with pytest.raises(ProviderRefused, match="The card is gone"):
        await house.refunds.refund(payment_id, amount=400, reason="No sound", asked=seeded())


@pytest.mark.parametrize("when", ["answers_lost", "down", None])
async def test_a_change_of_plan(house: House, when: str | None) -> None:
    anna, _ = await paid(house)
    cinema, asked = await house.sells(CINEMA), seeded(asked_by(anna))
    if when is not None:
        setattr(house.billing, when, True)
        with pytest.raises(ProviderUnavailable):
            await house.subscriptions.change(anna, cinema, subscription_id=None, asked=asked)
        setattr(house.billing, when, False)

    for _ in range(2):
        await house.subscriptions.change(anna, cinema, subscription_id=None, asked=asked)

    tags = await house.tags()
    assert tags.count("subscription.plan_change_requested") == 1
    assert tags.count("subscription.plan_changed") == 1
    assert await house.intents.unsettled() == 0


@pytest.mark.parametrize("when", ["answers_lost", "down"])
async def test_a_cancellation(house: House, when: str) -> None:
    anna, _ = await paid(house)
    asked = seeded(asked_by(anna))
    setattr(house.billing, when, True)
    with pytest.raises(ProviderUnavailable):
        await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked)
    setattr(house.billing, when, False)

    await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked)

    tags = await house.tags()
    assert tags.count("subscription.cancellation_requested") == 1
    assert tags.count("subscription.cancellation_scheduled") == 1
    assert await house.intents.unsettled() == 0
