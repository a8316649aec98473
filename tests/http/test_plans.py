"""Plans: what admins make and everybody sees."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

COOKING: dict[str, Any] = {
    "name": "Cooking",
    "description": "Every lesson",
    "price": {"amount": 999, "currency": "USD"},
    "interval": "month",
    "features": ["hd", "sd"],
    "trial_days": 7,
    "stream_limit": 2,
    "max_height": 1080,
}


async def test_a_plan_is_made_priced_and_shown(service: Service, admin: Person) -> None:
    created = await admin.http.post("/v1/admin/plans", json=COOKING)

    assert created.status_code == 201
    plan = created.json()
    (price,) = plan.pop("stripe_prices")
    assert price["active"] is True
    assert plan == COOKING | {"id": plan["id"], "duration_days": None, "active": True}
    position = created.headers["ledger-position"]
    listed = await service.public.get("/v1/plans", headers={"Ledger-Position": position})
    assert listed.json()["items"][0] == plan


async def test_a_price_that_stripe_has_already_is_bound_if_it_is_what_the_plan_says(
    service: Service, admin: Person
) -> None:
    given = await price_at_stripe(service, amount=999)

    created = await admin.http.post("/v1/admin/plans", json=COOKING | {"stripe_price_id": given})
    assert created.json()["stripe_prices"] == [{"id": given, "active": True}]

    again = await admin.http.post("/v1/admin/plans", json=COOKING | {"name": "Same", "stripe_price_id": given})
    problem_in(again, 409, "price_taken")
    other = await admin.http.post(
        "/v1/admin/plans", json=COOKING | {"stripe_price_id": await price_at_stripe(service, amount=1)}
    )
    problem_in(other, 422, "price_does_not_match")
    nobodys = await admin.http.post("/v1/admin/plans", json=COOKING | {"stripe_price_id": "price_of_nobody"})
    problem_in(nobodys, 422, "provider_refused")


async def price_at_stripe(service: Service, *, amount: int) -> str:
    """A price that somebody made in Stripe's own dashboard."""
    auth, base = ("sk_test_simulated", ""), f"{service.house.settings.sandbox_address}/stripe/v1"
    async with httpx.AsyncClient(auth=auth, base_url=base) as dashboard:
        product = (await dashboard.post("/products", data={"name": "Cooking"})).json()
        terms = {
            "product": product["id"],
            "currency": "usd",
            "unit_amount": str(amount),
            "recurring[interval]": "month",
        }
        price: str = (await dashboard.post("/prices", data=terms)).json()["id"]
        return price


async def test_the_newest_plan_comes_first_page_by_page(service: Service, admin: Person) -> None:
    made = [await service.plan_on_sale(admin, name=f"Plan {number}") for number in range(3)]
    position = str(await service.house.accounts.records.ledger.head())
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        asked = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await service.public.get("/v1/plans", params=asked, headers={"Ledger-Position": position})).json()
        seen += [plan["id"] for plan in page["items"]]
        cursor = page["next_cursor"]

    assert seen == [plan["id"] for plan in reversed(made)]


async def test_a_plan_bought_once_says_for_how_long(admin: Person) -> None:
    once = COOKING | {"interval": "once", "trial_days": 0}

    problem_in(await admin.http.post("/v1/admin/plans", json=once), 422, "prepaid_needs_duration")
    assert (await admin.http.post("/v1/admin/plans", json=once | {"duration_days": 30})).status_code == 201


async def test_a_plan_bought_once_has_no_trial(admin: Person) -> None:
    once = COOKING | {"interval": "once", "duration_days": 30}

    problem_in(await admin.http.post("/v1/admin/plans", json=once | {"trial_days": 7}), 422, "prepaid_has_no_trial")
    made = (await admin.http.post("/v1/admin/plans", json=once | {"trial_days": 0})).json()
    changed = await admin.http.patch(f"/v1/admin/plans/{made['id']}", json={"trial_days": 7})
    problem_in(changed, 422, "prepaid_has_no_trial")


