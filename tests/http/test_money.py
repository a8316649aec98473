"""Commands about money over HTTP: one checkout, resuming, changing, the portal, refunds, and what is found doubled."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domain.payment.payment import PaymentSucceeded
from domain.shared.fact import Fact
from domain.subscription.facts import DuplicateFound
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

STRIPE = {"Authorization": "Bearer sk_test_x"}


async def facts_about(service: Service, person: Person) -> list[Fact]:
    entries = await service.house.audit.history.of_account(person.account_id)
    return [entry.fact for entry in entries]


async def payment_of(service: Service, person: Person) -> UUID:
    paid = [fact for fact in await facts_about(service, person) if isinstance(fact, PaymentSucceeded)]
    return paid[-1].payment_id


def stripe(service: Service, path: str) -> str:
    return f"{service.house.settings.sandbox_address}/stripe/{path}"


async def customer_of(service: Service, person: Person) -> str:
    bound = [fact for fact in await facts_about(service, person) if fact.tag() == "account.customer_bound"]
    return str(bound[0].customer_id)  # type: ignore[attr-defined]  # a CustomerBound


async def cinema(service: Service, admin: Person) -> Any:
    return await service.plan_on_sale(admin, name="Cinema", price={"amount": 1499, "currency": "USD"})


# One checkout.


async def test_whoever_asks_again_is_sent_to_the_same_page(service: Service, admin: Person, anna: Person) -> None:
    plan = await service.plan_on_sale(admin)

    at_once = await asyncio.gather(*(anna.http.post("/v1/checkout", json={"plan_id": plan["id"]}) for _ in range(4)))
    later = await anna.http.post("/v1/checkout", json={"plan_id": plan["id"]})

    assert {answer.status_code for answer in [*at_once, later]} == {201}
    assert [answer.json() for answer in at_once] == [later.json()] * 4


async def test_a_page_of_another_plan_takes_its_place(service: Service, admin: Person, anna: Person) -> None:
    first = await anna.http.post("/v1/checkout", json={"plan_id": (await service.plan_on_sale(admin))["id"]})

    second = await anna.http.post("/v1/checkout", json={"plan_id": (await cinema(service, admin))["id"]})

    assert second.status_code == 201
    assert second.json()["id"] != first.json()["id"]
    late = await service.public.post(first.json()["url"], data={"outcome": "pay"})
    assert late.status_code != 303
    assert (await service.public.post(second.json()["url"], data={"outcome": "pay"})).status_code == 303


# Resumed, changed, managed.


async def test_a_cancellation_is_taken_back(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": True})

    resumed = await anna.http.post("/v1/me/subscription/resume")

    assert resumed.status_code == 200, resumed.text
    assert resumed.json()["cancel_at_period_end"] is False
    assert resumed.headers["ledger-position"]
    assert resumed.json()["access"]["until"] > resumed.json()["current_period_end"]


async def test_a_better_plan_counts_when_it_is_paid(service: Service, admin: Person, anna: Person) -> None:
    cooking = await service.plan_on_sale(admin)
    await service.subscribe(anna, cooking)
    better = await cinema(service, admin)

    changed = await anna.http.post("/v1/me/subscription/change", json={"plan_id": better["id"]})

    assert changed.status_code == 200, changed.text
    assert (changed.json()["plan"]["id"], changed.json()["payment_problem"]) == (better["id"], None)
    again = await anna.http.post("/v1/me/subscription/change", json={"plan_id": better["id"]})
    problem_in(again, 409, "already_on_plan")
    back = await anna.http.post("/v1/me/subscription/change", json={"plan_id": cooking["id"]})
    assert back.json()["plan"]["id"] == cooking["id"]


async def test_until_then_it_says_where_to_pay(service: Service, admin: Person, anna: Person) -> None:
    cooking = await service.plan_on_sale(admin)
    await service.subscribe(anna, cooking)
    card = stripe(service, f"_sandbox/customers/{await customer_of(service, anna)}/card")
    (await service.public.put(card, json={"outcome": "decline"})).raise_for_status()

    changed = (
        await anna.http.post("/v1/me/subscription/change", json={"plan_id": (await cinema(service, admin))["id"]})
    ).json()

    assert (changed["plan"]["id"], changed["access"]["granted"]) == (cooking["id"], True)
    assert (await service.public.get(changed["payment_problem"]["action_url"])).status_code == 200


async def test_a_plan_that_is_bought_once_is_not_changed_to(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    prepaid = await service.plan_on_sale(admin, interval="once", duration_days=30)

    for plan_id, status, code in ((prepaid["id"], 422, "plan_does_not_renew"), (str(uuid4()), 404, "not_found")):
        problem_in(await anna.http.post("/v1/me/subscription/change", json={"plan_id": plan_id}), status, code)


async def test_who_has_no_subscription_has_none_to_command(service: Service, admin: Person, boris: Person) -> None:
    plan = await service.plan_on_sale(admin)
    for verb, body in (("resume", {}), ("change", {"plan_id": plan["id"]})):
        problem_in(await boris.http.post(f"/v1/me/subscription/{verb}", json=body), 404, "no_subscription")
    problem_in(await boris.http.post("/v1/me/billing-portal"), 404, "nothing_bought")


async def test_the_portal_is_a_page_of_the_providers(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))

    opened = await anna.http.post("/v1/me/billing-portal", json={"return_url": f"{service.address}/me"})

    assert (opened.status_code, set(opened.json())) == (201, {"url"})
    assert (await service.public.get(opened.json()["url"])).status_code == 200
    foreign = await anna.http.post("/v1/me/billing-portal", json={"return_url": "https://evil.example/"})
    problem_in(foreign, 422, "return_url_not_allowed")


# Refunds.


async def test_a_refund_is_never_more_than_what_is_left(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/admin/payments/{await payment_of(service, anna)}/refund"

    part = await admin.http.post(path, json={"amount": {"amount": 400, "currency": "USD"}, "reason": "No sound"})
    other = await admin.http.post(path, json={"amount": {"amount": 1, "currency": "EUR"}, "reason": "No sound"})
    more = await admin.http.post(path, json={"amount": 600, "reason": "No sound"})
    rest = await admin.http.post(path, json={"reason": "No picture"})

    assert part.status_code == 201, part.text
    assert part.json()["refundable"] == {"amount": 599, "currency": "USD"}
    problem_in(other, 422, "refund_currency_differs")
    problem_in(more, 422, "refund_exceeds_payment")
    assert rest.json()["amount"] == {"amount": 599, "currency": "USD"}
    assert (await anna.http.get("/v1/me/subscription")).json()["access"]["reason"] == "refunded"


async def test_two_at_once_do_not_give_it_back_twice(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/admin/payments/{await payment_of(service, anna)}/refund"

    answers = await asyncio.gather(*(admin.http.post(path, json={"reason": "No sound"}) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    customer = await customer_of(service, anna)
    charges = await service.public.get(stripe(service, f"v1/charges?customer={customer}"), headers=STRIPE)
    assert [charge["amount_refunded"] for charge in charges.json()["data"]] == [999]


async def test_only_admins_refund(service: Service, admin: Person, anna: Person) -> None:
    path = f"/v1/admin/payments/{uuid4()}/refund"

    problem_in(await anna.http.post(path, json={"reason": "No sound"}), 403, "not_allowed")
    problem_in(await admin.http.post(path, json={"reason": "No sound"}), 404, "not_found")
    problem_in(await admin.http.post(path, json={"amount": 0, "reason": "No sound"}), 400, "malformed_body")


async def test_a_refund_whose_answer_is_lost_is_given_once(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    payment_id = await payment_of(service, anna)
    faults = stripe(service, "_sandbox/faults")
    lost = {"kind": "drop", "path": "/refunds", "verb": "POST", "after": True, "requests": None}
    (await service.public.put(faults, json={"faults": [lost]})).raise_for_status()
    answer = await admin.http.post(
        f"/v1/admin/payments/{payment_id}/refund", json={"reason": "No sound"}, timeout=httpx.Timeout(40)
    )
    problem_in(answer, 503, "provider_unavailable")
    (await service.public.put(faults, json={"faults": []})).raise_for_status()

    await due_at_once(service)
    assert await service.house.janitor.settle_due() == 1

    told = [fact.tag() for fact in await facts_about(service, anna)]
    assert (told.count("payment.refund_accepted"), told.count("payment.refunded")) == (1, 1)


async def due_at_once(service: Service) -> None:
    """As if whoever asked had gone long ago."""
    async with service.house.retention._pool.connection() as connection:
        await connection.execute("UPDATE ops.intents SET due_at = now()")


# Doubles.


async def test_a_second_subscription_to_the_same_plan_is_found_and_counted(
    service: Service, admin: Person, anna: Person
) -> None:
    plan = await service.plan_on_sale(admin)
    await service.subscribe(anna, plan)
    before = await counted(service)
    form = {"customer": await customer_of(service, anna), "items[0][price]": plan["stripe_prices"][0]["id"]}
    made = await service.public.post(stripe(service, "v1/subscriptions"), data=form, headers=STRIPE)
    made.raise_for_status()

    async with asyncio.timeout(20):
        while not [fact for fact in await facts_about(service, anna) if isinstance(fact, DuplicateFound)]:
            await service.house.convergence.settle_waiting()
            await asyncio.sleep(0.05)

    assert await counted(service) == before + 1
    problem_in(await anna.http.post("/v1/me/subscription/resume"), 409, "subscription_ambiguous")


async def test_every_one_there_has_been_is_listed_and_the_double_names_the_older(
    service: Service, admin: Person, anna: Person
) -> None:
    plan = await service.plan_on_sale(admin)
    await service.subscribe(anna, plan)
    await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": False})
    await service.subscribe(anna, plan)
    form = {"customer": await customer_of(service, anna), "items[0][price]": plan["stripe_prices"][0]["id"]}
    (await service.public.post(stripe(service, "v1/subscriptions"), data=form, headers=STRIPE)).raise_for_status()
    async with asyncio.timeout(20):
        while not [fact for fact in await facts_about(service, anna) if isinstance(fact, DuplicateFound)]:
            await service.house.convergence.settle_waiting()
            await asyncio.sleep(0.05)
    seen = {"Ledger-Position": str(await service.house.records.ledger.head())}

    first = (await anna.http.get("/v1/me/subscriptions", params={"limit": 2}, headers=seen)).json()
    rest = (await anna.http.get("/v1/me/subscriptions", params={"cursor": first["next_cursor"]})).json()
    theirs = await admin.http.get("/v1/admin/subscriptions", params={"account": str(anna.account_id)})

    mine = [*first["items"], *rest["items"]]
    assert [one["status"] for one in mine] == ["active", "active", "canceled"]
    assert {one["plan"]["id"] for one in mine} == {plan["id"]}
    assert sum(one["duplicate_of"] in {other["id"] for other in mine} for one in mine) == 1
    assert [one["id"] for one in theirs.json()["items"]] == [one["id"] for one in mine]
    assert {one["account_id"] for one in theirs.json()["items"]} == {str(anna.account_id)}
    problem_in(await anna.http.get("/v1/admin/subscriptions"), 403, "not_allowed")


async def counted(service: Service) -> float:
    text = (await service.public.get("/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith("streamly_duplicate_subscriptions ")]
    return float(line.split()[1])
