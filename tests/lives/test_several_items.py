"""A subscription that sells two months and a year, over HTTP: money that goes back takes only what it had paid for."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.lives.items import (
    ALL_PLAYED,
    FIRST,
    PLANS,
    RENEWAL,
    a_month_later,
    amend,
    charge,
    have_cards,
    hear,
    hear_while_stripe_is_down,
    lose,
    of,
    played,
    prices,
    put_in,
    recorded,
    refund,
    subscribe,
    take_out,
    told,
)
from tests.lives.judgement import judge
from tests.lives.life import Life, new_life
from tests.lives.oracle import Policy
from tests.lives.town import Town, running_town
from tests.lives.troubles import settle
from tests.postgres import Databases
from tests.stripe_cases.shop import video

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def town(
    databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    dsn = databases.clone(template_database)
    policy = Policy(dispute_open_suspends=True)
    async with running_town(dsn, tmp_path_factory.mktemp("items"), "items", policy) as town:
        yield town
    databases.drop(dsn)


@pytest.fixture(scope="module")
async def videos(town: Town) -> dict[str, UUID]:
    """One that requires each feature."""
    return {feature: await video(town.house, feature) for feature in ("sd", "hd")}


@pytest.fixture
async def anna(town: Town) -> AsyncIterator[Life]:
    """She has paid for all three, and a month later for the two months again."""
    async with new_life(town, 1) as life:
        await subscribe(life, *PLANS)
        await a_month_later(life)
        yield life


@pytest.fixture
async def bert(town: Town) -> AsyncIterator[Life]:
    """He has paid for one month of one plan."""
    async with new_life(town, 2) as life:
        await subscribe(life, "Basic")
        yield life


async def test_a_refund_of_the_months_leaves_the_year(anna: Life, videos: dict[str, UUID]) -> None:
    await refund(anna, RENEWAL, part=RENEWAL - 1)
    assert await told(anna) == []
    assert await played(anna, videos) == ALL_PLAYED

    rest = await refund(anna, RENEWAL, part=1)

    assert await told(anna) == of("revoked", "Basic", "Premium")
    assert await played(anna, videos) == {"sd": "feature_missing", "hd": "played"}
    mine = (await anna.town.api.get("/v1/me/subscription", headers=anna.headers)).json()["access"]
    assert (mine["granted"], mine["features"]) == (True, ["hd"])
    await judge(anna)
    assert await anna.stripe.control("POST", f"refunds/{rest['id']}/fail", reason="unknown")
    await hear(anna)
    assert await told(anna) == of("revoked", "Basic", "Premium") + of("restored", "Basic", "Premium")
    assert await played(anna, videos) == ALL_PLAYED


async def test_her_subscription_is_the_one_that_still_gives_something(anna: Life) -> None:
    await refund(anna, RENEWAL)
    other = await anna.stripe.do(
        "subscriptions", customer=await anna.customer(), **{"items[0][price]": prices(anna)[1]}
    )
    assert other is not None
    assert await anna.stripe.do(f"subscriptions/{other['id']}", verb="DELETE")

    await hear(anna)

    mine = (await anna.town.api.get("/v1/me/subscription", headers=anna.headers)).json()
    assert (mine["status"], mine["access"]["features"]) == ("active", ["hd"])


async def test_a_refund_of_the_year_leaves_the_months_that_were_paid_since(anna: Life, videos: dict[str, UUID]) -> None:
    await refund(anna, FIRST)
    assert await told(anna) == of("revoked", "Yearly")
    assert await played(anna, videos) == ALL_PLAYED
    await judge(anna)

    await refund(anna, RENEWAL)
    assert await played(anna, videos) == {"sd": "refunded", "hd": "refunded"}
    await judge(anna)

    await a_month_later(anna)
    assert await told(anna) == of("revoked", "Yearly", "Basic", "Premium") + of("restored", "Basic", "Premium")
    assert await played(anna, videos) == ALL_PLAYED
    await judge(anna)


@pytest.mark.parametrize(
    ("amount", "plans", "answers"),
    [
        (RENEWAL, ("Basic", "Premium"), {"sd": "feature_missing", "hd": "played"}),
        (FIRST, ("Yearly",), ALL_PLAYED),
    ],
    ids=["the months", "the year"],
)
async def test_a_dispute_takes_what_its_invoice_had_paid_for_until_it_is_won(
    anna: Life, videos: dict[str, UUID], amount: int, plans: tuple[str, ...], answers: dict[str, str]
) -> None:
    disputed = await anna.stripe.control("POST", "disputes", charge=(await charge(anna, amount))["id"])
    assert disputed is not None
    await hear(anna)
    assert await played(anna, videos) == answers
    await judge(anna)

    assert await anna.stripe.control("POST", f"disputes/{disputed['id']}", outcome="win")
    await hear(anna)

    assert await played(anna, videos) == ALL_PLAYED
    assert await told(anna) == of("revoked", *plans) + of("restored", *plans)
    await judge(anna)


# The period after the one whose money went back.


async def pay_what_is_owed(life: Life) -> None:
    await have_cards(life, "ok")
    [owed] = await life.stripe.all("invoices", status="open")
    assert await life.stripe.do(f"invoices/{owed['id']}/pay")
    await hear(life)


@pytest.mark.parametrize("went", ["lost", "refunded"])
async def test_a_renewal_that_fails_gives_back_nothing_and_one_that_is_paid_does(
    bert: Life, videos: dict[str, UUID], went: str
) -> None:
    [first] = await bert.stripe.all("charges")
    await (lose if went == "lost" else refund)(bert, first["amount"])
    before = (await played(bert, videos))["sd"]
    await have_cards(bert, "decline")

    await a_month_later(bert)

    assert [one["status"] for one in await bert.subscriptions()] == ["past_due"]
    assert before != "played"
    assert (await played(bert, videos))["sd"] == before
    assert "subscription.access_restored" not in await recorded(bert)
    await judge(bert)

    await pay_what_is_owed(bert)
    assert (await played(bert, videos))["sd"] == "played"
    assert (await recorded(bert)).count("subscription.access_restored") == 1
    await judge(bert)


async def test_a_period_that_nothing_is_collected_for_gives_back_nothing(bert: Life, videos: dict[str, UUID]) -> None:
    [first] = await bert.stripe.all("charges")
    await lose(bert, first["amount"])
    await amend(bert, **{"pause_collection[behavior]": "void"})
    for _ in range(2):
        await a_month_later(bert)
        assert (await played(bert, videos))["sd"] != "played"
        await judge(bert)

    await amend(bert, pause_collection="")
    await a_month_later(bert)

    assert (await played(bert, videos))["sd"] == "played"
    await judge(bert)


async def test_the_months_stay_gone_while_they_are_owed_and_the_year_stays(anna: Life, videos: dict[str, UUID]) -> None:
    await lose(anna, RENEWAL)
    await have_cards(anna, "decline")
    await a_month_later(anna)

    assert await played(anna, videos) == {"sd": "feature_missing", "hd": "played"}
    assert await told(anna) == of("revoked", "Basic", "Premium")
    await judge(anna)

    await pay_what_is_owed(anna)
    assert await told(anna) == of("revoked", "Basic", "Premium") + of("restored", "Basic", "Premium")
    assert await played(anna, videos) == ALL_PLAYED
    await judge(anna)


# While Stripe is down, and deliveries are taken at their word.


@pytest.mark.parametrize(
    ("amount", "gone", "answers"),
    [
        (FIRST, ("Basic", "Premium"), {"sd": "refunded", "hd": "refunded"}),
        (RENEWAL, ("Basic", "Premium"), {"sd": "feature_missing", "hd": "played"}),
        (FIRST, ("Basic",), ALL_PLAYED),
        (FIRST, ("Yearly",), ALL_PLAYED),
        (RENEWAL, ("Yearly",), {"sd": "refunded", "hd": "refunded"}),
    ],
    ids=["the refunded year is left", "the paid year is left", "one paid month goes", "the year goes", "months stay"],
)
async def test_what_was_refunded_stays_it_whatever_else_goes_out(
    anna: Life, videos: dict[str, UUID], amount: int, gone: tuple[str, ...], answers: dict[str, str]
) -> None:
    await refund(anna, amount)
    known = await told(anna)
    await take_out(anna, *gone)

    await hear_while_stripe_is_down(anna)
    assert await played(anna, videos) == answers
    await judge(anna)

    await settle(anna)
    assert await played(anna, videos) == answers
    assert await told(anna) == known
    await judge(anna)


async def test_what_is_taken_out_and_put_in_again_for_nothing_is_as_refunded_as_it_was(
    anna: Life, videos: dict[str, UUID]
) -> None:
    await refund(anna, FIRST)
    await take_out(anna, "Yearly", "Premium")
    await hear_while_stripe_is_down(anna)
    assert await played(anna, videos) == {"sd": "played", "hd": "feature_missing"}
    await put_in(anna, "Yearly")

    await hear_while_stripe_is_down(anna)
    assert await played(anna, videos) == {"sd": "played", "hd": "feature_missing"}
    await judge(anna)

    await settle(anna)
    assert await played(anna, videos) == {"sd": "played", "hd": "feature_missing"}
    await judge(anna)
