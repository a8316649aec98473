"""What moves money or makes a thing is done once under one key: on two processes, and when one of them is killed."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.routes import HTTPRoute

from domain.payment.refunds import RefundRequested
from domain.shared.fact import Fact
from entrypoints.http.app import create_app
from entrypoints.http.idempotency import LEASE_SECONDS, Idempotent
from tests.http.problem import problem_in
from tests.http.running import Person, Service
from tests.http.test_money import cinema, facts_about, payment_of, stripe

pytestmark = pytest.mark.anyio

MADE_NOTHING = {
    "/v1/admin/accounts/{account_id}/disable": "it is so, or becomes so",
    "/v1/admin/accounts/{account_id}/enable": "it is so, or becomes so",
    "/v1/admin/videos/{video_id}/publish": "it is so, or becomes so",
    "/v1/admin/videos/{video_id}/unpublish": "it is so, or becomes so",
    "/v1/admin/videos/{video_id}/upload": "the last place to send it to is the one that counts",
    "/v1/admin/videos/{video_id}/upload/complete": "it is put together once",
    "/v1/admin/videos/{video_id}/upload/parts": "an address is an address",
    "/v1/admin/webhooks/{id}/retry": "it is asked about again, whatever came of it",
    "/v1/me/email": "a newer letter ends the one before",
    "/v1/me/erasure": "an account is erased once, and who asks again is signed in no more",
    "/v1/me/erasure/code": "a newer code ends the one before",
    "/v1/me/password": "it is the password then, or it is no more",
    "/v1/me/phone": "a newer code ends the one before",
    "/v1/me/phone/verify": "a code is good once",
    "/v1/playback/{session_id}/heartbeat": "it says how far one is",
    "/v1/sandbox/clock": "time is what it is put to",
    "/v1/videos/{video_id}/playback": "the hot path, on which each answer is good for minutes",
    "/v1/webhooks/cloudflare": "a notice that came before changes nothing",
    "/v1/webhooks/mux": "the provider's own id of each delivery says that it came before",
    "/v1/webhooks/stripe": "the provider's own id of each delivery says that it came before",
}


def facts_of_kind(facts: list[Fact], tag: str) -> list[Fact]:
    return [fact for fact in facts if fact.tag() == tag]


async def test_every_post_takes_a_key_or_has_a_reason_not_to(service: Service) -> None:
    app = create_app(service.house)
    posts = {
        route.path_format: Idempotent in handler.resolve_middleware()
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method == "POST" and not route.path_format.startswith("/v1/auth/")
    }

    without = {path for path, declared in posts.items() if not declared}
    assert without - set(MADE_NOTHING) == set()
    assert {path for path, declared in posts.items() if declared} & set(MADE_NOTHING) == set()


async def test_what_is_made_is_made_once(service: Service, admin: Person, anna: Person) -> None:
    account = f"/v1/admin/accounts/{anna.account_id}"
    asked: dict[str, dict[str, Any]] = {
        f"{account}/grants": {"until": "2027-03-01T12:00:00Z", "reason": "made good"},
        f"{account}/blocks": {"until": "2027-03-01T12:00:00Z", "reason": "chargebacks"},
        "/v1/admin/plans": {"name": "Once", "price": {"amount": 999, "currency": "USD"}, "interval": "month"},
        "/v1/admin/videos": {"title": "Once", "access": "free"},
    }

    for path, body in asked.items():
        key = {"Idempotency-Key": f"once {uuid4()}"}
        first, second = (
            await admin.http.post(path, json=body, headers=key),
            await admin.http.post(path, json=body, headers=key),
        )
        assert first.status_code == 201, first.text
        assert (second.status_code, second.content) == (201, first.content)
        assert second.headers["ledger-position"] == first.headers["ledger-position"]
        other = await admin.http.post(path, json=body | {"reason": "other", "title": "other"}, headers=key)
        assert other.status_code in {400, 422}

    told = [fact.tag() for fact in await facts_about(service, anna)]
    assert (told.count("account.access_granted"), told.count("account.blocked")) == (1, 1)


async def test_of_fifty_refunds_under_one_key_one_is_given(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/admin/payments/{await payment_of(service, anna)}/refund"
    key = {"Idempotency-Key": "fifty"}

    async def ask() -> httpx.Response:
        body = {"amount": 100, "reason": "No sound"}
        return await admin.http.post(path, json=body, headers=key, timeout=httpx.Timeout(40))

    answers = await asyncio.gather(*(ask() for _ in range(50)))
    later = await ask()

    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert later.status_code == 201
    assert later.json()["refundable"] == {"amount": 899, "currency": "USD"}
    assert {answer.content for answer in answers if answer.status_code == 201} == {later.content}
    requested = facts_of_kind(await facts_about(service, anna), "payment.refund_requested")
    assert len(requested) == 1


async def test_a_refund_that_the_provider_did_not_answer_is_asked_for_again_and_given_once(
    service: Service, admin: Person, anna: Person
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/admin/payments/{await payment_of(service, anna)}/refund"
    faults = stripe(service, "_sandbox/faults")
    lost = {"kind": "drop", "path": "/refunds", "verb": "POST", "after": True, "requests": None}
    (await service.public.put(faults, json={"faults": [lost]})).raise_for_status()

    async def ask() -> httpx.Response:
        body, key = {"amount": 100, "reason": "No sound"}, {"Idempotency-Key": "lost"}
        return await admin.http.post(path, json=body, headers=key, timeout=httpx.Timeout(40))

    unanswered = await ask()
    (await service.public.put(faults, json={"faults": []})).raise_for_status()
    answered = await ask()

    assert unanswered.status_code == 503
    assert answered.status_code == 201, answered.text
    assert answered.json()["refundable"] == {"amount": 899, "currency": "USD"}
    assert "idempotency-replayed" not in answered.headers
    told = [fact.tag() for fact in await facts_about(service, anna)]
    assert (told.count("payment.refund_requested"), told.count("payment.refund_accepted")) == (1, 1)


@asynccontextmanager
async def another_process(service: Service) -> AsyncIterator[tuple[Process, str]]:
    """One more API process on the same database, which may be killed."""
    settings = service.house.settings
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url,
            "DATA_DIR": str(settings.data_dir),
            "PUBLIC_URL": service.address,
            "SANDBOX_PORT": str(settings.sandbox_port),
            "SANDBOX_CLOCK": "1",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "entrypoints.cli.main",
            "api",
            "--fd",
            str(number),
            pass_fds=[number],
            env=environment,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            yield process, f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def test_a_process_that_is_killed_in_the_middle_leaves_one_refund(
    service: Service, admin: Person, anna: Person
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/admin/payments/{await payment_of(service, anna)}/refund"
    slow = {"kind": "slow", "path": "/refunds", "verb": "POST", "seconds": 30.0, "requests": 1}
    (await service.public.put(stripe(service, "_sandbox/faults"), json={"faults": [slow]})).raise_for_status()
    body, key = {"amount": 100, "reason": "No sound"}, {"Idempotency-Key": "killed"}

    async with another_process(service) as (process, address):
        doomed = asyncio.create_task(
            admin.http.post(f"{address}{path}", json=body, headers=key, timeout=httpx.Timeout(60))
        )
        async with asyncio.timeout(40):
            while not facts_of_kind(await facts_about(service, anna), "payment.refund_requested"):
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    with pytest.raises(httpx.HTTPError):
        await doomed
    problem_in(await admin.http.post(path, json=body, headers=key), 409, "request_in_progress")

    (await service.public.put(stripe(service, "_sandbox/faults"), json={"faults": []})).raise_for_status()
    async with asyncio.timeout(LEASE_SECONDS + 25):
        while (answer := await admin.http.post(path, json=body, headers=key, timeout=40)).status_code == 409:
            await asyncio.sleep(0.5)

    assert answer.status_code == 201, answer.text
    assert answer.json()["refundable"] == {"amount": 899, "currency": "USD"}
    facts = await facts_about(service, anna)
    [requested] = [fact for fact in facts if isinstance(fact, RefundRequested)]
    assert requested.amount.amount == 100
    assert len(facts_of_kind(facts, "payment.refund_accepted")) == 1
    again = await admin.http.post(path, json=body, headers=key)
    assert (again.content, again.headers["idempotency-replayed"]) == (answer.content, "true")


async def test_a_change_of_plan_under_one_key_is_billed_once(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    better, key = await cinema(service, admin), {"Idempotency-Key": "better"}
    body = {"plan_id": better["id"]}

    first, second = (
        await anna.http.post("/v1/me/subscription/change", json=body, headers=key),
        await anna.http.post("/v1/me/subscription/change", json=body, headers=key),
    )

    assert first.status_code == 200, first.text
    assert second.content == first.content
    told = [fact.tag() for fact in await facts_about(service, anna)]
    assert told.count("subscription.plan_change_requested") == 1
