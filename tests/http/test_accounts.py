"""Registering, signing in, staying signed in and signing out."""

import asyncio
import logging
from operator import itemgetter
from typing import Any
from uuid import UUID

import pytest

from application.recall import Asked
from domain.account.account import Account
from domain.shared.fact import NOBODY, Cause
from tests.http.mailbox import digits_for, token_for
from tests.http.problem import problem_in
from tests.http.running import PASSWORD, Person, Service

pytestmark = pytest.mark.anyio


async def test_registering_signs_in(service: Service) -> None:
    body = {"email": "Clara@Example.com", "password": PASSWORD, "name": "Clara"}
    answer = await service.public.post("/v1/auth/register", json=body)

    assert answer.status_code == 201
    registered = answer.json()
    assert set(registered) == {"account", "access_token", "refresh_token", "token_type", "expires_in"}
    assert (registered["token_type"], registered["expires_in"]) == ("Bearer", 900)
    assert int(answer.headers["ledger-position"]) > 0
    me = await service.public.get("/v1/me", headers={"Authorization": f"Bearer {registered['access_token']}"})
    assert me.json() == registered["account"]
    assert {**me.json(), "id": "", "created_at": ""} == {
        "id": "",
        "email": "clara@example.com",
        "email_verified": False,
        "phone": None,
        "name": "Clara",
        "role": "viewer",
        "created_at": "",
    }
    assert me.json()["created_at"].endswith("Z")
    assert UUID(me.json()["id"]).version == 4


async def test_whoever_signs_in_is_given_no_cookie(service: Service) -> None:
    body = {"email": "gustav@example.com", "password": PASSWORD}
    registered = await service.public.post("/v1/auth/register", json=body)
    signed_in = await service.public.post("/v1/auth/login", json=body)
    refreshed = await service.public.post("/v1/auth/refresh", json={"refresh_token": signed_in.json()["refresh_token"]})

    assert [answer.status_code for answer in (registered, signed_in, refreshed)] == [201, 200, 200]
    assert not any("set-cookie" in answer.headers for answer in (registered, signed_in, refreshed))


async def test_an_address_is_taken_once_however_it_is_spelt(service: Service) -> None:
    body = {"email": "dora@example.com", "password": PASSWORD}
    assert (await service.public.post("/v1/auth/register", json=body)).status_code == 201

    again = await service.public.post("/v1/auth/register", json=body | {"email": "DORA@EXAMPLE.COM"})

    problem_in(again, 409, "email_taken")


@pytest.mark.parametrize("password", ["short", "password123", "x" * 129, "y" * 500_000])
async def test_a_weak_password_is_refused_by_rule(service: Service, password: str) -> None:
    body = {"email": "emil@example.com", "password": password}

    problem_in(await service.public.post("/v1/auth/register", json=body), 422, "weak_password")


@pytest.mark.parametrize(
    "email", ["emil", "emil@", "@example.com", "emil@example", "e mil@example.com", "a@b@c.de", "a\0b@example.com"]
)
async def test_what_is_no_address_is_refused(service: Service, email: str) -> None:
    answer = await service.public.post("/v1/auth/register", json={"email": email, "password": PASSWORD})

    problem_in(answer, 422, "email_invalid")


@pytest.mark.parametrize(
    "field", ["role", "id", "is_admin", "email_verified", "created_at", "stripe_customer_id", "account_id"]
)
async def test_nobody_gives_themselves_a_role_or_an_id(service: Service, field: str) -> None:
    body = {"email": "frida@example.com", "password": PASSWORD, field: "admin"}
    problem = problem_in(await service.public.post("/v1/auth/register", json=body), 400, "malformed_body")

    assert [error["field"] for error in problem["errors"]] == [field]


async def test_signing_in_gives_new_tokens(service: Service, anna: Person) -> None:
    answer = await service.public.post("/v1/auth/login", json={"email": anna.email, "password": PASSWORD})

    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "expires_in"}


async def test_a_wrong_password_and_an_unknown_address_hear_the_same(service: Service, anna: Person) -> None:
    heard = [
        problem_in(
            await service.public.post("/v1/auth/login", json={"email": email, "password": "nobody's password"}),
            401,
            "invalid_credentials",
        )
        for email in (anna.email, "nobody@example.com", "no address", "x" * 320)
    ]

    assert heard[0] == heard[1] == heard[2] == heard[3]


async def test_refreshing_spends_the_token(service: Service, anna: Person) -> None:
    first = await service.public.post("/v1/auth/refresh", json={"refresh_token": anna.refresh_token})

    assert first.status_code == 200
    assert first.json()["refresh_token"] != anna.refresh_token


async def test_a_spent_token_ends_the_whole_session(service: Service, anna: Person) -> None:
    following = (await service.public.post("/v1/auth/refresh", json={"refresh_token": anna.refresh_token})).json()

    reused = await service.public.post("/v1/auth/refresh", json={"refresh_token": anna.refresh_token})

    problem_in(reused, 401, "token_reused")
    newest = {"refresh_token": following["refresh_token"]}
    problem_in(await service.public.post("/v1/auth/refresh", json=newest), 401, "invalid_token")
    problem_in(await anna.http.get("/v1/me"), 401, "session_ended")


async def test_a_token_of_nobodys_making_is_refused(service: Service) -> None:
    problem_in(await service.public.post("/v1/auth/refresh", json={"refresh_token": "x"}), 401, "invalid_token")
    problem_in(await service.public.get("/v1/me", headers={"Authorization": "Bearer x.y.z"}), 401, "invalid_token")


