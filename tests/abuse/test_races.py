"""Many requests at once for what there is only once: a refund, the money of a payment, the tries of a code."""

import json
import re
from typing import Any

import pytest

from tests.abuse.running import ROUNDS, Service, bearer, new_number
from tests.abuse.things import at_stripe, customer_of, payment_of, subscribe
from tests.abuse.volley import Shot, volley
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

PRICE = 999
AMOUNTS = (
    "-1",
    "0",
    "1.5",
    '"1"',
    "true",
    "null",
    "[]",
    "NaN",
    "1e400",
    str(2**63),
    str(10**30),
    "-9223372036854775809",
)
CURRENCIES = ("usd", "USD ", "Usd", "US", "USDT", "", "U\\u0000D", "ÜSD")


async def paid(service: Service) -> tuple[str, str]:
    """Somebody has paid: the address at which it is given back, and her customer at Stripe."""
    anna = await service.sign_up()
    await subscribe(service, anna)
    payment = await payment_of(service, anna)
    return f"/v1/admin/payments/{payment['id']}/refund", await customer_of(service, anna)


async def given_back(service: Service, customer: str) -> int:
    """What Stripe has given back."""
    charges = await at_stripe(service, "GET", "charges", customer=customer)
    return sum(charge["amount_refunded"] for charge in charges["data"])


async def refund(service: Service, path: str, **more: str) -> Shot:
    admin = await service.admin()
    return Shot("POST", path, {"reason": "No sound"}, {"authorization": admin.headers["authorization"]} | more)


@pytest.mark.abuse("AB-25")
async def test_under_one_key_it_is_done_once_also_after_the_processes_were_killed(service: Service) -> None:
    path, customer = await paid(service)
    shot = await refund(service, path, **{"idempotency-key": f"key-{new_number()}"})
    part = Shot("POST", path, {"amount": 100, "reason": "No sound"}, shot.headers)

    answers = await volley(service.at, [part] * 50)
    (later,) = await volley(service.at, [part])
    (other,) = await volley(service.at, [shot])

    assert later.status_code == 201, later.text
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.content for answer in answers if answer.status_code == 201} <= {later.content}
    problem_in(other, 422, "idempotency_key_reused")
    assert await given_back(service, customer) == 100
    await service.kill_api()
    (again,) = await volley(service.at, [part])
    assert (again.status_code, again.content) == (201, later.content)
    assert await given_back(service, customer) == 100


@pytest.mark.abuse("AB-27")
async def test_of_twenty_who_give_all_of_it_back_one_does(service: Service) -> None:
    for _ in range(ROUNDS):
        path, customer = await paid(service)
        shots = [await refund(service, path, **{"idempotency-key": f"key-{new_number()}"}) for _ in range(20)]

        answers = await volley(service.at, shots)

        assert sorted(answer.status_code for answer in answers) == [201] + [422] * 19
        assert await given_back(service, customer) == PRICE


@pytest.mark.abuse("AB-27")
async def test_of_two_parts_that_are_more_than_the_whole_one_is_given_back(service: Service) -> None:
    path, customer = await paid(service)
    shot = await refund(service, path)
    part = Shot("POST", path, {"amount": 600, "reason": "No sound"}, shot.headers)

    answers = await volley(service.at, [part] * 2)

    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert await given_back(service, customer) == 600


@pytest.mark.abuse("AB-28c")
async def test_an_amount_is_a_whole_number_of_something_that_is_owed(service: Service) -> None:
    path, customer = await paid(service)
    headers = {"authorization": (await service.admin()).headers["authorization"]}
    dollars = [f'{{"amount": {amount}, "currency": "USD"}}' for amount in AMOUNTS if amount != "0"]
    prices = [*dollars, *(f'{{"amount": 999, "currency": "{currency}"}}' for currency in CURRENCIES)]
    plans = [f'{{"name": "Cooking", "interval": "month", "price": {price}}}' for price in prices]
    refunds = [f'{{"amount": {amount}, "reason": "No sound"}}' for amount in AMOUNTS if amount != "null"]

    shots = [Shot("POST", "/v1/admin/plans", body.encode(), headers) for body in plans]
    shots += [Shot("POST", path, body.encode(), headers) for body in refunds]
    answers = await volley(service.at, shots)

    for shot, answer in zip(shots, answers, strict=True):
        assert answer.status_code in {400, 422}, (shot.body, answer.text)
    assert await given_back(service, customer) == 0


@pytest.mark.abuse("AB-34")
async def test_of_fifty_guesses_at_once_on_any_process_five_are_looked_at(service: Service) -> None:
    for _ in range(ROUNDS):
        phone = f"+48600{100_000 + new_number():06}"
        code = await code_for(service, phone)
        wrong = [guess for guess in (f"{number:06}" for number in range(60)) if guess != code][:50]

        answers = await volley(service.at, [guess_at(phone, guess) for guess in wrong])

        assert {answer.status_code for answer in answers} <= {401, 429}
        (right,) = await volley(service.at, [guess_at(phone, code)])
        problem_in(right, 401, "invalid_code")


@pytest.mark.abuse("AB-34")
async def test_fifty_who_have_the_right_code_at_once_are_one_sign_in(service: Service) -> None:
    for _ in range(ROUNDS):
        phone = f"+48600{100_000 + new_number():06}"
        code = await code_for(service, phone)

        answers = await volley(service.at, [guess_at(phone, code)] * 50)

        tokens = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
        assert len(tokens) == 1
        mine = await service.public.get("/v1/me", headers=bearer(tokens[0]))
        assert mine.json()["phone"] == phone


async def code_for(service: Service, phone: str) -> str:
    """Sent to a number that nobody had before."""
    asked = await (await service.stranger()).post("/v1/auth/otp", json={"phone": phone})
    assert asked.status_code == 202, asked.text
    letters: Any = (await service.public.get("/v1/sandbox/messages", params={"to": phone})).json()
    found = re.search(r"\b\d{6}\b", letters["items"][0]["body"])
    assert found, json.dumps(letters)
    return found.group()


def guess_at(phone: str, code: str) -> Shot:
    return Shot("POST", "/v1/auth/otp/verify", {"phone": phone, "code": code})
