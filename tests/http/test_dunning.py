"""A card that is declined, by the simulated Stripe and the movable clock: what is to be told of it, and when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from entrypoints.worker.worker import settle_webhooks
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[None]:
    """A worker that settles webhooks and follows policies."""
    tasks = [asyncio.create_task(settle_webhooks(service.house)), asyncio.create_task(service.house.policies.run())]
    yield
    while pending := [task for task in tasks if not task.done()]:  # On Python 3.11 a cancellation may be missed.
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1)


async def moves(service: Service, to: datetime | None) -> None:
    answer = await service.public.post("/v1/sandbox/clock", json={"now": to.isoformat() if to else None}, timeout=40)
    assert answer.status_code == 200, answer.text


async def facts_of(admin: Person, person: Person, type: str) -> list[Any]:
    query = {"account": str(person.account_id), "type": type, "limit": "100"}
    answer = await admin.http.get("/v1/audit/events", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def her_bank_answers(service: Service, person: Person, outcome: str) -> None:
    account = await service.house.accounts.account(person.account_id)
    customer_id = account.customers_at("stripe").buyer
    address = f"{service.house.settings.sandbox_address}/stripe/_sandbox/customers/{customer_id}/card"
    async with httpx.AsyncClient() as http:
        (await http.put(address, json={"outcome": outcome})).raise_for_status()


async def test_each_failed_attempt_and_the_end_of_grace_are_to_be_told_once(service: Service, admin: Person) -> None:
    anna = await service.sign_up()
    await service.subscribe(anna, await service.plan_on_sale(admin))
    renewal = datetime.fromisoformat((await anna.http.get("/v1/me/subscription")).json()["current_period_end"])
    await her_bank_answers(service, anna, "decline")

    async with working(service):
        await moves(service, renewal + timedelta(days=12))
        failed = await facts_of(admin, anna, "payment.failed")
        async with asyncio.timeout(20):
            while len(noticed := await facts_of(admin, anna, "dunning.notice_fell_due")) < len(failed) + 1:
                await asyncio.sleep(0.1)
        await moves(service, None)

    # With the last attempt that failed the subscription ended, and of that she is told already.
    [grace] = [fact["data"] for fact in await facts_of(admin, anna, "subscription.grace_started")]
    until = datetime.fromisoformat(grace["until"])
    assert len(failed) > 1
    notices = [fact["data"] for fact in noticed]
    assert [notice["attempt"] for notice in notices if notice["kind"] == "payment_failed"] == [
        fact["data"]["attempt"] for fact in failed[:-1]
    ]
    assert {notice["invoice"] for notice in notices} == {fact["data"]["provider_reference"] for fact in failed}
    ending, over = [
        next(fact for fact in noticed if fact["data"]["kind"] == kind) for kind in ("grace_ending", "access_ended")
    ]
    assert datetime.fromisoformat(ending["data"]["about"]) == until
    day_before = until - timedelta(days=1)
    assert timedelta(0) <= datetime.fromisoformat(ending["recorded_at"]) - day_before < timedelta(minutes=1)
    assert timedelta(0) <= datetime.fromisoformat(over["recorded_at"]) - until < timedelta(minutes=1)
    assert len(notices) == len(failed) + 1
    assert {fact["actor"]["id"] for fact in noticed} == {"dunning"}


async def test_a_renewal_that_must_be_confirmed_is_to_be_told_with_the_page_for_it(
    service: Service, admin: Person
) -> None:
    anna = await service.sign_up()
    await service.subscribe(anna, await service.plan_on_sale(admin))
    renewal = datetime.fromisoformat((await anna.http.get("/v1/me/subscription")).json()["current_period_end"])
    await her_bank_answers(service, anna, "authenticate")

    async with working(service):
        await moves(service, renewal + timedelta(hours=1))
        async with asyncio.timeout(20):
            while len(noticed := await facts_of(admin, anna, "dunning.notice_fell_due")) < len(("failed", "waits")):
                await asyncio.sleep(0.1)
        shown = (await anna.http.get("/v1/me/subscription")).json()
        await moves(service, None)

    [waits] = [fact["data"] for fact in noticed if fact["data"]["kind"] == "action_required"]
    [required] = [fact["data"] for fact in await facts_of(admin, anna, "payment.action_required")]
    assert (waits["invoice"], waits["attempt"]) == (required["provider_reference"], 1)
    assert waits["subscription_id"] == shown["id"]
    assert shown["payment_problem"]["action_url"] == required["action_url"]
    assert required["action_url"]
