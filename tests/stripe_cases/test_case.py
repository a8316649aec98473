"""The harness itself: which orders are tried, ids and times of a run, and what the scripted Stripe answers."""

import json
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
from msgspec.structs import replace

from tests.stripe_cases.case import ALL_ORDERS, FOLDER, ORDERS, numbers, orders, told
from tests.stripe_cases.shop import moment
from tests.stripe_cases.truth import SECRET_KEY, Truth, scripted_stripe

pytestmark = pytest.mark.anyio

CHANGED_AT = 1_794_441_600


def test_every_case_but_the_wallets_is_played() -> None:
    index = json.loads((FOLDER.parent / "index.json").read_text("utf-8"))

    assert numbers() == [each["id"][:3] for each in index if each["category"] != ["razorpay"]]
    assert len(numbers()) == 35


def test_an_order_that_is_not_free_stays() -> None:
    case = told("020", run="r1")

    assert list(orders(case)) == [case.deliveries]


def test_of_few_deliveries_every_order_is_tried_once() -> None:
    assert len(list(orders(told("012", run="r1")))) == 6
    assert len(list(orders(told("006", run="r1")))) == 24
    assert len(list(orders(told("007", run="r1")))) == 12, "the same event twice in one group"


def test_of_many_deliveries_as_many_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALL_ORDERS, raising=False)
    case = told("006", run="r1")
    many = replace(case, deliveries=(*case.deliveries, replace(case.deliveries[0], at=CHANGED_AT)))

    chosen = list(orders(many))
    assert chosen == list(orders(many)), "the same each time"
    assert 1 < len(chosen) <= ORDERS
    monkeypatch.setenv(ALL_ORDERS, "1")
    assert len(list(orders(many))) > ORDERS


def test_no_order_delivers_what_has_not_happened() -> None:
    case = told("012", run="r1")

    for order in orders(case):
        times = [delivery.at for delivery in order]
        assert times == sorted(times)
        assert all(delivery.at >= case.event(delivery.event)["created"] for delivery in order)


def test_a_run_has_ids_and_times_of_its_own() -> None:
    case = told("065", run="r7", later=3600)

    assert case.bindings == {"cus_1_r7": "u1"}
    assert case.event("evt_thin_1_r7")["created"] == "2026-11-06T07:00:00.000Z"
    assert case.checks[0].at == told("065", run="r7").checks[0].at + 3600
    [subscription] = case.stripe_truth[0].objects.values()
    assert (subscription["id"], subscription["customer"]) == ("sub_A_r7", "cus_1_r7")
    assert subscription["items"]["data"][0]["price"]["id"] == "price_basic", "sold by the shop of all runs"


class Time:
    """A clock for the scripted Stripe alone."""

    def __init__(self) -> None:
        self.seconds = CHANGED_AT - 1

    def now(self) -> datetime:
        return moment(self.seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def stripe(time: Time) -> AsyncIterator[httpx.AsyncClient]:
    truth = Truth(time.now, [])
    truth.tell(told("012", run="r1"))
    transport = httpx.ASGITransport(scripted_stripe(truth))  # type: ignore[arg-type]  # Litestar's own types
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://stripe.test/v1", headers=headers) as client:
        yield client


async def statuses(stripe: httpx.AsyncClient, **asked: str) -> dict[str, str]:
    page = (await stripe.get("/subscriptions", params={"customer": "cus_1_r1", **asked})).raise_for_status().json()
    return {each["id"]: each["status"] for each in page["data"]}


async def test_stripe_answers_what_is_true_at_the_moment(stripe: httpx.AsyncClient, time: Time) -> None:
    assert await statuses(stripe, status="all") == {"sub_A_r1": "active", "sub_B_r1": "active"}

    time.seconds = CHANGED_AT

    assert await statuses(stripe, status="all") == {"sub_A_r1": "canceled", "sub_B_r1": "active"}
    assert await statuses(stripe) == {"sub_B_r1": "active"}, "cancelled ones are listed when they are asked for"


async def test_stripe_tells_page_by_page(stripe: httpx.AsyncClient) -> None:
    first = (await stripe.get("/subscriptions", params={"limit": "1"})).json()
    second = (
        await stripe.get("/subscriptions", params={"limit": "1", "starting_after": first["data"][0]["id"]})
    ).json()

    assert (first["has_more"], second["has_more"]) == (True, False)
    assert first["data"][0]["id"] != second["data"][0]["id"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/subscriptions/sub_A_r1", 200),
        ("/customers/cus_1_r1", 200),
        ("/subscriptions/sub_of_nobody", 404),
        ("/invoices/sub_A_r1", 404),
        ("/subscriptions?customer=cus_of_nobody", 400),
        ("/disputes?customer=cus_1_r1", 400),
        ("/nonsense", 404),
    ],
)
async def test_stripe_refuses_what_it_does_not_know(stripe: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await stripe.get(path)).status_code == status


async def test_stripe_puts_objects_in_the_place_of_ids_where_it_knows_them(time: Time) -> None:
    time.seconds = CHANGED_AT
    truth = Truth(time.now, [])
    truth.tell(told("050", run="r1"))

    asked = {"expand[0]": "data.latest_invoice.payments", "customer": "cus_1_r1"}
    page = await truth.answer("subscriptions", asked)

    [payment] = page["data"][0]["latest_invoice"]["payments"]["data"]
    assert payment["payment"]["payment_intent"] == "pi_A_1_r1"
    found = await truth.answer("invoice_payments", {"payment[payment_intent]": "pi_A_1_r1"})
    assert [each["invoice"] for each in found["data"]] == ["in_A_1_r1"]
    unknown = await truth.answer("invoice_payments", {"payment[payment_intent]": "pi_of_nobody"})
    assert unknown["data"] == []
