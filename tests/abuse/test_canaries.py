"""What could only be one person's, put in by every door: it is in no log and no figure, and once erased nowhere."""

import json

import pytest

from tests.abuse.running import Person, Service, new_number, until
from tests.abuse.things import customer_of, deliver, event, play, shared_trailer, subscribe
from tests.abuse.volley import Shot, volley
from tests.canaries import dump, found_in, in_files, in_tables

pytestmark = pytest.mark.anyio

CARD, SECRET_CODE = "4929770177017701", "kanarek-731902"


def hers(number: int) -> dict[str, str]:
    """Another person's on each installation."""
    return {
        "name": f"Zuzanna Kanarkowska {number}",
        "street": f"ulica Kanarkowa {number}",
        "email": f"zuzanna.kanarkowska.{number}@example.com",
        "password": f"kanarek w klatce {number}",
        "wrong": f"kanarek w lesie {number}",
        "phone": f"+48601{100_000 + number:06}",
    }


async def through_every_door(service: Service, she: dict[str, str]) -> Person:
    zuzanna = await service.sign_up(she["email"], password=she["password"])
    http = zuzanna.http
    await http.patch("/v1/me", json={"name": she["name"]})
    await http.patch("/v1/me", json={"name": she["name"], "street": she["street"]})
    await http.post("/v1/auth/login", json={"email": she["email"], "password": she["wrong"]})
    await http.post("/v1/auth/otp", json={"phone": she["phone"]})
    await http.post("/v1/auth/otp/verify", json={"phone": she["phone"], "code": SECRET_CODE})
    await http.post("/v1/me/phone", json={"phone": she["phone"], "password": she["password"]})
    await http.post("/v1/auth/password/forgot", json={"email": she["email"]})
    await http.post("/v1/auth/refresh", json={"refresh_token": she["wrong"]})
    await http.get("/v1/videos", params={"cursor": she["email"]}, headers={"User-Agent": she["name"]})
    await http.get(f"/v1/nowhere/{she['email']}", params={"card": CARD, "password": she["password"]})
    await subscribe(service, zuzanna)
    await play(http, await shared_trailer(service))
    return zuzanna


async def told_by_stripe(service: Service, zuzanna: Person, she: dict[str, str]) -> None:
    """With her name, her address and her card, signed and not."""
    details = {"name": she["name"], "email": she["email"], "address": {"line1": she["street"]}}
    charge = {"id": f"ch_{new_number()}", "object": "charge", "customer": await customer_of(service, zuzanna)}
    body = event("charge.updated", charge | {"billing_details": details, "card": {"number": CARD}})
    assert (await deliver(service, body)).status_code == 200
    await deliver(service, body, secret="whsec_of_another_0123456789abcdef")
    await deliver(service, json.dumps({"id": she["name"], "card": CARD}).encode())


async def figures(service: Service) -> str:
    shots = [Shot("GET", "/metrics")] * service.at.api_processes
    return "".join(answer.text for answer in await volley(service.at, shots))


@pytest.mark.abuse("AB-42")
async def test_what_is_hers_is_in_no_table_no_file_and_no_figure_and_gone_once_it_is_erased(service: Service) -> None:
    she = hers(new_number())
    canaries = [*she.values(), CARD, SECRET_CODE]
    zuzanna = await through_every_door(service, she)
    await told_by_stripe(service, zuzanna, she)
    await service.settled()
    tokens = [zuzanna.access_token, zuzanna.refresh_token]

    assert in_tables(await dump(service.at.dsn), canaries + tokens) == {}
    assert in_files(service.at.folder, canaries + tokens) == {}
    assert found_in(await figures(service), canaries + tokens) == set()
    assert she["name"] in (await zuzanna.http.get("/v1/me")).text
    assert she["email"] in (await (await service.admin()).get(f"/v1/admin/accounts/{zuzanna.id}")).text

    asked = await zuzanna.http.post("/v1/me/erasure", json={"password": she["password"]})
    assert asked.status_code == 202, asked.text
    await until(lambda: is_erased(service, zuzanna))
    assert in_tables(await dump(service.at.dsn), canaries) == {}
    assert in_files(service.at.folder, canaries) == {}


async def is_erased(service: Service, person: Person) -> bool:
    return "account.personal_data_erased" in await service.told(person.id)
