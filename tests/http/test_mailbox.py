"""The development mailbox over HTTP, and the worker that sends what is in it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from application.ports.codes import NewCode
from entrypoints.http.app import create_app
from entrypoints.worker.worker import send_letters
from tests.http.running import Service

pytestmark = pytest.mark.anyio

ANNA, BORIS = "+14155550100", "+14155550101"


async def code_sent(service: Service, phone: str) -> None:
    house = service.house
    code = NewCode(
        kind="sign_in", subject=phone.encode(), account_id=None, write=house.post.wording.sign_in_code(phone)
    )
    await house.post.codes.issue(code, now=datetime.now(UTC))


async def messages(service: Service, to: str | None = None) -> list[Any]:
    answer = await service.public.get("/v1/sandbox/messages", params={} if to is None else {"to": to})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"items"}
    return list(answer.json()["items"])


async def test_what_would_have_gone_out_is_shown_newest_first(service: Service) -> None:
    for phone in (ANNA, BORIS, ANNA):
        await code_sent(service, phone)

    to_anna = await messages(service, ANNA)

    assert [each["to"] for each in to_anna] == [ANNA, ANNA]
    assert to_anna[0]["at"] > to_anna[1]["at"]
    assert to_anna[0]["at"].endswith("Z")
    assert set(to_anna[0]) == {"to", "subject", "body", "at"}
    assert to_anna[0]["subject"] == ""
    assert [each["to"] for each in await messages(service)][:3] == [ANNA, BORIS, ANNA]
    assert await messages(service, "nobody@example.org") == []


async def test_a_plus_that_nobody_has_quoted_is_understood(service: Service) -> None:
    await code_sent(service, "+14155550102")

    answer = await service.public.get("/v1/sandbox/messages?to=+14155550102")

    assert [each["to"] for each in answer.json()["items"]] == ["+14155550102"]


async def test_the_worker_sends_it_by_the_simulated_twilio_and_the_mailbox_still_shows_it(service: Service) -> None:
    await code_sent(service, "+14155550103")
    working = asyncio.create_task(send_letters(service.house))
    try:
        async with asyncio.timeout(10):
            while (await service.house.post.letters.counts()).waiting:
                await asyncio.sleep(0.05)
    finally:
        working.cancel()

    assert (await service.house.post.letters.counts()).failed == 0
    address = service.house.settings.sandbox_address
    taken = (await service.public.get(f"{address}/twilio/_sandbox/messages")).json()
    (shown,) = await messages(service, "+14155550103")
    assert shown["body"] in [each["body"] for each in taken if each["to"] == "+14155550103"]
    metrics = (await service.public.get("/metrics")).text
    assert 'streamly_letters{status="waiting"} 0.0' in metrics


def test_there_is_none_in_production(service: Service) -> None:
    class WithoutMailbox:
        mailbox = None

        def __getattr__(self, name: str) -> Any:
            return getattr(service.house, name)

    def paths(house: Any) -> set[str]:
        return {route.path for route in create_app(house).routes}

    assert "/v1/sandbox/messages" in paths(service.house)
    assert "/v1/sandbox/messages" not in paths(WithoutMailbox())
