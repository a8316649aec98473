"""Something that could only be one person's goes in by every door, and is then looked for wherever anything is kept."""

import asyncio
import json
import logging
import re
from typing import Any

import httpx
import psycopg
import pytest

from application.projections.every import PROJECTIONS
from tests.canaries import dump, found_in, in_files, in_tables, spellings
from tests.http.running import Person, Service
from tests.http.test_money import customer_of
from tests.http.test_webhooks import EVENT, signed

pytestmark = pytest.mark.anyio

NAME, STREET, CARD = "Zuzanna Kanarkowska", "ulica Kanarkowa 77", "4929770177017701"
PHONE, OTHER_PHONE = "+48600733911", "+48600733922"
EMAIL, NEW_EMAIL = "zuzanna.kanarkowska@example.com", "z.kanarek@example.org"
PASSWORD, NEW_PASSWORD, WRONG = "kanarek w klatce 7701", "kanarek na wolności 7702", "kanarek w lesie 7703"
DEVICE, AGENT, SEARCHED = "kanarkowy-telefon-7704", "Kanarek/77.05", "kanarkowe filmy 7706"
KEY, REQUEST, HOLDER = "kanarkowy klucz 7707", "zuzanna@kanarek-7708", "Z K KANARKOWSKA 7709"
LABEL = "kanarkowa etykieta 7710"
CANARIES = [
    *(NAME, STREET, CARD, PHONE, OTHER_PHONE, EMAIL, NEW_EMAIL, PASSWORD, NEW_PASSWORD, WRONG),
    *(DEVICE, AGENT, SEARCHED, KEY, REQUEST, HOLDER, LABEL),
]


def in_logs(caplog: pytest.LogCaptureFixture, canaries: list[str]) -> set[str]:
    """What this program logs; that the test's own client says what it asked for is no news."""
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    return {f"{r.name}: {r.getMessage()}" for r in ours if found_in(f"{r.getMessage()} {r.__dict__}", canaries)}


async def digits(service: Service, to: str, shape: str = r"\b\d{6}\b") -> str:
    """The newest code that was written to somebody."""
    items = (await service.public.get("/v1/sandbox/messages", params={"to": to})).json()["items"]
    found = re.search(shape, items[0]["body"])
    assert found, items[0]["body"]
    return found.group()


async def through_every_door(service: Service, admin: Person, http: httpx.AsyncClient) -> tuple[Person, list[str]]:
    """A life with all that is hers; the person, and the codes that were sent to her."""
    public = service.public
    made = await public.post("/v1/auth/register", json={"email": EMAIL, "password": PASSWORD, "name": NAME})
    assert made.status_code == 201, made.text
    tokens = made.json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "User-Agent": AGENT, "X-Request-ID": REQUEST}
    http.headers.update(headers)
    zuzanna = Person(tokens["account"]["id"], EMAIL, tokens["refresh_token"], http)
    token = await digits(service, EMAIL, r"(?<=token=)[\w-]+")
    await public.post("/v1/auth/email/verify", json={"token": token})
    await public.post("/v1/auth/login", json={"email": EMAIL, "password": WRONG})
    await public.post("/v1/auth/password/forgot", json={"email": EMAIL})
    await http.patch("/v1/me", json={"name": NAME})
    for phone in (PHONE, OTHER_PHONE):
        asked = await http.post("/v1/me/phone", json={"phone": phone, "password": PASSWORD})
        assert asked.status_code == 202, asked.text
        proved = await http.post("/v1/me/phone/verify", json={"code": await digits(service, phone)})
        assert proved.status_code == 204, proved.text
    codes = [token, await digits(service, PHONE), await digits(service, OTHER_PHONE)]
    await public.post("/v1/auth/otp", json={"phone": OTHER_PHONE})
    await http.post("/v1/me/email", json={"email": NEW_EMAIL, "password": PASSWORD})
    plan = await service.plan_on_sale(admin)
    await service.subscribe(zuzanna, plan)
    await refused_with_her_words(zuzanna, plan)
    return zuzanna, codes


async def refused_with_her_words(zuzanna: Person, plan: Any) -> None:
    """Where she types something in that is no business of the place; and where somebody guesses her password."""
    http, named = zuzanna.http, {"Idempotency-Key": KEY}
    kept = await http.post("/v1/checkout", json={"plan_id": plan["id"]}, headers=named)
    assert kept.status_code == 409, kept.text
    await http.get("/v1/videos", params={"q": SEARCHED, "cursor": NAME})
    for path in ("/v1/checkout", "/v1/me/subscription/cancel", f"/v1/videos/{EMAIL}/playback"):
        assert (await http.post(path, json={"plan_id": LABEL, "note": NAME})).status_code in (400, 404, 422)
    await http.post("/v1/auth/otp", json={"phone": PHONE + EMAIL})
    await http.post("/v1/auth/login", json={"email": NEW_EMAIL, "password": WRONG})