async def test_a_feature_that_is_named_twice_is_there_once(admin: Person) -> None:
    made = (await admin.http.post("/v1/admin/plans", json=COOKING | {"features": ["hd", "sd", "hd"]})).json()
    assert made["features"] == ["hd", "sd"]

    changed = await admin.http.patch(f"/v1/admin/plans/{made['id']}", json={"features": ["sd", "sd"]})

    assert changed.json()["features"] == ["sd"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": {"amount": -1, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": 10**12 + 1, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": 9.99, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": "999", "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": 999, "currency": "usd"}}, "price.currency"),
        ({"price": {"amount": 999, "currency": "USD", "tax": 1}}, "price.tax"),
        ({"interval": "week"}, "interval"),
        ({"name": ""}, "name"),
        ({"features": ["HD quality!"]}, "features[0]"),
        ({"features": ["hd"] * 21}, "features"),
        ({"trial_days": 10**30}, "trial_days"),
        ({"active": True}, "active"),
    ],
)
async def test_what_makes_no_plan_is_named(admin: Person, change: dict[str, Any], field: str) -> None:
    problem = problem_in(await admin.http.post("/v1/admin/plans", json=COOKING | change), 400, "malformed_body")

    assert [error["field"] for error in problem["errors"]] == [field]


async def test_only_admins_make_plans(service: Service, anna: Person, auditor: Person) -> None:
    problem_in(await service.public.post("/v1/admin/plans", json=COOKING), 401, "not_signed_in")
    problem_in(await anna.http.post("/v1/admin/plans", json=COOKING), 403, "not_allowed")
    problem_in(await auditor.http.post("/v1/admin/plans", json=COOKING), 403, "not_allowed")


async def change(admin: Person, plan: Any, **said: Any) -> httpx.Response:
    return await admin.http.patch(f"/v1/admin/plans/{plan['id']}", json=said)


async def test_a_plan_is_changed_field_by_field_and_null_takes_a_limit_away(service: Service, admin: Person) -> None:
    plan = await service.plan_on_sale(admin, **COOKING)

    changed = await change(admin, plan, name="All of it", features=["uhd"], max_height=None, trial_days=0)

    assert changed.status_code == 200
    said = {"name": "All of it", "features": ["uhd"], "max_height": None, "trial_days": 0}
    assert changed.json() == plan | said
    position = changed.headers["ledger-position"]
    listed = (await service.public.get("/v1/plans", headers={"Ledger-Position": position})).json()["items"]
    assert next(each for each in listed if each["id"] == plan["id"]) | {"stripe_prices": []} == plan | said | {
        "stripe_prices": []
    }
    assert (await change(admin, plan)).json() == changed.json()


async def test_a_new_price_is_sold_and_the_older_ones_stay_in_the_list(service: Service, admin: Person) -> None:
    plan = await service.plan_on_sale(admin, **COOKING)
    [first] = [price["id"] for price in plan["stripe_prices"]]

    dearer = (await change(admin, plan, price={"amount": 1299, "currency": "USD"})).json()
    [retired, second] = dearer["stripe_prices"]
    assert (dearer["price"]["amount"], retired) == (1299, {"id": first, "active": False})
    assert second["active"]

    given = await price_at_stripe(service, amount=500)
    named = (await change(admin, plan, stripe_price_id=given)).json()
    assert named["price"] == {"amount": 500, "currency": "USD"}
    assert [price["active"] for price in named["stripe_prices"]] == [False, False, True]
    assert named["stripe_prices"][2]["id"] == given


