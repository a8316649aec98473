"""What localstripe has, from a signed webhook to access: customers, plans, subscriptions, payments, refunds, ends.

It tells of subscriptions that begin and end, and of payments; of refunds and changes it sends nothing, so that those
are for sweeps to find. Ours is the gateway before it; what happens at Stripe, and how it is signed, is not.
"""

import pytest

from tests.localstripe.conftest import Shop

pytestmark = pytest.mark.anyio

GOOD, DECLINED = "4242424242424242", "4000000000000341"


async def test_who_pays_may_watch_until_it_is_cancelled(shop: Shop) -> None:
    anna, customer = await shop.somebody(GOOD)
    assert (await shop.access(anna))["reason"] == "no_subscription"

    bought = await shop.subscribe(customer)
    access = await shop.becomes(anna, "subscription")
    assert (access["granted"], access["features"]) == (True, ["hd"])

    await shop.stripe.remove(f"subscriptions/{bought['id']}")
    assert (await shop.becomes(anna, "ended"))["granted"] is False


async def test_whose_card_is_declined_may_not(shop: Shop) -> None:
    boris, customer = await shop.somebody(DECLINED)

    bought = await shop.subscribe(customer)

    assert bought["status"] == "incomplete"
    assert (await shop.becomes(boris, "payment_pending"))["granted"] is False


async def test_a_refund_that_nothing_tells_of_is_found_by_a_sweep(shop: Shop) -> None:
    clara, customer = await shop.somebody(GOOD)
    await shop.subscribe(customer)
    await shop.becomes(clara, "subscription")
    charges = (await shop.stripe.http.get("/v1/charges", params={"customer": customer})).json()["data"]

    await shop.stripe.make("refunds", charge=charges[0]["id"])
    await shop.house.sweeping.sweeps.request("customers", cause="the tests")
    while await shop.house.sweeping.sweep_next() is not None:
        pass

    assert (await shop.becomes(clara, "refunded"))["granted"] is False
