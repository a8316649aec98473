"""The ways into an account over HTTP: letters, codes, new passwords, and where one is signed in."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest

from application.recall import Asked
from domain.shared.fact import NOBODY, Cause
from tests.http.mailbox import digits_for, messages_to, token_for
from tests.http.problem import problem_in
from tests.http.running import PASSWORD, Person, Service, running_service

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "another way to the lighthouse"
NUMBERS = count(600_100_200)
BY_COMMAND = Asked(NOBODY, Cause("command", "test"))


@pytest.fixture(scope="module")
async def service(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """All of the people here come from one address, and try more than it may."""
    loose = {"throttle_otp_peer": "1000/1h", "throttle_otp_verify_peer": "1000/1h"}
    async with running_service(module_database, tmp_path_factory.mktemp("service"), **loose) as service:
        yield service


def new_number() -> str:
    return f"+48{next(NUMBERS)}"


async def posted(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(path, json=body)


async def by_code(service: Service, phone: str) -> dict[str, Any]:
    asked = await posted(service.public, "/v1/auth/otp", phone=phone)
    assert (asked.status_code, asked.json()) == (202, {"expires_in": 600})
    verified = await posted(service.public, "/v1/auth/otp/verify", phone=phone, code=await digits_for(service, phone))
    assert verified.status_code == 200, verified.text
    tokens: dict[str, Any] = verified.json()
    return tokens


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def me(person: Person) -> dict[str, Any]:
    answer = await person.http.get("/v1/me")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


# By phone


async def test_the_first_code_makes_the_account_and_the_next_finds_it(service: Service) -> None:
    phone = new_number()

    tokens = await by_code(service, phone)
    shown = (await service.public.get("/v1/me", headers=bearer(tokens))).json()
    again = (await service.public.get("/v1/me", headers=bearer(await by_code(service, phone)))).json()

    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert again == shown
    assert (shown["phone"], shown["email"], shown["name"], shown["email_verified"]) == (phone, None, None, False)
    assert shown["role"] == "viewer"


async def test_of_fifty_guesses_at_once_five_are_looked_at(service: Service) -> None:
    phone = new_number()
    await posted(service.public, "/v1/auth/otp", phone=phone)
    code = await digits_for(service, phone)
    wrong = [f"{number:06}" for number in range(51) if f"{number:06}" != code][:50]

    guesses = [posted(service.public, "/v1/auth/otp/verify", phone=phone, code=guess) for guess in wrong]
    for answer in await asyncio.gather(*guesses):
        problem_in(answer, 401, "invalid_code")

    right = await posted(service.public, "/v1/auth/otp/verify", phone=phone, code=code)
    problem_in(right, 401, "invalid_code")


async def test_fifty_who_bring_the_right_code_at_once_make_one_account_and_one_session(service: Service) -> None:
    phone = new_number()
    await posted(service.public, "/v1/auth/otp", phone=phone)
    code = await digits_for(service, phone)

    tries = [posted(service.public, "/v1/auth/otp/verify", phone=phone, code=code) for _ in range(50)]
    statuses = [answer.status_code for answer in await asyncio.gather(*tries)]

    assert (statuses.count(200), statuses.count(401)) == (1, 49)


async def test_the_fourth_code_in_a_quarter_of_an_hour_is_too_many(service: Service) -> None:
    phone = new_number()
    for _ in range(3):
        assert (await posted(service.public, "/v1/auth/otp", phone=phone)).status_code == 202

    fourth = await posted(service.public, "/v1/auth/otp", phone=phone)

    assert fourth.status_code == 429
    assert int(fourth.headers["retry-after"]) > 0


@pytest.mark.parametrize("phone", ["600100200", "+", "+48", "+1234567890123456", "anna@example.com"])
async def test_what_is_no_number_is_refused(service: Service, anna: Person, phone: str) -> None:
    for answer in (
        await posted(service.public, "/v1/auth/otp", phone=phone.ljust(3)),
        await posted(service.public, "/v1/auth/otp/verify", phone=phone.ljust(3), code="123456"),
        await posted(anna.http, "/v1/me/phone", phone=phone.ljust(3), password=PASSWORD),
    ):
        problem_in(answer, 422, "phone_invalid")


# Addresses


async def test_registering_asks_whether_the_address_is_theirs(service: Service) -> None:
    email = "greta@example.com"
    registered = (await posted(service.public, "/v1/auth/register", email=email, password=PASSWORD)).json()
    assert not registered["account"]["email_verified"]

    token = await token_for(service, email)
    confirmed = await posted(service.public, "/v1/auth/email/verify", token=token)

    assert confirmed.status_code == 204
    assert int(confirmed.headers["ledger-position"]) > 0
    assert (await service.public.get("/v1/me", headers=bearer(registered))).json()["email_verified"]
    problem_in(await posted(service.public, "/v1/auth/email/verify", token=token), 422, "invalid_token")
    problem_in(await posted(service.public, "/v1/auth/email/verify", token="x"), 422, "invalid_token")


async def test_a_new_address_counts_once_it_has_confirmed_it(service: Service, anna: Person) -> None:
    former, new = anna.email, f"new-{anna.email}"
    asked = await posted(anna.http, "/v1/me/email", email=new, password=PASSWORD)
    assert (asked.status_code, asked.json()) == (202, {"expires_in": 1800})
    assert (await me(anna))["email"] == former

    confirmed = await posted(service.public, "/v1/auth/email/verify", token=await token_for(service, new))

    assert confirmed.status_code == 204
    shown = await me(anna)
    assert (shown["email"], shown["email_verified"]) == (new, True)
    assert (await messages_to(service, former))[0]["subject"] == "Your e-mail address was changed"
    assert (await posted(service.public, "/v1/auth/login", email=new, password=PASSWORD)).status_code == 200
    login = await posted(service.public, "/v1/auth/login", email=former, password=PASSWORD)
    problem_in(login, 401, "invalid_credentials")


async def test_of_an_address_that_is_taken_nobody_is_told(service: Service, anna: Person, boris: Person) -> None:
    before = await messages_to(service, boris.email)

    taken = await posted(anna.http, "/v1/me/email", email=boris.email, password=PASSWORD)

    assert (taken.status_code, taken.json()) == (202, {"expires_in": 1800})
    assert await messages_to(service, boris.email) == before


async def test_what_is_taken_is_counted_for_all_who_ask_for_it_as_what_is_free(service: Service, boris: Person) -> None:
    number = new_number()
    await by_code(service, number)
    askers = [await service.sign_up() for _ in range(4)]

    for path, taken in (("/v1/me/email", {"email": boris.email}), ("/v1/me/phone", {"phone": number})):
        answers = [await posted(asker.http, path, password=PASSWORD, **taken) for asker in askers]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]


async def test_the_password_is_asked_for(service: Service, anna: Person) -> None:
    for path, body in (
        ("/v1/me/email", {"email": "mallory@example.com"}),
        ("/v1/me/phone", {"phone": new_number()}),
    ):
        problem_in(await anna.http.post(path, json=body | {"password": "not hers at all"}), 403, "wrong_password")
    change = {"current_password": "not hers at all", "new_password": NEW_PASSWORD}
    problem_in(await anna.http.post("/v1/me/password", json=change), 403, "wrong_password")
    problem_in(await posted(anna.http, "/v1/me/password", new_password=NEW_PASSWORD), 403, "wrong_password")
    assert await messages_to(service, "mallory@example.com") == []


async def test_a_number_that_is_proved_is_hers(service: Service, anna: Person) -> None:
    phone = new_number()
    asked = await posted(anna.http, "/v1/me/phone", phone=phone, password=PASSWORD)
    assert (asked.status_code, asked.json()) == (202, {"expires_in": 600})
    problem_in(await posted(anna.http, "/v1/me/phone/verify", code="x"), 422, "invalid_code")

    proved = await posted(anna.http, "/v1/me/phone/verify", code=await digits_for(service, phone))

    assert proved.status_code == 204
    assert (await me(anna))["phone"] == phone
    assert (await messages_to(service, anna.email))[0]["subject"] == "Your phone number was changed"


# Names


async def test_she_is_renamed_and_nothing_else_is_hers_to_change(service: Service, anna: Person) -> None:
    renamed = await anna.http.patch("/v1/me", json={"name": "Anna Żółć"})

    assert (renamed.status_code, renamed.json()["name"]) == (200, "Anna Żółć")
    assert int(renamed.headers["ledger-position"]) > 0
    assert (await anna.http.patch("/v1/me", json={})).json()["name"] == "Anna Żółć"
    assert (await anna.http.patch("/v1/me", json={"name": None})).json()["name"] is None
    for field in ("role", "email", "email_verified", "phone", "id", "created_at", "disabled"):
        problem = problem_in(await anna.http.patch("/v1/me", json={field: "admin"}), 400, "malformed_body")
        assert [error["field"] for error in problem["errors"]] == [field]


# Passwords


async def test_a_new_password_ends_every_other_session(service: Service, anna: Person) -> None:
    elsewhere = (await posted(service.public, "/v1/auth/login", email=anna.email, password=PASSWORD)).json()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}

    changed = await anna.http.post("/v1/me/password", json=body)

    assert changed.status_code == 204
    assert (await anna.http.get("/v1/me")).status_code == 200
    problem_in(await service.public.get("/v1/me", headers=bearer(elsewhere)), 401, "session_ended")
    refreshed = await posted(service.public, "/v1/auth/refresh", refresh_token=elsewhere["refresh_token"])
    problem_in(refreshed, 401, "invalid_token")
    assert (await posted(service.public, "/v1/auth/refresh", refresh_token=anna.refresh_token)).status_code == 200
    login = await posted(service.public, "/v1/auth/login", email=anna.email, password=PASSWORD)
    problem_in(login, 401, "invalid_credentials")
    assert (await messages_to(service, anna.email))[0]["subject"] == "Your Streamly password was changed"


async def test_who_forgot_the_password_sets_a_new_one_by_letter(service: Service, anna: Person) -> None:
    asked = await posted(service.public, "/v1/auth/password/forgot", email=anna.email)
    assert (asked.status_code, asked.json()) == (202, {"expires_in": 1800})
    token = await token_for(service, anna.email)
    weak = await posted(service.public, "/v1/auth/password/reset", token=token, password="password123")
    problem_in(weak, 422, "weak_password")

    reset = await posted(service.public, "/v1/auth/password/reset", token=token, password=NEW_PASSWORD)

    assert reset.status_code == 204
    problem_in(await anna.http.get("/v1/me"), 401, "session_ended")
    login = await posted(service.public, "/v1/auth/login", email=anna.email, password=NEW_PASSWORD)
    assert login.status_code == 200
    again = await posted(service.public, "/v1/auth/password/reset", token=token, password=NEW_PASSWORD)
    problem_in(again, 422, "invalid_token")


async def test_who_registered_with_her_address_has_no_way_in_once_she_has_reset_the_password(service: Service) -> None:
    email, phone = "olga@example.com", new_number()
    stranger = (await posted(service.public, "/v1/auth/register", email=email, password=PASSWORD)).json()
    asked = {"phone": phone, "password": PASSWORD}
    await service.public.post("/v1/me/phone", json=asked, headers=bearer(stranger))
    proof = {"code": await digits_for(service, phone)}
    proved = await service.public.post("/v1/me/phone/verify", json=proof, headers=bearer(stranger))
    assert proved.status_code == 204

    await posted(service.public, "/v1/auth/password/forgot", email=email)
    reset = {"token": await token_for(service, email), "password": NEW_PASSWORD}
    assert (await posted(service.public, "/v1/auth/password/reset", **reset)).status_code == 204

    problem_in(await service.public.get("/v1/me", headers=bearer(stranger)), 401, "session_ended")
    elsewhere = (await service.public.get("/v1/me", headers=bearer(await by_code(service, phone)))).json()
    assert (elsewhere["id"] != stranger["account"]["id"], elsewhere["email"]) == (True, None)
    olga = (await posted(service.public, "/v1/auth/login", email=email, password=NEW_PASSWORD)).json()
    hers = (await service.public.get("/v1/me", headers=bearer(olga))).json()
    assert (hers["id"], hers["phone"], hers["email_verified"]) == (stranger["account"]["id"], None, True)


async def test_forgetting_is_answered_alike_for_anybody(service: Service, anna: Person) -> None:
    answers = [
        await posted(service.public, "/v1/auth/password/forgot", email=email)
        for email in (anna.email, "nobody@example.com")
    ]

    def heard(answer: httpx.Response) -> tuple[int, bytes, set[str]]:
        return answer.status_code, answer.content, set(answer.headers)

    assert heard(answers[0]) == heard(answers[1])
    assert await messages_to(service, "nobody@example.com") == []


async def test_who_signed_in_by_phone_sets_the_first_password(service: Service) -> None:
    tokens = await by_code(service, new_number())

    first = await service.public.post("/v1/me/password", json={"new_password": NEW_PASSWORD}, headers=bearer(tokens))

    assert first.status_code == 204
    second = await service.public.post("/v1/me/password", json={"new_password": PASSWORD}, headers=bearer(tokens))
    problem_in(second, 403, "wrong_password")


# Sessions


async def test_she_sees_where_she_is_signed_in_and_signs_out_there(
    service: Service, anna: Person, boris: Person
) -> None:
    elsewhere = (await posted(service.public, "/v1/auth/login", email=anna.email, password=PASSWORD)).json()

    first_page = (await anna.http.get("/v1/me/sessions", params={"limit": 1})).json()
    second_page = (
        await anna.http.get("/v1/me/sessions", params={"limit": 1, "cursor": first_page["next_cursor"]})
    ).json()

    (there,), (here,) = first_page["items"], second_page["items"]
    assert set(there) == {"id", "current", "started_at", "refreshed_at", "expires_at"}
    assert (there["current"], here["current"], second_page["next_cursor"]) == (False, True, None)
    for stranger in (boris.http, service.public):
        assert (await stranger.delete(f"/v1/me/sessions/{there['id']}")).status_code in {401, 404}
    problem_in(await boris.http.delete(f"/v1/me/sessions/{there['id']}"), 404, "not_found")
    assert (await anna.http.delete(f"/v1/me/sessions/{there['id']}")).status_code == 204
    problem_in(await service.public.get("/v1/me", headers=bearer(elsewhere)), 401, "session_ended")
    problem_in(await anna.http.delete(f"/v1/me/sessions/{there['id']}"), 404, "not_found")
    assert [place["id"] for place in (await anna.http.get("/v1/me/sessions")).json()["items"]] == [here["id"]]


async def test_a_disabled_account_stays_signed_out_once_it_is_enabled_again(service: Service, anna: Person) -> None:
    other = {"email": "mallory2@example.com", "password": PASSWORD}
    assert (await posted(anna.http, "/v1/me/email", **other)).status_code == 202
    await service.house.account_admin.disable(anna.account_id, reason="a test", asked=BY_COMMAND)
    await service.house.account_admin.enable(anna.account_id, reason="a test", asked=BY_COMMAND)

    problem_in(await anna.http.get("/v1/me"), 401, "session_ended")
    refreshed = await posted(service.public, "/v1/auth/refresh", refresh_token=anna.refresh_token)
    problem_in(refreshed, 401, "invalid_token")
    followed = await posted(service.public, "/v1/auth/email/verify", token=await token_for(service, other["email"]))
    problem_in(followed, 422, "invalid_token")
    assert (await posted(service.public, "/v1/auth/login", email=anna.email, password=PASSWORD)).status_code == 200


async def test_twenty_refreshes_at_once_leave_at_most_one_descendant_and_the_audit_shows_it(
    service: Service, anna: Person, auditor: Person
) -> None:
    tries = [posted(service.public, "/v1/auth/refresh", refresh_token=anna.refresh_token) for _ in range(20)]
    answers = await asyncio.gather(*tries)

    descendants = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(descendants) <= 1
    for tokens in descendants:
        problem_in(await service.public.get("/v1/me", headers=bearer(tokens)), 401, "session_ended")
    told = (await auditor.http.get(f"/v1/audit/accounts/{anna.account_id}/timeline")).json()["items"]
    assert [item["type"] for item in told].count("account.refresh_token_reused") == 1


async def test_a_film_stops_with_the_sign_in_that_plays_it(
    service: Service, anna: Person, admin: Person, film: bytes
) -> None:
    video = await service.published_video(admin, film, access="free")
    elsewhere = (await posted(service.public, "/v1/auth/login", email=anna.email, password=PASSWORD)).json()
    played = await service.public.post(f"/v1/videos/{video['id']}/playback", json={}, headers=bearer(elsewhere))
    url = played.json()["url"]
    assert (await service.public.get(url)).status_code == 200

    await posted(service.public, "/v1/auth/logout", refresh_token=elsewhere["refresh_token"])

    assert (await service.public.get(url)).status_code == 403
