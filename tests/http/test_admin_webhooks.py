"""The inbox over HTTP: what came and what became of it, asking again, and sweeps."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from application.ports.inbox import Customer
from tests.http.problem import problem_in
from tests.http.running import Person, Service
from tests.http.test_money import stripe
from tests.http.test_webhooks import signed

pytestmark = pytest.mark.anyio


def event(event_id: str, customer: str | None, type: str = "customer.subscription.updated") -> bytes:
    about = {"id": "sub_1", "object": "subscription", "customer": customer}
    told = {"id": event_id, "object": "event", "type": type, "created": 1_700_000_000, "livemode": False}
    return json.dumps(told | {"api_version": "2026-10-28.endive", "data": {"object": about}}).encode()


async def comes(service: Service, body: bytes) -> None:
    answer = await service.public.post("/v1/webhooks/stripe", content=body, headers=signed(service, body))
    assert answer.status_code == 200, answer.text


async def listed(admin: Person, **query: str) -> list[Any]:
    answer = await admin.http.get("/v1/admin/webhooks", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def worked(service: Service) -> None:
    """As a worker does it."""
    while await service.house.finding.find_waiting() or await service.house.convergence.settle_waiting():
        pass


async def swept(service: Service) -> None:
    while await service.house.sweeping.sweep_next():
        pass


async def test_what_came_is_listed_with_what_became_of_it(service: Service, admin: Person) -> None:
    await comes(service, event("evt_listed", "cus_of_nobody"))

    newest, *_ = await listed(admin)
    await worked(service)
    parked, *_ = await listed(admin, status="parked")

    assert (newest["event_id"], newest["status"], newest["attempts"]) == ("evt_listed", "received", 0)
    assert (newest["provider"], newest["customer_id"], newest["livemode"]) == ("stripe", "cus_of_nobody", False)
    assert (newest["type"], newest["api_version"]) == ("customer.subscription.updated", "2026-10-28.endive")
    assert newest["created_at"] == "2023-11-14T22:13:20Z"
    assert (parked["id"], parked["status"], parked["error"]) == (newest["id"], "parked", "customer_unknown")
    assert parked["due_at"] is not None


async def test_the_listing_comes_in_pages_and_by_status(service: Service, admin: Person) -> None:
    for number in range(3):
        await comes(service, event(f"evt_page_{number}", None))

    first = (await admin.http.get("/v1/admin/webhooks", params={"status": "done", "limit": "2"})).json()
    then = (await admin.http.get("/v1/admin/webhooks", params={"limit": "1", "cursor": first["next_cursor"]})).json()

    assert [item["event_id"] for item in first["items"]] == ["evt_page_2", "evt_page_1"]
    assert [item["event_id"] for item in then["items"]] == ["evt_page_0"]
    for unknown in ("lost", "null"):
        problem_in(await admin.http.get("/v1/admin/webhooks", params={"status": unknown}), 400, "invalid_parameter")
    problem_in(await admin.http.get("/v1/admin/webhooks", params={"cursor": "?"}), 400, "invalid_cursor")


async def test_a_delivery_is_being_processed_while_its_customer_is_asked_about(service: Service, admin: Person) -> None:
    await comes(service, event("evt_now", "cus_asked_about"))
    customers = service.house.convergence.customers
    holder = await customers.lease(Customer("stripe", "cus_asked_about"), seconds=60)
    assert holder is not None

    assert [item["event_id"] for item in await listed(admin, status="processing")] == ["evt_now"]
    assert "evt_now" not in [item["event_id"] for item in await listed(admin, status="received")]
    await customers.release(Customer("stripe", "cus_asked_about"), holder)
    assert await listed(admin, status="processing") == []


async def test_a_delivery_is_asked_about_again_and_changes_nothing(service: Service, admin: Person) -> None:
    anna, plan = await service.sign_up(), await service.plan_on_sale(admin)
    await service.subscribe(anna, plan)
    await worked(service)
    head = await service.house.records.ledger.head()
    done = next(item for item in await listed(admin, status="done", limit="100") if item["customer_id"])

    again = await admin.http.post(f"/v1/admin/webhooks/{done['id']}/retry")
    assert (again.status_code, again.json()["status"], again.json()["settled_at"]) == (202, "received", None)
    await worked(service)

    assert done["id"] in [item["id"] for item in await listed(admin, status="done", limit="100")]
    assert await service.house.records.ledger.head() == head


async def test_what_never_came_cannot_be_retried(service: Service, admin: Person) -> None:
    for unknown in (uuid4(), UUID(int=2**40)):
        problem_in(await admin.http.post(f"/v1/admin/webhooks/{unknown}/retry"), 404, "not_found")


async def test_the_inbox_is_for_admins(service: Service, anna: Person, auditor: Person) -> None:
    for person in (anna, auditor):
        problem_in(await person.http.get("/v1/admin/webhooks"), 403, "not_allowed")
        problem_in(await person.http.post("/v1/admin/webhooks/sweep"), 403, "not_allowed")
        problem_in(await person.http.post(f"/v1/admin/webhooks/{uuid4()}/retry"), 403, "not_allowed")


async def test_what_never_came_is_found_by_a_sweep_which_says_what_it_repaired(service: Service, admin: Person) -> None:
    boris, plan = await service.sign_up(), await service.plan_on_sale(admin)
    opened = await boris.http.post("/v1/checkout", json={"plan_id": plan["id"]})
    await service.public.post(opened.json()["url"], data={"outcome": "pay"})
    await lose_what_comes(service)
    await worked(service)
    assert not (await boris.http.get("/v1/me/subscription")).json()["access"]["granted"]

    asked = await admin.http.post("/v1/admin/webhooks/sweep")
    assert (asked.status_code, [each["status"] for each in asked.json()["sweeps"]]) == (202, ["requested"] * 2)
    assert (await admin.http.post("/v1/admin/webhooks/sweep")).json() == asked.json()
    await swept(service)

    assert (await boris.http.get("/v1/me/subscription")).json()["access"]["granted"]
    told = (await admin.http.post("/v1/admin/webhooks/sweep")).json()
    of_customers = next(each for each in told["recent"] if each["kind"] == "customers")
    [repaired] = [each for each in of_customers["repaired"] if each["account_id"] == str(boris.account_id)]
    assert (of_customers["status"], of_customers["troubles"], bool(of_customers["finished_at"])) == ("done", 0, True)
    assert of_customers["repairs"] == len(of_customers["repaired"])
    facts = (await admin.http.get("/v1/audit/events", params={"account": str(boris.account_id), "limit": "100"})).json()
    by_sweep = [fact for fact in facts["items"] if fact["cause"]["kind"] == "sweep"]
    assert repaired["positions"] == [fact["position"] for fact in by_sweep]
    assert "subscription.started" in [fact["type"] for fact in by_sweep]
    assert all(fact["cause"]["id"] == str(UUID(of_customers["id"]).int) for fact in by_sweep)
    await swept(service)


async def test_days_that_were_bought_unheard_are_found_by_a_sweep(service: Service, admin: Person) -> None:
    clara = await service.sign_up()
    plan = await service.plan_on_sale(admin, interval="once", duration_days=30, trial_days=0)
    opened = await clara.http.post("/v1/checkout", json={"plan_id": plan["id"]})
    await service.public.post(opened.json()["url"], data={"outcome": "pay"})
    await lose_what_comes(service)
    await worked(service)
    assert (await clara.http.get("/v1/me/subscription")).json()["access"]["reason"] == "no_subscription"

    await admin.http.post("/v1/admin/webhooks/sweep")
    await swept(service)

    assert (await clara.http.get("/v1/me/subscription")).json()["access"]["reason"] == "prepaid"


async def lose_what_comes(service: Service) -> None:
    """All that the simulated Stripe has to send has come, and is gone."""
    async with asyncio.timeout(20):
        while (await service.public.get(stripe(service, "_sandbox/pending"))).json()["pending"]:
            await asyncio.sleep(0.05)
    with psycopg.connect(service.house.settings.database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM ops.inbox")


async def test_the_metrics_tell_of_the_inbox_and_of_sweeps(service: Service, admin: Person) -> None:
    await admin.http.post("/v1/admin/webhooks/sweep")
    await swept(service)
    await comes(service, event("evt_measured", "cus_of_nobody"))
    await worked(service)

    told = (await service.public.get("/metrics")).text

    for line in (
        'streamly_inbox_deliveries{status="failed"} 0.0',
        'streamly_inbox_deliveries{status="parked"}',
        'streamly_sweep_finished{kind="undelivered"}',
        'streamly_sweep_repaired_accounts{kind="customers"}',
        'streamly_sweep_last_finished_timestamp_seconds{kind="customers"}',
    ):
        assert line in told, line


async def test_sweeps_are_listed_page_by_page_with_what_they_repaired(service: Service, admin: Person) -> None:
    requested = (await admin.http.post("/v1/admin/webhooks/sweep")).json()["sweeps"]
    await swept(service)

    both = (await admin.http.get("/v1/admin/webhooks/sweeps", params={"limit": "2"})).json()["items"]
    first = (await admin.http.get("/v1/admin/webhooks/sweeps", params={"limit": "1"})).json()
    query = {"limit": "1", "cursor": first["next_cursor"]}
    second = (await admin.http.get("/v1/admin/webhooks/sweeps", params=query)).json()

    assert {sweep["id"] for sweep in both} == {sweep["id"] for sweep in requested}
    assert {(sweep["status"], sweep["cause"]) for sweep in both} == {("done", "admin")}
    assert [*first["items"], *second["items"]] == both
    problem_in(await admin.http.get("/v1/admin/webhooks/sweeps", params={"cursor": "odd"}), 400, "invalid_cursor")