async def test_what_cannot_be_bound_is_refused(service: Service, admin: Person) -> None:
    plan, other = await service.plan_on_sale(admin), await service.plan_on_sale(admin)
    given = await price_at_stripe(service, amount=500)

    taken = await change(admin, plan, stripe_price_id=other["stripe_prices"][0]["id"])
    problem_in(taken, 409, "price_taken")
    unlike = await change(admin, plan, stripe_price_id=given, price={"amount": 501, "currency": "USD"})
    problem_in(unlike, 422, "price_does_not_match")
    problem_in(await change(admin, plan, stripe_price_id="price_of_nobody"), 422, "provider_refused")
    problem_in(await admin.http.patch("/v1/admin/plans/not-a-plan", json={}), 404, "not_found")
    problem_in(await change(admin, {"id": "00000000-0000-4000-8000-000000000404"}, name="Nobody"), 404, "not_found")


async def test_a_withdrawn_plan_is_not_listed_and_not_sold_and_goes_on_for_who_has_it(
    service: Service, admin: Person, anna: Person, boris: Person
) -> None:
    plan = await service.plan_on_sale(admin, features=["hd"])
    await service.subscribe(anna, plan)

    withdrawn = await change(admin, plan, active=False)

    assert withdrawn.json()["active"] is False
    assert [price["active"] for price in withdrawn.json()["stripe_prices"]] == [False]
    seen = {"Ledger-Position": withdrawn.headers["ledger-position"]}
    listed = (await service.public.get("/v1/plans?limit=100", headers=seen)).json()["items"]
    assert plan["id"] not in {each["id"] for each in listed}
    problem_in(await boris.http.post("/v1/checkout", json={"plan_id": plan["id"]}), 409, "plan_not_for_sale")
    mine = (await anna.http.get("/v1/me/subscription", headers=seen)).json()
    assert (mine["status"], mine["plan"]["active"], mine["access"]["granted"]) == ("active", False, True)
    assert (await change(admin, plan, active=True)).json()["active"] is True


@pytest.mark.parametrize(
    "said",
    [
        {"name": None},
        {"active": None},
        {"interval": "year"},
        {"duration_days": 3},
        {"trial_days": -1},
        {"features": None},
        {"price": None},
    ],
)
async def test_what_no_plan_can_become_is_named(admin: Person, service: Service, said: dict[str, Any]) -> None:
    plan = await service.plan_on_sale(admin)

    problem = problem_in(await change(admin, plan, **said), 400, "malformed_body")

    assert [error["field"] for error in problem["errors"]] == list(said)


async def test_only_admins_change_plans(service: Service, admin: Person, anna: Person, auditor: Person) -> None:
    plan = await service.plan_on_sale(admin)

    for person in (anna, auditor):
        problem_in(await change(person, plan, name="Mine"), 403, "not_allowed")
    stranger = await service.public.patch(f"/v1/admin/plans/{plan['id']}", json={"name": "Mine"})
    problem_in(stranger, 401, "not_signed_in")


async def test_changes_at_once_all_end_well(service: Service, admin: Person) -> None:
    plan = await service.plan_on_sale(admin, **COOKING)
    given = await price_at_stripe(service, amount=500)

    answers = await asyncio.gather(
        change(admin, plan, name="All of it"),
        change(admin, plan, features=["uhd"]),
        change(admin, plan, stripe_price_id=given),
        change(admin, plan, stripe_price_id=given),
    )

    assert [answer.status_code for answer in answers] == [200] * 4
    after = (await change(admin, plan)).json()
    assert (after["name"], after["features"], after["price"]["amount"]) == ("All of it", ["uhd"], 500)
    assert [price["active"] for price in after["stripe_prices"]] == [False, True]

    dearer = [{"amount": amount, "currency": "USD"} for amount in (1299, 1499)]
    priced = await asyncio.gather(*(change(admin, plan, price=price) for price in dearer))
    assert [answer.status_code for answer in priced] == [200, 200]
    after = (await change(admin, plan)).json()
    assert after["price"] in dearer
    assert [price["active"] for price in after["stripe_prices"]].count(True) == 1
