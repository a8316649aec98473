"""Webhooks: verified over the very bytes that came, kept once, and nothing kept of what nobody signed."""

import pytest

from application.ports.deliveries import SignatureInvalid
from tests.application.house import House

pytestmark = pytest.mark.anyio


async def test_what_the_provider_signed_is_kept_as_it_came(house: House) -> None:
    body, headers = house.billing.delivery("invoice.paid", "cus_anna")

    await house.webhooks.receive(body, headers)

    (row,) = house.tables.rows("inbox")
    assert (row["type"], row["customer_id"], row["status"]) == ("invoice.paid", "cus_anna", "received")
    assert await house.inbox.body(row["id"]) == body


async def test_a_body_that_was_changed_is_not_kept(house: House) -> None:
    body, headers = house.billing.delivery("invoice.paid", "cus_anna")

    for changed in (body + b" ", body.replace(b"cus_anna", b"cus_evil"), b""):
        with pytest.raises(SignatureInvalid):
            await house.webhooks.receive(changed, headers)
    with pytest.raises(SignatureInvalid):
        await house.webhooks.receive(body, {})
    assert house.tables.rows("inbox") == []


async def test_the_same_delivery_again_changes_nothing(house: House) -> None:
    news = house.billing.delivery("invoice.paid", "cus_anna")

    for _ in range(3):
        await house.webhooks.receive(*news)

    assert len(house.tables.rows("inbox")) == 1


async def test_news_about_nobody_is_kept_and_done(house: House) -> None:
    await house.webhooks.receive(*house.billing.delivery("balance.available", None))

    (row,) = house.tables.rows("inbox")
    assert row["status"] == "done"
    assert await house.convergence.settle_waiting() == 0


async def test_keeping_it_asks_nobody(house: House) -> None:
    house.billing.down = True

    await house.webhooks.receive(*house.billing.delivery("invoice.paid", "cus_anna"))

    assert house.billing.asked == []
