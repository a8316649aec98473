"""Operators bind customers that were at Stripe before their accounts were here."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from application.ports.inbox import Customer
from domain.account.customers import CUSTOMERS_MAX
from tests.http.problem import problem_in
from tests.http.running import Person, Service
from tests.http.test_webhooks import EVENT, signed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def customer_id(service: Service) -> str:
    return await made_at_stripe(service)


async def made_at_stripe(service: Service) -> str:
    """A customer from before."""
    address = f"{service.house.settings.sandbox_address}/stripe/v1/customers"
    async with httpx.AsyncClient(auth=("sk_test_simulated", "")) as stripe:
        made: str = (await stripe.post(address)).raise_for_status().json()["id"]
        return made


async def bind(admin: Person, account_id: object, customer_id: str) -> httpx.Response:
    path = f"/v1/admin/accounts/{account_id}/customers/stripe"
    return await admin.http.put(path, json={"customer_id": customer_id})


async def bound_to(service: Service, customer_id: str) -> object:
    return await service.house.convergence.customers.account_of(Customer("stripe", customer_id))


async def test_a_customer_is_bound_once(service: Service, admin: Person, anna: Person, customer_id: str) -> None:
    first, again = [await bind(admin, anna.account_id, customer_id) for _ in range(2)]

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == {"account_id": str(anna.account_id), "customer_id": customer_id}
    assert first.headers["ledger-position"] == again.headers["ledger-position"]
    assert await bound_to(service, customer_id) == anna.account_id


async def test_several_who_bind_the_same_at_once_all_have_it(
    service: Service, admin: Person, anna: Person, customer_id: str
) -> None:
    answers = await asyncio.gather(*[bind(admin, anna.account_id, customer_id) for _ in range(5)])

    assert [answer.status_code for answer in answers] == [200] * 5
    events = await admin.http.get("/v1/audit/events", params={"account": str(anna.account_id), "limit": 100})
    assert [each["type"] for each in events.json()["items"]].count("account.customer_bound") == 1


async def test_of_two_accounts_at_once_one_has_it(admin: Person, anna: Person, boris: Person, customer_id: str) -> None:
    answers = await asyncio.gather(*[bind(admin, each.account_id, customer_id) for each in (anna, boris)])

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_what_was_parked_for_the_customer_is_due(
    service: Service, admin: Person, anna: Person, customer_id: str
) -> None:
    event = json.loads(EVENT)
    event["id"], event["data"]["object"]["customer"] = f"evt_for_{customer_id}", customer_id
    body = json.dumps(event).encode()
    await service.public.post("/v1/webhooks/stripe", content=body, headers=signed(service, body))
    await service.house.convergence.settle_waiting()
    customer, inbox = Customer("stripe", customer_id), service.house.webhooks.inbox
    assert customer not in await inbox.customers_waiting(providers=["stripe"], limit=50)

    await bind(admin, anna.account_id, customer_id)

    assert customer in await inbox.customers_waiting(providers=["stripe"], limit=50)


async def test_a_customer_of_another_account_stays_theirs(
    service: Service, admin: Person, anna: Person, boris: Person, customer_id: str
) -> None:
    await bind(admin, anna.account_id, customer_id)

    problem_in(await bind(admin, boris.account_id, customer_id), 409, "customer_bound_elsewhere")

    assert await bound_to(service, customer_id) == anna.account_id
    assert (await bind(admin, boris.account_id, await made_at_stripe(service))).status_code == 200


async def test_an_account_has_several_customers_the_first_of_which_buys_here(
    service: Service, admin: Person, anna: Person, customer_id: str
) -> None:
    second, third = [await made_at_stripe(service) for _ in range(2)]
    for each in (customer_id, second, third, second):
        assert (await bind(admin, anna.account_id, each)).status_code == 200

    shown = (await admin.http.get(f"/v1/admin/accounts/{anna.account_id}")).json()
    assert shown["customers"] == {"stripe": customer_id}
    assert shown["further_customers"] == {"stripe": [second, third]}
    assert await bound_to(service, third) == anna.account_id


async def test_an_account_has_twenty_customers_at_most(service: Service, admin: Person, anna: Person) -> None:
    for _ in range(CUSTOMERS_MAX):
        assert (await bind(admin, anna.account_id, await made_at_stripe(service))).status_code == 200

    problem_in(await bind(admin, anna.account_id, await made_at_stripe(service)), 409, "too_many_customers")


async def test_a_customer_whom_stripe_does_not_know_is_not_bound(admin: Person, anna: Person) -> None:
    problem_in(await bind(admin, anna.account_id, "cus_misspelt"), 422, "customer_unknown")
    for no_id in ("cus_", "cus_a/../b", "price_1", "cus_a b"):
        problem_in(await bind(admin, anna.account_id, no_id), 400, "malformed_body")

    shown = (await admin.http.get(f"/v1/admin/accounts/{anna.account_id}")).json()
    assert shown["customers"] == {}


async def test_who_has_a_customer_and_pays_by_a_link_gets_access_and_may_cancel(
    service: Service, admin: Person, anna: Person, customer_id: str
) -> None:
    plan = await service.plan_on_sale(admin)
    await bind(admin, anna.account_id, customer_id)

    by_link = await pays_by_a_link(service, admin, anna, plan)
    async with asyncio.timeout(20):
        while not (await anna.http.get("/v1/me/subscription")).json()["access"]["granted"]:
            await service.house.convergence.settle_waiting()
            await asyncio.sleep(0.05)

    assert await bound_to(service, by_link) == anna.account_id
    ended = await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": False})
    assert ended.status_code == 200, ended.text
    assert not ended.json()["access"]["granted"]


async def pays_by_a_link(service: Service, admin: Person, viewer: Person, plan: Any) -> str:
    """The customer that Stripe makes, and whose checkout names the account."""
    sold = (await admin.http.patch(f"/v1/admin/plans/{plan['id']}", json={})).json()
    auth, base = ("sk_test_simulated", ""), f"{service.house.settings.sandbox_address}/stripe/v1"
    form = {
        "mode": "subscription",
        "client_reference_id": str(viewer.account_id),
        "success_url": "http://127.0.0.1:1/",
        "line_items[0][price]": sold["stripe_prices"][0]["id"],
        "line_items[0][quantity]": "1",
    }
    async with httpx.AsyncClient(auth=auth, base_url=base) as stripe:
        session = (await stripe.post("/checkout/sessions", data=form)).json()
        paid = await stripe.post(session["url"], data={"outcome": "pay"})
        assert paid.status_code == 303, paid.text
        customer: str = (await stripe.get(f"/checkout/sessions/{session['id']}")).json()["customer"]
        return customer


async def test_only_admins_bind_and_only_accounts_that_there_are(
    admin: Person, auditor: Person, anna: Person, customer_id: str
) -> None:
    problem_in(await bind(auditor, anna.account_id, customer_id), 403, "not_allowed")
    problem_in(await bind(admin, uuid4(), customer_id), 404, "not_found")
