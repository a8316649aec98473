"""Erasure over HTTP: who may ask, what is left, and that a killed worker leaves nothing half done."""

import asyncio
import json
import re
import signal
import sys
from dataclasses import replace
from typing import Any, cast

import psycopg
import pytest

from application.ports.erasures import Traces
from application.projections.every import PROJECTIONS
from application.recall import Asked
from domain.shared.fact import Actor, Cause
from tests.http.erasing_process import STEPS
from tests.http.problem import problem_in
from tests.http.running import PASSWORD, Person, Service
from tests.http.test_dunning import working
from tests.http.test_money import customer_of, facts_about
from tests.http.test_webhooks import EVENT, signed

pytestmark = pytest.mark.anyio

PHONE = "+48600733911"


async def erased(service: Service, person: Person) -> None:
    asked = await person.http.post("/v1/me/erasure", json={"password": PASSWORD})
    assert asked.status_code == 202, asked.text
    while await service.house.erasing.erase_due():
        pass


async def test_it_takes_the_password_and_nothing_beside_it(service: Service, anna: Person) -> None:
    problem_in(await anna.http.post("/v1/me/erasure", json={"password": "not hers at all"}), 403, "wrong_password")
    problem_in(await anna.http.post("/v1/me/erasure", json={"code": "000000"}), 422, "invalid_code")
    for body in ({}, {"password": PASSWORD, "code": "000000"}):
        problem_in(await anna.http.post("/v1/me/erasure", json=body), 422, "one_proof_needed")

    assert (await anna.http.get("/v1/me")).status_code == 200
    assert not [fact for fact in await facts_about(service, anna) if "eras" in fact.tag()]


async def test_every_sign_in_is_over_at_once_and_the_address_is_free_again(service: Service, anna: Person) -> None:
    asked = await anna.http.post("/v1/me/erasure", json={"password": PASSWORD})

    assert (asked.status_code, asked.json()["status"]) == (202, "requested")
    assert (await anna.http.get("/v1/me")).status_code == 401
    refreshed = await service.public.post("/v1/auth/refresh", json={"refresh_token": anna.refresh_token})
    assert refreshed.status_code == 401
    while await service.house.erasing.erase_due():
        pass
    signed_in = await service.public.post("/v1/auth/login", json={"email": anna.email, "password": PASSWORD})
    problem_in(signed_in, 401, "invalid_credentials")
    body = {"email": anna.email, "password": PASSWORD}
    assert (await service.public.post("/v1/auth/register", json=body)).status_code == 201


async def test_what_is_sent_to_somebody_who_has_her_former_address_stays(service: Service, anna: Person) -> None:
    moved = await anna.http.post("/v1/me/email", json={"email": f"new.{anna.email}", "password": PASSWORD})
    assert moved.status_code == 202, moved.text
    await follow_link(service, f"new.{anna.email}")
    body = {"email": anna.email, "password": PASSWORD}
    assert (await service.public.post("/v1/auth/register", json=body)).status_code == 201

    await erased(service, anna)

    await follow_link(service, anna.email)
    shown = await service.public.get("/v1/sandbox/messages", params={"to": f"new.{anna.email}"})
    assert shown.json() == {"items": []}


async def follow_link(service: Service, to: str) -> None:
    """The newest that was sent there."""
    shown = await service.public.get("/v1/sandbox/messages", params={"to": to})
    found = re.search(r"(?<=token=)[\w-]+", shown.json()["items"][0]["body"])
    assert found
    followed = await service.public.post("/v1/auth/email/verify", json={"token": found.group()})
    assert followed.status_code == 204, followed.text


async def test_who_has_no_password_is_sent_a_code(service: Service) -> None:
    await service.public.post("/v1/auth/otp", json={"phone": PHONE})
    tokens = await service.public.post("/v1/auth/otp/verify", json={"phone": PHONE, "code": await code(service)})
    headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}

    sent = await service.public.post("/v1/me/erasure/code", headers=headers)
    assert (sent.status_code, sent.json()) == (202, {"expires_in": 600})
    body = {"code": await code(service)}
    asked = await service.public.post("/v1/me/erasure", json=body, headers=headers)

    assert asked.status_code == 202, asked.text
    while await service.house.erasing.erase_due():
        pass
    # What was sent to the number before there was an account is gone too.
    shown = await service.public.get("/v1/sandbox/messages", params={"to": PHONE})
    assert shown.json() == {"items": []}


