"""A customer that somebody deletes at Stripe: access ends with it, and another one buys."""

import asyncio

import httpx
import pytest

from tests.http.running import Person, Service
from tests.http.test_money import customer_of, facts_about

pytestmark = pytest.mark.anyio


async def delete_at_stripe(service: Service, customer_id: str, *, never_made: list[str]) -> None:
    """Events of the types in `never_made` are lost."""
    base = f"{service.house.settings.sandbox_address}/stripe"
    async with httpx.AsyncClient(auth=("sk_test_simulated", ""), base_url=base) as stripe:
        suppressed = "/_sandbox/events/suppressed"
        (await stripe.put(suppressed, json={"types": never_made})).raise_for_status()
        answer = await stripe.delete(f"/v1/customers/{customer_id}")
        (await stripe.put(suppressed, json={"types": []})).raise_for_status()
        assert answer.json() == {"id": customer_id, "object": "customer", "deleted": True}


async def has_access(person: Person) -> bool:
    return bool((await person.http.get("/v1/me/subscription")).json()["access"]["granted"])


async def settled_without_access(service: Service, person: Person) -> None:
    async with asyncio.timeout(20):
        while await has_access(person):
            await service.house.convergence.settle_waiting()
            await asyncio.sleep(0.02)


async def test_customer_deleted_alone_ends_access_and_another_customer_buys(
    service: Service, admin: Person, anna: Person
) -> None:
    plan = await service.plan_on_sale(admin)
    await service.subscribe(anna, plan)
    first = await customer_of(service, anna)

    await delete_at_stripe(service, first, never_made=["customer.subscription.deleted"])
    await settled_without_access(service, anna)

    shown = (await admin.http.get(f"/v1/admin/accounts/{anna.account_id}")).json()
    assert (shown["customers"], shown["further_customers"]) == ({}, {"stripe": [first]})
    await service.subscribe(anna, plan)
    portal = await anna.http.post("/v1/me/billing-portal", json={})
    assert portal.status_code == 201, portal.text
    shown = (await admin.http.get(f"/v1/admin/accounts/{anna.account_id}")).json()
    assert shown["customers"]["stripe"] != first
    assert shown["further_customers"] == {"stripe": [first]}


async def test_a_sweep_finds_who_was_deleted_and_the_next_one_does_not_bring_her_back(
    service: Service, admin: Person, anna: Person
) -> None:
    plan = await service.plan_on_sale(admin)
    await service.subscribe(anna, plan)

    await delete_at_stripe(service, await customer_of(service, anna), never_made=["*"])
    ended = list[int]()
    for _ in range(2):
        swept = await service.house.sweeping.see_through(await service.house.sweeping.request("command"))
        assert [sweep.troubles for sweep in swept] == [0] * len(swept)
        assert not await has_access(anna)
        tags = [fact.tag() for fact in await facts_about(service, anna)]
        ended.append(tags.count("subscription.ended"))

    assert ended == [1, 1]
    assert (await anna.http.post("/v1/checkout", json={"plan_id": plan["id"]})).status_code == 201
