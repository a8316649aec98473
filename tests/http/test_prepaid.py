"""A plan of some days, from end to end: bought at the simulated Stripe, watched with, extended, refunded."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from entrypoints.worker.worker import settle_webhooks
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

THIRTY_DAYS = {
    "name": "Thirty days",
    "price": {"amount": 1299, "currency": "USD"},
    "interval": "once",
    "duration_days": 30,
    "features": ["hd"],
}
PATIENCE_SECONDS = 20
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
async def worker(service: Service) -> AsyncIterator[None]:
    """Settles what Stripe tells."""
    settling = asyncio.create_task(settle_webhooks(service.house))
    yield
    while not settling.done():
        settling.cancel()
        await asyncio.wait([settling], timeout=1)


async def buys(service: Service, viewer: Person, plan: Any) -> None:
    opened = await viewer.http.post("/v1/checkout", json={"plan_id": plan["id"]})
    assert opened.status_code == 201, opened.text
    assert (await service.public.post(opened.json()["url"], data={"outcome": "pay"})).status_code == 303


async def until_is(viewer: Person, expected: datetime | None) -> Any:
    """Her subscription, as soon as access lasts until then; None: as soon as there is none."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            mine = (await viewer.http.get("/v1/me/subscription")).json()
            until = mine["access"]["until"] and datetime.fromisoformat(mine["access"]["until"])
            if until == expected or (until and expected and abs(until - expected) <= SECOND * PATIENCE_SECONDS):
                return mine
            await asyncio.sleep(0.05)


async def now(service: Service) -> datetime:
    return service.house.business_time.now()


async def moves_to(service: Service, moment: datetime | None) -> None:
    body = {"now": moment.isoformat() if moment else None}
    moved = await service.public.post("/v1/sandbox/clock", json=body, timeout=40)
    assert moved.status_code == 200, moved.text


async def play(viewer: Person, video: Any) -> httpx.Response:
    return await viewer.http.post(f"/v1/videos/{video['id']}/playback", json={})


async def refund(service: Service, payment_intent: str) -> None:
    """In Stripe's own dashboard."""
    auth, base = ("sk_test_simulated", ""), f"{service.house.settings.sandbox_address}/stripe/v1"
    async with httpx.AsyncClient(auth=auth, base_url=base) as dashboard:
        refunded = await dashboard.post("/refunds", data={"payment_intent": payment_intent})
    assert refunded.status_code == 200, refunded.text


async def test_bought_watched_with_extended_and_refunded(
    service: Service, admin: Person, anna: Person, film: bytes
) -> None:
    plan = await service.plan_on_sale(admin, **THIRTY_DAYS)
    in_hd = await service.published_video(admin, film, title="Onions", access="subscribers", requires="hd")
    in_uhd = await service.published_video(admin, film, title="Garlic", access="subscribers", requires="uhd")
    anything = await service.published_video(admin, film, title="Leeks", access="subscribers")
    began = await now(service)
    problem_in(await play(anna, in_hd), 402, "subscription_required")

    await buys(service, anna, plan)

    first_end = began + timedelta(days=30)
    mine = await until_is(anna, first_end)
    assert (mine["status"], mine["plan"]["id"], mine["access"]["reason"]) == ("active", plan["id"], "prepaid")
    assert (mine["current_period_end"], mine["cancel_at_period_end"]) == (mine["access"]["until"], False)
    assert (await play(anna, in_hd)).status_code == (await play(anna, anything)).status_code == 200
    problem_in(await play(anna, in_uhd), 402, "plan_upgrade_required")

    await moves_to(service, began + timedelta(minutes=1))  # Of two in one second it is not said which came first.
    await buys(service, anna, plan)
    second_end = first_end + timedelta(days=30)
    await until_is(anna, second_end)
    closed = await anna.http.post("/v1/checkout", json={"plan_id": plan["id"]})
    assert problem_in(closed, 409, "renewal_window_closed")["access"]["granted"] is True

    await moves_to(service, first_end + timedelta(days=1))
    assert (await play(anna, in_hd)).status_code == 200
    payments = (await anna.http.get("/v1/me/payments")).json()["items"]
    assert [(each["status"], each["amount"]["amount"]) for each in payments] == [("paid", 1299)] * 2
    await refund(service, payments[0]["provider_reference"])
    mine = await until_is(anna, None)
    assert (mine["status"], mine["access"]["reason"]) == ("refunded", "refunded")
    seen = {"Ledger-Position": str(await service.house.records.ledger.head())}
    every = (await anna.http.get("/v1/me/subscriptions", headers=seen)).json()["items"]
    assert [(one["status"], one["plan"]["id"]) for one in every] == [("refunded", plan["id"]), ("ended", plan["id"])]
    assert datetime.fromisoformat(every[1]["ended_at"]) == datetime.fromisoformat(every[1]["current_period_end"])
    assert mine["id"] in {one["id"] for one in every}
    theirs = await admin.http.get("/v1/admin/subscriptions", params={"account": str(anna.account_id)})
    assert [one["id"] for one in theirs.json()["items"]] == [one["id"] for one in every]
    problem_in(await play(anna, in_hd), 402, "subscription_required")
    await moves_to(service, None)


async def test_who_subscribes_cannot_buy_days_and_who_bought_days_can_subscribe(
    service: Service, admin: Person, anna: Person, boris: Person
) -> None:
    days, month = await service.plan_on_sale(admin, **THIRTY_DAYS), await service.plan_on_sale(admin)
    await buys(service, boris, days)
    await until_is(boris, await now(service) + timedelta(days=30))
    await service.subscribe(anna, month)

    problem_in(await anna.http.post("/v1/checkout", json={"plan_id": days["id"]}), 409, "already_subscribed")
    assert (await boris.http.post("/v1/checkout", json={"plan_id": month["id"]})).status_code == 201