async def code(service: Service) -> str:
    shown = await service.public.get("/v1/sandbox/messages", params={"to": PHONE})
    found = re.search(r"\d{6}", shown.json()["items"][0]["body"])
    assert found
    return found.group()


async def test_the_last_admin_stays(service: Service, admin: Person) -> None:
    problem_in(await admin.http.post("/v1/me/erasure", json={"password": PASSWORD}), 409, "last_admin")


async def test_the_account_stays_without_a_name_and_nobody_enables_it(
    service: Service, admin: Person, anna: Person
) -> None:
    await erased(service, anna)

    shown = (await admin.http.get(f"/v1/admin/accounts/{anna.account_id}")).json()
    assert (shown["email"], shown["name"], shown["phone"]) == (None, None, None)
    path = f"/v1/admin/accounts/{anna.account_id}"
    problem_in(await admin.http.post(f"{path}/enable", json={"reason": "a mistake"}), 409, "account_erased")
    problem_in(await admin.http.put(f"{path}/role", json={"role": "admin"}), 409, "account_erased")
    grant = {"until": "2030-01-01T00:00:00Z", "reason": "a mistake"}
    problem_in(await admin.http.post(f"{path}/grants", json=grant), 409, "account_erased")
    problem_in(await admin.http.post(f"{path}/blocks", json=grant), 409, "account_erased")
    assert [fact.tag() for fact in await facts_about(service, anna)][-2:] == [
        "account.erasure_requested",
        "account.personal_data_erased",
    ]


async def test_her_subscription_ends_and_her_payment_stays(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))

    await erased(service, anna)

    tags = [fact.tag() for fact in await facts_about(service, anna)]
    assert {"subscription.cancellation_requested", "subscription.ended", "payment.succeeded"} <= set(tags)
    assert tags[-1] == "account.personal_data_erased"
    payments = (await admin.http.get("/v1/admin/payments", params={"account_id": str(anna.account_id)})).json()
    assert [payment["status"] for payment in payments["items"]] == ["paid"]


