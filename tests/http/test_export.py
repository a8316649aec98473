"""The export: everything that is held about oneself, in the clear, and nothing of anybody else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from typing import Any

import httpx
import psycopg
import pytest

from application.exporting import Exporting, Section
from domain.account.account import Account
from entrypoints.http.app import create_app
from entrypoints.http.before import LOOK_AGAIN_SECONDS
from entrypoints.http.export import BLOCK_BYTES
from tests.http import columns
from tests.http.running import PASSWORD, Person, Service
from tests.http.serving import served

pytestmark = pytest.mark.anyio

PHONE = "+48600733931"


async def lived(service: Service, admin: Person, anna: Person, film: bytes) -> None:
    """Something of all that is kept of anybody."""
    await service.public.post("/v1/auth/otp", json={"phone": PHONE})  # Nobody has the number yet.
    await anna.http.post("/v1/me/phone", json={"phone": PHONE, "password": PASSWORD})
    proved = await anna.http.post("/v1/me/phone/verify", json={"code": await code(service)})
    assert proved.status_code == 204, proved.text
    asked = await anna.http.post("/v1/me/email", json={"email": f"new.{anna.email}", "password": PASSWORD})
    assert asked.status_code == 202, asked.text
    plan = await service.plan_on_sale(admin)
    once = {"Idempotency-Key": "once"}
    opened = await anna.http.post("/v1/checkout", json={"plan_id": plan["id"]}, headers=once)
    assert opened.status_code == 201, opened.text
    await service.subscribe(anna, plan)
    video = await service.published_video(admin, film)
    played = await anna.http.post(f"/v1/videos/{video['id']}/playback", json={"device_id": "a telephone"})
    assert played.status_code == 200, played.text


async def code(service: Service) -> str:
    shown = (await service.public.get("/v1/sandbox/messages", params={"to": PHONE})).json()
    found = re.search(r"\d{6}", shown["items"][0]["body"])
    assert found
    return found.group()


async def with_an_intent(dsn: str, stream: str) -> None:
    """As a worker that was killed would leave it."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        insert = "INSERT INTO ops.intents (key, stream, due_at) VALUES (%s, %s, 'infinity')"
        await connection.execute(insert, (f"left of {stream}", stream))


async def exported(person: Person) -> Any:
    answer = await person.http.get("/v1/me/export")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return answer.json()


async def test_every_column_is_answered_for_and_what_is_to_be_there_is(
    service: Service, admin: Person, anna: Person, film: bytes, module_database: str
) -> None:
    await lived(service, admin, anna, film)
    await with_an_intent(module_database, (await exported(anna))["subscriptions"][0]["subscription_id"])
    told = await exported(anna)
    named = [(row.table, column) for row in columns.rows() for column in row.columns]

    assert set(named) ^ await columns.of_schema(module_database) == set()
    assert len(named) == len(set(named))
    for row in columns.rows():
        said = columns.SAID.fullmatch(row.said)
        assert said, row
        if section := said[1]:
            assert set(row.columns.values()) <= fields_in(told[section]), section
    says_what_is_true(told, anna)


def fields_in(section: Any) -> set[str]:
    rows: list[dict[str, Any]] = section if isinstance(section, list) else [section]
    return {field for row in rows for field in row}


def says_what_is_true(told: Any, anna: Person) -> None:
    assert told["account"]["email"] == anna.email
    assert told["access"]["account_id"] == str(anna.account_id)
    assert told["facts"][0]["type"] == "account.registered"
    assert (told["facts"][0]["email"], told["facts"][0]["name"]) == (anna.email, "Anna")
    assert [payment["amount"] for payment in told["payments"]] == [999]
    assert [one["status"] for one in told["subscriptions"]] == ["active"]
    assert len(told["sessions"]) == len(told["refreshes"]) == len(told["passwords"]) == 1
    assert {claim["kind"] for claim in told["claims"]} == {"email", "phone", "stripe_customer"}
    assert {letter["kind"] for letter in told["letters"]} >= {code["kind"] for code in told["codes"]} >= {"sign_in"}
    assert f"new.{anna.email}" in {code["stands_for"] for code in told["codes"]}
    assert {letter["to"] for letter in told["letters"]} == {anna.email, f"new.{anna.email}", PHONE}
    assert {letter["account_id"] for letter in told["letters"]} == {str(anna.account_id), None}
    assert [json.loads(answer["body"])["url"][:4] for answer in told["answers"]] == ["http"]
    assert [play["device_id"] for play in told["plays"]] == ["a telephone"]
    assert {one["customer_id"] for one in told["objects"]} == {one["customer_id"] for one in told["customers"]}
    assert any('"object"' in webhook["body"] for webhook in told["webhooks"])
    assert told["acts"] == []


async def test_staff_are_told_what_they_did_and_not_to_whom(service: Service, admin: Person, anna: Person) -> None:
    body = {"until": "2030-01-01T00:00:00Z", "reason": "a mistake of ours"}
    once = {"Idempotency-Key": "once"}
    given = await admin.http.post(f"/v1/admin/accounts/{anna.account_id}/grants", json=body, headers=once)
    assert given.status_code == 201, given.text

    told = await exported(admin)

    assert "account.access_granted" in {act["type"] for act in told["acts"]}
    assert {act["actor"]["id"] for act in told["acts"]} == {str(admin.account_id)}
    assert [answer["status"] for answer in told["answers"]] == [201]
    assert str(anna.account_id) not in json.dumps(told)
    assert "a mistake of ours" not in json.dumps(told)


async def test_it_goes_on_page_by_page_to_the_last(service: Service, anna: Person, boris: Person) -> None:
    for number in range(120):
        renamed = await anna.http.patch("/v1/me", json={"name": f"Anna {number}"})
        assert renamed.status_code == 200, renamed.text

    told = await exported(anna)

    assert [fact["after"] for fact in told["facts"] if fact["type"] == "account.renamed"] == [
        f"Anna {number}" for number in range(120)
    ]
    assert boris.email not in str(told)


class DrawnOut(Exporting):
    """One that is read slowly: its second half is not asked for until a while later."""

    def sections(self, account: Account) -> list[Section]:
        return [("facts", self._rows())]

    async def _rows(self) -> AsyncIterator[object]:
        yield "a" * BLOCK_BYTES
        await asyncio.sleep(LOOK_AGAIN_SECONDS + 0.2)
        yield "b" * BLOCK_BYTES


async def test_who_signs_out_meanwhile_gets_no_more_of_it(service: Service, anna: Person) -> None:
    given = service.house.exporting
    drawn_out = DrawnOut(**{field.name: getattr(given, field.name) for field in fields(given)})
    house = replace(service.house, privacy=replace(service.house.privacy, exporting=drawn_out))
    async with served(create_app(house)) as port, exporting(anna, port) as answer:
        assert answer.status_code == 200
        came = answer.aiter_text()
        assert "aaa" in await anext(came)
        await service.public.post("/v1/auth/logout", json={"refresh_token": anna.refresh_token})
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            assert "bbb" not in "".join([text async for text in came])


def exporting(person: Person, port: int) -> AbstractAsyncContextManager[httpx.Response]:
    return person.http.stream("GET", f"http://127.0.0.1:{port}/v1/me/export")