async def watched(service: Service, admin: Person, zuzanna: Person, film: bytes) -> None:
    video = await service.published_video(admin, film)
    body = {"device_id": DEVICE}
    started = await zuzanna.http.post(f"/v1/videos/{video['id']}/playback", json=body)
    assert started.status_code == 200, started.text


async def told_of_her(service: Service, zuzanna: Person) -> None:
    """A webhook with her name, her address and her card, one of a guest with her address, and one without a shape."""
    event = json.loads(EVENT)
    event["data"]["object"] |= {
        "customer": await customer_of(service, zuzanna),
        "billing_details": {"name": NAME, "email": EMAIL, "phone": PHONE, "address": {"line1": STREET}},
        "payment_method_details": {"card": {"number": CARD, "name": HOLDER}},
        "last_finalization_error": {"message": f"Invalid email address: {EMAIL}"},
        "metadata": {"label": LABEL},
    }
    guest = {"object": "checkout.session", "id": "cs_guest", "customer": None, "customer_details": {"email": EMAIL}}
    guests = event | {"id": "evt_guest", "type": "checkout.session.completed", "data": {"object": guest}}
    unread = {"id": NAME, "card": CARD}
    bodies = [json.dumps(one).encode() for one in (event | {"id": "evt_canary"}, guests, unread)]
    for body in bodies:
        await service.public.post("/v1/webhooks/stripe", content=body, headers=signed(service, body))


async def test_nothing_of_hers_lies_in_clear_and_nothing_at_all_after_the_erasure(
    service: Service,
    admin: Person,
    auditor: Person,
    film: bytes,
    module_database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)  # As the service logs: at DEBUG the SDK of Stripe shows what it sends.
    folder = service.house.settings.data_dir
    async with httpx.AsyncClient(base_url=service.address) as http:
        zuzanna, codes = await through_every_door(service, admin, http)
        await watched(service, admin, zuzanna, film)
        await told_of_her(service, zuzanna)
        canaries = CANARIES + codes
        where = in_tables(await dump(module_database), canaries)
        # A device's id is its own, and no person's: it is deleted with the person all the same.
        assert where == {"ops.play_sessions": {DEVICE}}
        assert NAME in (await admin.http.get(f"/v1/admin/accounts/{zuzanna.account_id}")).text
        assert found_in((await told_by(auditor)), canaries) == set()

        await generations_kept(service)
        asked = await http.post("/v1/me/erasure", json={"password": PASSWORD})
        assert asked.status_code == 202, asked.text
    while await service.house.erasing.erase_due():
        pass

    await asyncio.sleep(0.5)  # What was being written at that moment is written.
    assert in_tables(await dump(module_database), canaries) == {}
    assert in_files(folder, canaries) == {}
    assert in_logs(caplog, canaries) == set()
    assert found_in((await service.public.get("/metrics")).text, canaries) == set()
    for person in (admin, auditor):
        assert found_in(await told_by(person), canaries) == set()
        assert found_in((await person.http.get("/v1/me/export")).text, canaries) == set()
    assert found_in((await admin.http.get(f"/v1/admin/accounts/{zuzanna.account_id}")).text, canaries) == set()
    assert found_in((await service.public.get("/v1/sandbox/messages")).text, canaries) == set()
    assert found_in(await readable(service, module_database), canaries) == set()


async def generations_kept(service: Service) -> None:
    """Of each read model one from before the erasure stays beside the live one, and is looked through too."""
    for name in PROJECTIONS:
        await asyncio.to_thread(service.house.read_models.rebuild, name)


async def told_by(person: Person) -> str:
    """The whole ledger, as this person may export it."""
    answer = await person.http.get("/v1/audit/events", headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200
    return answer.text


async def readable(service: Service, dsn: str) -> str:
    """All bodies of the inbox that can be opened."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        ids = [id for (id,) in await (await connection.execute("SELECT id FROM ops.inbox")).fetchall()]
    bodies = [await service.house.convergence.inbox.body(id) for id in ids]
    assert any(bodies), "somebody else's are there still"
    return b"\n".join(body for body in bodies if body).decode()


def test_what_is_looked_for_would_be_found() -> None:
    for spelling in spellings(NAME):
        assert found_in(f"... {spelling} ...", CANARIES) == {NAME}