async def test_signing_out_ends_the_session_at_once(service: Service, anna: Person) -> None:
    assert (await service.public.post("/v1/auth/logout", json={"refresh_token": anna.refresh_token})).status_code == 204

    problem_in(await anna.http.get("/v1/me"), 401, "session_ended")
    spent = await service.public.post("/v1/auth/refresh", json={"refresh_token": anna.refresh_token})
    problem_in(spent, 401, "invalid_token")


async def test_signing_out_of_nowhere_is_as_good(service: Service) -> None:
    assert (await service.public.post("/v1/auth/logout", json={"refresh_token": "unknown"})).status_code == 204


async def test_a_refresh_token_is_no_access_token(service: Service, anna: Person) -> None:
    header = {"Authorization": f"Bearer {anna.refresh_token}"}

    problem_in(await service.public.get("/v1/me", headers=header), 401, "invalid_token")


async def test_a_role_is_the_ledgers_from_the_next_request_on(service: Service, anna: Person) -> None:
    problem_in(await anna.http.get("/v1/audit/events"), 403, "not_allowed")

    await service.house.account_admin.change_role(anna.account_id, "auditor", Asked(NOBODY, Cause("command", "test")))

    assert (await anna.http.get("/v1/audit/events")).status_code == 200
    assert (await anna.http.get("/v1/me")).json()["role"] == "auditor"


async def test_a_disabled_account_is_signed_out(service: Service, anna: Person) -> None:
    records = service.house.accounts.records
    asked = Asked(NOBODY, Cause("command", "test"))

    await records.decide(Account, anna.account_id, asked, lambda it: it.disable(reason="a test"))

    problem_in(await anna.http.get("/v1/me"), 401, "session_ended")
    login = await service.public.post("/v1/auth/login", json={"email": anna.email, "password": PASSWORD})
    problem_in(login, 401, "account_disabled")


def _named(number: int) -> dict[str, str]:
    return {"X-Request-ID": f"try-{number:02}"}


def _lines_of_tries(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """In the order in which they were asked."""
    lines = [vars(record) for record in caplog.records if record.name == "streamly.access"]
    return sorted((line for line in lines if line["request_id"].startswith("try-")), key=itemgetter("request_id"))


async def test_the_log_tells_of_each_try_to_get_in_whose_account_it_was_and_why_it_failed(
    service: Service, anna: Person, caplog: pytest.LogCaptureFixture
) -> None:
    hers = str(anna.account_id)
    number = {"phone": "+48600999111"}
    registered = await service.public.post(
        "/v1/auth/register", json={"email": "gerda@example.com", "password": PASSWORD}
    )
    confirmed = {"token": await token_for(service, "gerda@example.com")}
    await service.public.post("/v1/auth/password/forgot", json={"email": anna.email})
    reset = {"token": await token_for(service, anna.email), "password": "another way to the lighthouse"}
    await service.public.post("/v1/auth/otp", json=number)
    code = await digits_for(service, number["phone"])
    with caplog.at_level(logging.INFO, "streamly"):
        tries: list[tuple[str, dict[str, Any]]] = [
            ("login", {"email": anna.email, "password": PASSWORD}),
            ("login", {"email": anna.email, "password": "nobody's password"}),
            ("login", {"email": "nobody@example.com", "password": PASSWORD}),
            ("refresh", {"refresh_token": anna.refresh_token}),
            ("refresh", {"refresh_token": anna.refresh_token}),
            ("refresh", {"refresh_token": "unknown"}),
            ("otp/verify", {"phone": "+48600999112", "code": code}),
            ("otp/verify", number | {"code": code}),
            ("otp/verify", number | {"code": code}),
            ("password/reset", reset),
            ("password/reset", reset),
            ("email/verify", confirmed),
            ("email/verify", confirmed),
        ]
        for number_of_it, (path, body) in enumerate(tries):
            await service.public.post(f"/v1/auth/{path}", json=body, headers=_named(number_of_it))
        await anna.http.get("/v1/me", headers=_named(len(tries)))
        path = "/v1/videos/00000000-0000-4000-8000-000000000000/playback"
        await anna.http.post(path, json={}, headers=_named(len(tries) + 1))
        # A line is written after its answer has gone out.
        while len(lines := _lines_of_tries(caplog)) < len(tries) + 2:
            await asyncio.sleep(0.01)

    gerda, by_code = registered.json()["account"]["id"], lines[7]["account_id"]
    assert by_code not in {None, hers, gerda}
    assert [(line["route"].rpartition("auth/")[2], line["account_id"], line["code"]) for line in lines] == [
        ("login", hers, None),
        ("login", hers, "invalid_credentials"),
        ("login", None, "invalid_credentials"),
        ("refresh", hers, None),
        ("refresh", hers, "token_reused"),
        ("refresh", None, "invalid_token"),
        ("otp/verify", None, "invalid_code"),
        ("otp/verify", by_code, None),
        ("otp/verify", by_code, "invalid_code"),
        ("password/reset", hers, None),
        ("password/reset", None, "invalid_token"),
        ("email/verify", gerda, None),
        ("email/verify", None, "invalid_token"),
        ("/v1/me", hers, "session_ended"),
        ("/v1/videos/{video_id}/playback", hers, "session_ended"),
    ]