async def test_an_hour_later_she_is_deleted_at_stripe_quietly_and_her_money_can_go_back(
    service: Service, admin: Person, anna: Person, module_database: str
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    about = await customer_of(service, anna)
    await erased(service, anna)

    async with working(service), asyncio.timeout(20):
        while "account.customer_deletion_requested" not in await tags_of(service, anna):
            await asyncio.sleep(0.02)
    await service.house.janitor.settle_due()
    assert "account.customer_gone" not in await tags_of(service, anna)
    await service.house.janitor.intentions.retry(f"delete-stripe-{about}")
    await service.house.janitor.settle_due()

    assert "account.customer_gone" in await tags_of(service, anna)
    async with asyncio.timeout(20):
        while await told(module_database, about, "customer.deleted") != ["done"]:
            await service.house.convergence.settle_waiting()
            await asyncio.sleep(0.02)
    assert [fact.tag() for fact in await facts_about(service, anna)].count("account.customer_gone") == 1
    payments = (await admin.http.get("/v1/admin/payments", params={"account_id": str(anna.account_id)})).json()
    path = f"/v1/admin/payments/{payments['items'][0]['id']}/refund"
    given = await admin.http.post(path, json={"reason": "No sound"})
    assert given.status_code == 201, given.text
    assert "payment.refund_accepted" in await tags_of(service, anna)


async def told(dsn: str, customer_id: str, type: str) -> list[str]:
    """What has become of the deliveries of a type."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        query = "SELECT status FROM ops.inbox WHERE customer_id = %s AND type = %s"
        return [status for (status,) in await (await connection.execute(query, (customer_id, type))).fetchall()]


async def test_an_open_page_is_shut_and_what_was_just_paid_on_another_goes_back(
    service: Service, admin: Person, anna: Person
) -> None:
    plan, boris = await service.plan_on_sale(admin), await service.sign_up()
    hers, his = [
        (await person.http.post("/v1/checkout", json={"plan_id": plan["id"]})).json()["url"] for person in (anna, boris)
    ]
    for person in (anna, boris):
        await erased(service, person)
    assert (await service.public.post(his, data={"outcome": "pay"})).status_code == 303

    async with working(service), asyncio.timeout(20):
        while "checkout.expired" not in await tags_of(service, anna):
            await asyncio.sleep(0.05)
        while "payment.refunded" not in await tags_of(service, boris):
            await service.house.janitor.settle_due()
            await asyncio.sleep(0.05)

    assert (await service.public.post(hers, data={"outcome": "pay"})).status_code != 303
    assert {"payment.succeeded", "subscription.started", "subscription.ended"} <= await tags_of(service, boris)
    # What Stripe told of him afterwards has no body, also where it had to be asked whom it is about.
    about = await customer_of(service, boris)
    assert set(await bodies(service.house.settings.database_url, about)) == {None}
    # Nor does anybody remember for long which payment was his.
    told_since = await objects_of(service, about)
    await service.house.retention.forget()
    assert told_since > await objects_of(service, about) == 0


async def objects_of(service: Service, customer_id: str) -> int:
    """How many of the provider's objects are known to be the customer's."""
    async with await psycopg.AsyncConnection.connect(service.house.settings.database_url) as connection:
        query = "SELECT count(*) FROM ops.customer_objects WHERE customer_id = %s"
        row = await (await connection.execute(query, (customer_id,))).fetchone()
    assert row is not None
    return int(row[0])


async def tags_of(service: Service, person: Person) -> set[str]:
    return {fact.tag() for fact in await facts_about(service, person)}


async def test_deliveries_lose_their_bodies_and_those_to_come_never_have_one(
    service: Service, admin: Person, anna: Person, module_database: str
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))

    await erased(service, anna)
    about = await customer_of(service, anna)
    assert set(await bodies(module_database, about)) == {None}
    event = json.loads(EVENT)
    event["data"]["object"]["customer"] = about
    late = json.dumps(event | {"id": "evt_after_her"}).encode()
    answer = await service.public.post("/v1/webhooks/stripe", content=late, headers=signed(service, late))

    assert answer.status_code == 200, answer.text
    assert (await bodies(module_database, about, "evt_after_her")) == [None]


async def test_no_erasure_lets_anybody_guess_or_register_anew(service: Service) -> None:
    given = {"email": "taken.by.a.stranger@example.com", "password": PASSWORD}
    left: list[int] = []
    for _ in range(2):
        registered = await service.public.post("/v1/auth/register", json=given)
        left.append(int(registered.headers["RateLimit-Remaining"]))
        tokens = (await service.public.post("/v1/auth/login", json=given)).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        asked = await service.public.post("/v1/me/erasure", json={"password": PASSWORD}, headers=bearer)
        assert asked.status_code == 202, asked.text
        while await service.house.erasing.erase_due():
            pass

    assert left[1] < left[0]


async def told_of(service: Service, customer: str | None, email: str, event_id: str, *, settled: bool = True) -> None:
    """By a webhook about a payment, whose customer is nobody that we know."""
    paid = {
        "object": "checkout.session",
        "id": f"cs_{event_id}",
        "customer": customer,
        "customer_details": {"email": email},
    }
    event = json.loads(EVENT) | {"id": event_id, "type": "checkout.session.completed"}
    told = json.dumps(event | {"data": {"object": paid}}).encode()
    kept = await service.public.post("/v1/webhooks/stripe", content=told, headers=signed(service, told))
    assert kept.status_code == 200, kept.text
    if settled:
        await service.house.convergence.settle_waiting()


async def test_a_webhook_about_a_customer_that_turns_out_to_be_of_the_erased_loses_its_body(
    service: Service, anna: Person, module_database: str
) -> None:
    await told_of(service, "cus_found_late", "somebody@example.com", "evt_found_late")
    await erased(service, anna)
    [before] = await bodies(module_database, "cus_found_late")

    asked = Asked(Actor("admin", "1"), Cause("request", "1"))
    await service.house.customer_binding.bind(anna.account_id, "cus_found_late", asked)

    assert before is not None
    assert await bodies(module_database, "cus_found_late") == [None]


@pytest.mark.parametrize("customer", [None, "cus_unknown"])
@pytest.mark.parametrize("proved", [False, True], ids=["registered with", "proved"])
async def test_a_guests_webhook_is_emptied_for_who_has_proved_its_address(
    *, proved: bool, customer: str | None, service: Service, anna: Person, module_database: str
) -> None:
    event_id = f"evt_guest_{customer}_{proved}"
    await told_of(service, customer, anna.email, event_id)
    if proved:
        await follow_link(service, anna.email)

    await erased(service, anna)

    async with await psycopg.AsyncConnection.connect(module_database) as connection:
        cursor = await connection.execute("SELECT body IS NULL FROM ops.inbox WHERE event_id = %s", (event_id,))
        assert await cursor.fetchone() == (proved,)


@pytest.mark.parametrize("status", ["received", "failed"])
async def test_what_is_still_to_be_settled_keeps_its_body_until_then_and_no_longer(
    status: str, service: Service, anna: Person, module_database: str
) -> None:
    """Stripe is away in the hour of the erasure; then it is there again, and says that it is of nobody we know."""
    about = f"cus_{status}"
    await follow_link(service, anna.email)
    await told_of(service, about, anna.email, f"evt_{status}", settled=False)
    async with await psycopg.AsyncConnection.connect(module_database) as connection:
        await connection.execute("UPDATE ops.inbox SET status = %s WHERE customer_id = %s", (status, about))

    await erased(service, anna)
    await service.house.retention.forget()
    [during] = await bodies(module_database, about)
    await service.house.convergence.settle_waiting()
    await service.house.retention.forget()

    assert (during is not None) == (status == "received")
    assert await bodies(module_database, about) == [None]


class KilledError(Exception):
    """In place of the end of the process."""


class DiesWithoutClaims:
    """Nothing is found by the claims any more."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    async def forget_sign_ins(self, traces: Traces) -> None:
        await self._rows.forget_sign_ins(traces)
        raise KilledError


@pytest.mark.parametrize("proved", [False, True], ids=["registered with", "proved"])
async def test_on_a_ledger_restored_from_before_it_what_months_keys_open_is_found_by_her_claims(
    *, proved: bool, service: Service, anna: Person, module_database: str
) -> None:
    """Its rows are as they were, and the vault is as it is today: nothing of hers can be read any more."""
    event_id = f"evt_restored_{proved}"
    await told_of(service, None, anna.email, event_id)
    if proved:
        await follow_link(service, anna.email)
    async with await psycopg.AsyncConnection.connect(module_database) as connection:
        query = "UPDATE ops.letters SET account_id = NULL WHERE account_id = %s RETURNING recipient"
        [[recipient], *_] = await (await connection.execute(query, (anna.account_id,))).fetchall()
    erasing = service.house.erasing
    await erasing.vault.shred(anna.account_id)

    await anna.http.post("/v1/me/erasure", json={"password": PASSWORD})
    erasure = await erasing.erasures.of(anna.account_id)
    assert erasure is not None
    with pytest.raises(KilledError):
        await replace(erasing, rows=cast("Any", DiesWithoutClaims(erasing.rows))).erase(erasure)
    while await erasing.erase_due():
        pass

    async with await psycopg.AsyncConnection.connect(module_database) as connection:
        query = "SELECT body IS NULL, (SELECT count(*) FROM ops.letters WHERE recipient = %s) FROM ops.inbox"
        cursor = await connection.execute(f"{query} WHERE event_id = %s".encode(), (recipient, event_id))
        assert await cursor.fetchone() == (proved, 0)


async def bodies(dsn: str, customer_id: str, event_id: str | None = None) -> list[Any]:
    """Of the deliveries about a customer."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute(
            "SELECT body FROM ops.inbox WHERE customer_id = %s AND event_id = coalesce(%s, event_id)",
            (customer_id, event_id),
        )
        return [body for (body,) in await cursor.fetchall()]


async def test_a_killed_worker_is_followed_by_one_that_ends_it(
    service: Service, admin: Person, anna: Person, module_database: str
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    asked = await anna.http.post("/v1/me/erasure", json={"password": PASSWORD})

    for step in STEPS:
        assert await killed_after(step, service, module_database) == -signal.SIGKILL, step
        assert await due_again(module_database, asked.json()["id"]) == "requested"
    while await service.house.erasing.erase_due():
        pass

    assert await due_again(module_database, asked.json()["id"]) == "erased"
    tags = [fact.tag() for fact in await facts_about(service, anna)]
    assert tags.count("subscription.cancellation_requested") == tags.count("account.personal_data_erased") == 1
    assert await held_of(module_database, anna) == {}


async def test_two_workers_who_erase_her_at_once_do_it_once(
    service: Service, admin: Person, anna: Person, boris: Person, module_database: str
) -> None:
    """The first is so slow that its lease is over; and each has a person of its own too."""
    await service.subscribe(anna, await service.plan_on_sale(admin))
    for person in (anna, boris):
        asked = await person.http.post("/v1/me/erasure", json={"password": PASSWORD})
        assert asked.status_code == 202, asked.text
    erasing = service.house.erasing
    hers = await erasing.erasures.of(anna.account_id)
    assert hers is not None

    await asyncio.gather(erasing.erase(hers), erasing.erase(hers), erasing.erase_due(), erasing.erase_due())

    for person in (anna, boris):
        tags = [fact.tag() for fact in await facts_about(service, person)]
        assert (person, tags.count("account.personal_data_erased")) == (person, 1)
        assert await held_of(module_database, person) == {}
    tags = [fact.tag() for fact in await facts_about(service, anna)]
    assert tags.count("subscription.cancellation_requested") == tags.count("subscription.ended") == 1
    assert await erasing.erasures.waiting() == 0


async def killed_after(step: str, service: Service, dsn: str) -> int:
    settings = service.house.settings
    arguments = (dsn, str(settings.data_dir), str(settings.sandbox_port), step)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.http.erasing_process", *arguments)
    async with asyncio.timeout(60):
        return await process.wait()


async def due_again(dsn: str, erasure_id: str) -> str:
    """Its status; the next worker need not wait for the lease of the killed one."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        values = (erasure_id,)
        cursor = await connection.execute(
            "UPDATE ops.erasures SET due_at = now() WHERE id = %s RETURNING status", values
        )
        row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


HELD = {
    "sessions": "account_id = %s",
    "credentials": "account_id = %s",
    "claims": "owner = %s AND kind <> 'stripe_customer'",
    "codes": "account_id = %s",
    "letters": "account_id = %s",
    "play_sessions": "account_id = %s",
    "idempotency": "account_id = %s",
}


async def held_of(dsn: str, person: Person) -> dict[str, int]:
    """How many rows of each table are about this person still."""
    found = {}
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        for table, condition in HELD.items():
            statement = f"SELECT count(*) FROM ops.{table} WHERE {condition}"
            row = await (await connection.execute(statement.encode(), (person.account_id,))).fetchone()
            assert row is not None
            found[table] = row[0]
    return {table: count for table, count in found.items() if count}


async def test_what_is_held_is_there_before(service: Service, anna: Person, module_database: str) -> None:
    """Or the test above would show nothing."""
    key = {"Idempotency-Key": "once"}
    await anna.http.post("/v1/checkout", json={"plan_id": str(anna.account_id)}, headers=key)

    held = await held_of(module_database, anna)

    assert {"sessions", "credentials", "claims", "codes", "letters", "idempotency"} <= set(held)


@pytest.mark.parametrize("name", PROJECTIONS)
async def test_a_rebuild_after_it_equals_what_is_live(service: Service, admin: Person, anna: Person, name: str) -> None:
    await erased(service, anna)
    await service.house.reading.wait(await service.house.records.ledger.head())

    verified = await asyncio.to_thread(service.house.read_models.verify, name)

    assert verified.differences == ()


@pytest.mark.parametrize("name", ["access", "accounts"])
async def test_a_generation_that_was_kept_from_before_it_is_right_when_one_goes_back_to_it(
    service: Service, admin: Person, anna: Person, name: str
) -> None:
    await service.house.reading.wait(await service.house.records.ledger.head())
    models = service.house.read_models
    kept = await asyncio.to_thread(models.rebuild, name)
    await asyncio.to_thread(models.rebuild, name)
    await erased(service, anna)

    back = await asyncio.to_thread(models.rollback, name)

    assert back.generation == kept.generation
    assert (await asyncio.to_thread(models.verify, name)).differences == ()
    shown = (await admin.http.get("/v1/admin/accounts", params={"email": anna.email})).json()
    assert shown["items"] == []
    standing = await service.house.erasing.access.standing(anna.account_id)
    assert standing is not None
    assert standing.disabled is not None
    assert standing.disabled.type == "account.erasure_requested"
