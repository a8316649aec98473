"""Who draws the body of a request out is looked at again once it is there: what they were when it began is over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from entrypoints.http.before import LOOK_AGAIN_SECONDS
from tests.http.problem import problem_in
from tests.http.running import PASSWORD, Person, Service

pytestmark = pytest.mark.anyio

SHORT = httpx.Timeout(10)
LONG_ENOUGH = LOOK_AGAIN_SECONDS + 0.1

Asking = tuple[str, str, Any]
"""A method, a path, and a body: JSON, or bytes as they are."""


def encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


@asynccontextmanager
async def drawn_out(person: Person, asked: list[Asking], **headers: str) -> AsyncIterator[list[httpx.Response]]:
    """Requests whose last byte is sent when this ends; the answers are there then."""
    answers: list[httpx.Response] = []
    may_end = anyio.Event()

    async def slowly(body: bytes) -> AsyncIterator[bytes]:
        yield body[:-1]
        await may_end.wait()
        yield body[-1:]

    async def ask(method: str, path: str, body: bytes) -> httpx.Response:
        length = {"Content-Length": str(len(body)), "Content-Type": "application/json"}
        content = slowly(body)
        return await person.http.request(method, path, content=content, headers=length | headers, timeout=SHORT)

    asking = [asyncio.create_task(ask(method, path, encoded(body))) for method, path, body in asked]
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(0.2)  # Until the guards have let them in.
    yield answers
    await asyncio.sleep(began + LONG_ENOUGH + 0.2 - asyncio.get_running_loop().time())
    may_end.set()
    answers += await asyncio.gather(*asking)


async def test_an_admin_who_is_disabled_or_demoted_meanwhile_does_nothing_more(
    service: Service, admin: Person, anna: Person
) -> None:
    disabled, demoted = await service.sign_up("admin"), await service.sign_up("admin")
    video = (await service.waiting_video(admin))["video"]["id"]
    about_anna = f"/v1/admin/accounts/{anna.account_id}"

    def asked(person: Person) -> list[Asking]:
        return [
            ("PUT", f"{about_anna}/role", {"role": "admin"}),
            ("PUT", f"/v1/admin/accounts/{person.account_id}/role", {"role": "admin"}),
            ("POST", f"{about_anna}/grants", {"until": "2030-01-01T00:00:00Z", "reason": "mine"}),
            ("PUT", f"/v1/admin/videos/{video}/captions/subtitles/en?label=English", b"WEBVTT\n"),
            ("POST", "/v1/admin/videos", {"title": "Garlic", "access": "free"}),
        ]

    async with (
        drawn_out(disabled, asked(disabled)) as of_disabled,
        drawn_out(demoted, asked(demoted), **{"Idempotency-Key": "once"}) as of_demoted,
    ):
        where = f"/v1/admin/accounts/{disabled.account_id}/disable"
        assert (await admin.http.post(where, json={"reason": "left"})).status_code == 200
        where = f"/v1/admin/accounts/{demoted.account_id}/role"
        assert (await admin.http.put(where, json={"role": "viewer"})).status_code == 200

    for answer in of_disabled:
        problem_in(answer, 401, "session_ended")
    for answer in of_demoted:
        problem_in(answer, 403, "not_allowed")
    seen = (await admin.http.get(about_anna)).json()
    assert seen["role"] == "viewer"
    assert (await admin.http.get(f"/v1/admin/videos/{video}/captions")).json()["items"] == []


async def test_who_has_signed_out_meanwhile_changes_and_watches_nothing(
    service: Service, anna: Person, boris: Person
) -> None:
    film = "00000000-0000-4000-8000-000000000001"
    asked: list[Asking] = [
        ("PATCH", "/v1/me", {"name": "Somebody else"}),
        ("POST", "/v1/me/email", {"email": "thief@example.com", "password": PASSWORD}),
        ("POST", "/v1/me/erasure", {"password": PASSWORD}),
        ("POST", f"/v1/videos/{film}/playback", {"device_id": "hers"}),
    ]
    # A page of another origin is what Litestar's own handler of playback gets.
    async with (
        drawn_out(anna, asked, Origin="https://elsewhere.example") as answers,
        drawn_out(boris, [("PATCH", "/v1/me", {"name": "Boris the slow"})]) as of_who_has_not,
    ):
        left = await service.public.post("/v1/auth/logout", json={"refresh_token": anna.refresh_token})
        assert left.status_code == 204

    for answer in answers:
        problem_in(answer, 401, "session_ended")
    assert (await service.house.accounts.account(anna.account_id)).name == "Anna"
    assert [(answer.status_code, answer.json()["name"]) for answer in of_who_has_not] == [(200, "Boris the slow")]
