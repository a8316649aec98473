"""A second trial: under another spelling of the address, with another account, and after an erasure."""

import pytest

from tests.abuse.running import PASSWORD, Person, Service, new_number, until
from tests.abuse.things import access_of, plan_on_sale, subscribe
from tests.abuse.volley import Shot, volley

pytestmark = pytest.mark.anyio


async def access_by_subscribing(service: Service, person: Person) -> str:
    """To a plan with a trial of seven days."""
    await subscribe(
        service, person, await service.once("plan with a trial", lambda: plan_on_sale(service, trial_days=7))
    )
    return (await access_of(person))[1]


async def erased(service: Service, person: Person) -> None:
    asked = await person.http.post("/v1/me/erasure", json={"password": PASSWORD})
    assert asked.status_code == 202, asked.text

    async def is_done() -> bool:
        return "account.personal_data_erased" in await service.told(person.id)

    await until(is_done)


@pytest.mark.abuse("AB-28b")
async def test_nobody_has_a_second_trial_by_another_account_or_by_erasing_the_first(service: Service) -> None:
    name = f"anna.lena{new_number()}"
    anna = await service.sign_up(f"{name}@gmail.com")
    assert await access_by_subscribing(service, anna) == "trial"
    for other in (f"{name}+2@gmail.com", f"{name.replace('.', '').upper()}@googlemail.com"):
        assert await access_by_subscribing(service, await service.sign_up(other)) == "subscription"

    await erased(service, anna)

    for again in (f"{name}@gmail.com", f"{name}+3@gmail.com"):
        assert await access_by_subscribing(service, await service.sign_up(again)) == "subscription"


@pytest.mark.abuse("AB-28b")
async def test_who_erases_an_account_without_a_trial_may_have_it_later(service: Service) -> None:
    plan = await service.once("plan with a trial", lambda: plan_on_sale(service, trial_days=7))
    email = f"person{new_number()}@example.com"
    first = await service.sign_up(email)
    assert (await first.http.post("/v1/checkout", json={"plan_id": plan["id"]})).status_code == 201
    await erased(service, first)

    assert await access_by_subscribing(service, await service.sign_up(email)) == "trial"


@pytest.mark.abuse("AB-28b")
async def test_of_several_accounts_of_one_mailbox_that_ask_at_once_one_has_a_trial(service: Service) -> None:
    plan = await service.once("plan with a trial", lambda: plan_on_sale(service, trial_days=7))
    number = new_number()
    people = [await service.sign_up(f"person{number}+{each}@example.com") for each in range(4)]
    ask = [
        Shot("POST", "/v1/checkout", {"plan_id": plan["id"]}, {"authorization": each.http.headers["authorization"]})
        for each in people
    ]

    answers = await volley(service.at, ask)

    assert {answer.status_code for answer in answers} == {201}
    reasons = [await access_by_subscribing(service, person) for person in people]
    assert sorted(reasons) == ["subscription"] * 3 + ["trial"]
