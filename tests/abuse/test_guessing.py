"""Passwords and codes that are guessed by many, and what the answers say of who has an account."""

import re
from typing import Any

import httpx
import pytest

from tests.abuse.running import PASSWORD, Service, client_from, new_number, new_peer
from tests.abuse.volley import Shot, volley
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

TRIES_OF_AN_ACCOUNT, TRIES_OF_A_PEER, CODES_OF_A_NUMBER = 10, 15, 3
"""As the settings say; one more may have grown back meanwhile."""
OWN = {"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset"}
"""Headers that differ between any two answers."""


def spoofed(number: int) -> dict[str, str]:
    """The words by which a proxy says for whom it asks."""
    peer = f"203.0.113.{number}"
    return {"x-forwarded-for": peer, "x-real-ip": peer, "forwarded": f"for={peer}", "client-ip": peer}


def sign_in(email: str, password: str, **headers: str) -> Shot:
    return Shot("POST", "/v1/auth/login", {"email": email, "password": password}, headers)


@pytest.mark.abuse("AB-33")
async def test_fifty_guesses_at_once_are_few_tries_wherever_they_say_they_come_from(service: Service) -> None:
    anna = await service.sign_up()
    assert (await anna.http.post("/v1/auth/login", json={"email": anna.email, "password": PASSWORD})).is_success
    guesses = [sign_in(anna.email, f"guess number {each}", **spoofed(each)) for each in range(50)]

    answers = await volley(service.at, guesses)

    tried = [answer for answer in answers if answer.status_code == 401]
    assert 1 <= len(tried) <= TRIES_OF_AN_ACCOUNT + 1
    assert {answer.status_code for answer in answers} == {401, 429}
    (elsewhere,) = await volley(service.at, [sign_in(anna.email, PASSWORD)])
    problem_in(elsewhere, 429, "rate_limited")
    (at_home,) = await volley(service.at, [sign_in(anna.email, PASSWORD)], peer=anna.peer)
    assert at_home.status_code == 200, at_home.text


@pytest.mark.abuse("AB-33")
@pytest.mark.abuse("AB-37")
async def test_one_password_for_many_accounts_is_few_tries_of_the_address_that_it_comes_from(service: Service) -> None:
    mails = [f"nobody{new_number()}@example.com" for _ in range(50)]

    answers = await volley(service.at, [sign_in(mail, PASSWORD, **spoofed(n)) for n, mail in enumerate(mails)])

    tried = [answer for answer in answers if answer.status_code == 401]
    assert 1 <= len(tried) <= TRIES_OF_A_PEER + 1
    assert {answer.status_code for answer in answers} == {401, 429}


@pytest.mark.abuse("AB-34")
async def test_of_fifty_who_ask_at_once_for_a_code_three_are_sent_one(service: Service) -> None:
    phone = f"+48600{100_000 + new_number():06}"

    answers = await volley(service.at, [Shot("POST", "/v1/auth/otp", {"phone": phone}, spoofed(n)) for n in range(50)])

    assert sorted(answer.status_code for answer in answers) == [202] * CODES_OF_A_NUMBER + [429] * 47
    assert len(await letters_to(service, phone)) == CODES_OF_A_NUMBER


@pytest.mark.abuse("AB-34")
async def test_a_code_is_over_once_there_is_another(service: Service) -> None:
    phone = f"+48600{100_000 + new_number():06}"
    anna = await service.stranger()
    for _ in range(2):
        assert (await anna.post("/v1/auth/otp", json={"phone": phone})).status_code == 202
    second, first = [code_in(letter) for letter in await letters_to(service, phone)]

    if first != second:
        problem_in(await verified(anna, phone, first), 401, "invalid_code")
    assert (await verified(anna, phone, second)).status_code == 200
    problem_in(await verified(anna, phone, second), 401, "invalid_code")


async def verified(client: httpx.AsyncClient, phone: str, code: str) -> httpx.Response:
    return await client.post("/v1/auth/otp/verify", json={"phone": phone, "code": code})


async def letters_to(service: Service, recipient: str) -> list[Any]:
    """Newest first."""
    answer = await service.public.get("/v1/sandbox/messages", params={"to": recipient})
    items: list[Any] = answer.json()["items"]
    return items


def code_in(letter: Any) -> str:
    found = re.search(r"\b\d{6}\b", letter["body"])
    assert found, letter
    return found.group()


@pytest.mark.abuse("AB-35")
async def test_no_answer_says_who_has_an_account(service: Service) -> None:
    """How long they take is compared by tests/faults/sign_ins.py, on one process: 300 of each in `make soak`."""
    known = (await service.sign_up()).email
    unknown = f"nobody{new_number()}@example.com"

    for path, more in (("login", {"password": "a wrong password"}), ("password/forgot", {})):
        said = []
        for email in (known, unknown):
            bodies = [Shot("POST", f"/v1/auth/{path}", {"email": email} | more)] * service.at.api_processes
            said += [told_by(answer) for answer in await volley(service.at, bodies)]
        assert all(each == said[0] for each in said), said


def told_by(answer: httpx.Response) -> tuple[int, dict[str, str], dict[str, Any]]:
    """All that an answer says, but for what differs between any two."""
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    return answer.status_code, headers, answer.json()


@pytest.mark.abuse("AB-36")
async def test_a_huge_password_costs_nothing(service: Service) -> None:
    """Others are answered during a flood of sign-ins: tests/faults/sign_ins.py, since each process has a queue."""
    for length, statuses in ((900_000, {400, 401, 422}), (1 << 20, {413})):
        shots = [sign_in(f"nobody{new_number()}@example.com", "x" * length) for _ in range(4)]
        answers = await volley(service.at, shots)
        assert {answer.status_code for answer in answers} <= statuses
        assert (await service.public.get("/health/live")).elapsed.total_seconds() < 1


@pytest.mark.abuse("AB-37")
async def test_what_is_said_of_another_host_is_in_no_letter(service: Service) -> None:
    email = f"person{new_number()}@example.com"
    lies = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher", "forwarded": "host=evil.example"}

    for host in ({"host": "evil.example"}, {}):
        body = {"email": email if host else f"also{email}", "password": PASSWORD}
        (made,) = await volley(service.at, [Shot("POST", "/v1/auth/register", body, lies | host)])
        assert made.status_code == 201, made.text
        assert "evil.example" not in made.text
        letters = await letters_to(service, body["email"])
        assert letters
        assert all("evil.example" not in letter["body"] and "gopher" not in letter["body"] for letter in letters)
    async with client_from(new_peer(), service.at.address, **lies) as liar:
        back = await liar.get("/checkout/success", follow_redirects=False)
        assert "evil.example" not in back.text + str(back.headers)
