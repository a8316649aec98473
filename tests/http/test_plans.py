"""Plans: what admins make and everybody sees."""

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
