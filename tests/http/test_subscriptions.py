"""Buying a plan, and what one has bought."""

from uuid import uuid4

import pytest

from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio


async def test_who_never_subscribed_hears_so(anna: Person) -> None:
    mine = (await anna.http.get("/v1/me/subscription")).json()

    assert (mine["id"], mine["status"], mine["plan"], mine["payment_problem"]) == (None, "none", None, None)
    assert (mine["access"]["granted"], mine["access"]["reason"]) == (False, "no_subscription")
    assert set(mine) == {
        "id",
        "status",
        "plan",
        "access",
        "current_period_end",
        "cancel_at_period_end",
        "trial_end",
        "payment_problem",
    }
    assert set(mine["access"]) == {"granted", "reason", "until", "features", "deciding", "otherwise"}


async def test_a_checkout_opens_a_page_and_grants_nothing_yet(service: Service, admin: Person, anna: Person) -> None:
    plan = await service.plan_on_sale(admin)

    opened = await anna.http.post("/v1/checkout", json={"plan_id": plan["id"]})

    assert opened.status_code == 201
    assert set(opened.json()) == {"id", "url", "expires_at"}
    assert opened.json()["expires_at"].endswith("Z")
    assert int(opened.headers["ledger-position"]) > 0
    assert (await service.public.get(opened.json()["url"])).status_code == 200
    assert (await anna.http.get("/v1/me/subscription")).json()["access"]["granted"] is False


async def test_paying_subscribes(service: Service, admin: Person, anna: Person) -> None:
    plan = await service.plan_on_sale(admin, features=["hd"])

    await service.subscribe(anna, plan)

    mine = (await anna.http.get("/v1/me/subscription")).json()
    assert (mine["status"], mine["plan"]["id"], mine["cancel_at_period_end"]) == ("active", plan["id"], False)
    assert (mine["access"]["granted"], mine["access"]["reason"]) == (True, "subscription")
    assert mine["access"]["features"] == ["hd"]
    assert mine["access"]["until"] > mine["current_period_end"]
    assert next(fact["type"] for fact in mine["access"]["deciding"]) == "subscription.started"
    again = await anna.http.post("/v1/checkout", json={"plan_id": plan["id"]})
    assert problem_in(again, 409, "already_subscribed")["access"]["granted"] is True


async def test_cancelling_keeps_what_is_paid_for(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))

    cancelled = await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": True})

    assert cancelled.status_code == 200
    mine = cancelled.json()
    assert (mine["cancel_at_period_end"], mine["access"]["granted"]) == (True, True)
    assert mine["access"]["until"] == mine["current_period_end"]
    assert cancelled.headers["ledger-position"]
    assert (await anna.http.post("/v1/me/subscription/cancel", json={})).json()["cancel_at_period_end"] is True


async def test_cancelling_at_once_ends_it(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))

    cancelled = (await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": False})).json()

    assert (cancelled["status"], cancelled["access"]["granted"]) == ("canceled", False)
    problem_in(await anna.http.post("/v1/me/subscription/cancel", json={}), 404, "no_subscription")


async def test_nobody_cancels_somebody_elses(service: Service, admin: Person, anna: Person, boris: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    hers = (await anna.http.get("/v1/me/subscription")).json()["id"]

    problem_in(
        await boris.http.post("/v1/me/subscription/cancel", json={"subscription_id": hers}), 404, "no_subscription"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/thanks",
        "//evil.example",
        "{address}@evil.example/",
        "{address}.evil.example/",
        "javascript:alert(1)",
        "http://[::1",
        "http://[invalid]/",
        "/relative",
    ],
)
async def test_nobody_is_sent_to_a_foreign_page(service: Service, anna: Person, url: str) -> None:
    body = {"plan_id": str(uuid4()), "success_url": url.format(address=service.address)}

    problem_in(await anna.http.post("/v1/checkout", json=body), 422, "return_url_not_allowed")


async def test_an_unknown_plan_cannot_be_bought(anna: Person) -> None:
    problem_in(await anna.http.post("/v1/checkout", json={"plan_id": str(uuid4())}), 404, "not_found")
    problem_in(await anna.http.post("/v1/checkout", json={"plan_id": "cooking"}), 400, "malformed_body")


async def test_a_stranger_buys_nothing(service: Service) -> None:
    problem_in(await service.public.post("/v1/checkout", json={"plan_id": str(uuid4())}), 401, "not_signed_in")
    problem_in(await service.public.get("/v1/me/subscription"), 401, "not_signed_in")
