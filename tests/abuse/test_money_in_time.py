"""What becomes of access and money when deliveries come in any order, get lost, or tell of money that went back."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.abuse.running import Person, Service, new_number, until
from tests.abuse.things import (
    access_of,
    at_stripe,
    control,
    customer_of,
    event,
    headers_for,
    payment_of,
    plan_on_sale,
    play,
    shared_film,
    subscribe,
)
from tests.abuse.volley import Shot, volley
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

PRICE = 999


async def live_subscription(service: Service, customer: str) -> Any:
    """As Stripe shows it."""
    (found,) = (await at_stripe(service, "GET", "subscriptions", customer=customer, status="all"))["data"]
    return found


async def charge_of(service: Service, customer: str) -> Any:
    (charge,) = (await at_stripe(service, "GET", "charges", customer=customer))["data"]
    return charge


async def watching_ends(service: Service, person: Person) -> None:
    film = await shared_film(service)

    async def refused() -> bool:
        return (await play(person.http, film)).status_code == 402

    await until(refused)


@pytest.mark.abuse("AB-21")
async def test_in_whatever_order_it_is_told_an_end_is_the_end(service: Service) -> None:
    anna = await service.sign_up()
    await subscribe(service, anna)
    customer = await customer_of(service, anna)
    alive = await live_subscription(service, customer)
    await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": False})
    ended = await live_subscription(service, customer)
    await service.settled()
    told = await service.told(anna.id)
    invoice = {"id": alive["latest_invoice"], "object": "invoice", "customer": customer, "subscription": alive["id"]}
    tellings = [
        ("customer.subscription.created", alive, 100),
        ("customer.subscription.updated", alive | {"cancel_at_period_end": True}, 200),
        ("invoice.paid", invoice, 150),
        ("customer.subscription.deleted", ended, 300),
    ]

    shots = []
    for order in permutations(tellings):
        for kind, said, second in order:
            body = event(kind, said, created=int(alive["created"]) + second)
            shots.append(Shot("POST", "/v1/webhooks/stripe", body, headers_for(service, body)))
    copies = shots[:: len(tellings) + 1]
    answers = [await volley(service.at, several) for several in (shots[:50], shots[50:], copies)]
    await service.settled()

    assert {answer.status_code for several in answers for answer in several} == {200}
    assert await access_of(anna) == (False, "ended")
    assert await service.told(anna.id) == told


@pytest.mark.abuse("AB-22")
async def test_access_ends_by_time_alone_where_its_end_was_never_told(service: Service) -> None:
    anna = await service.sign_up()
    await subscribe(service, anna)
    mine = (await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": True})).json()
    await service.settled()
    try:
        await control(service, "deliveries", {"mode": {"drop": True}})
        await service.move_clock(datetime.fromisoformat(mine["access"]["until"]) + timedelta(seconds=1))
        problem_in(await play(anna.http, await shared_film(service)), 402, "subscription_required")
        assert not (await access_of(anna))[0]
    finally:
        await control(service, "deliveries", {"mode": {}})


@pytest.mark.abuse("AB-23")
@pytest.mark.parametrize("how", ["all of it given back", "a part given back", "dispute lost", "dispute won"])
async def test_money_that_goes_back_takes_the_access_that_it_paid_for(service: Service, how: str) -> None:
    anna, plan = await service.sign_up(), await plan_on_sale(service)
    await subscribe(service, anna, plan)
    customer = await customer_of(service, anna)
    charge, paid = await charge_of(service, customer), await payment_of(service, anna)
    withdrawn = await (await service.admin()).patch(f"/v1/admin/plans/{plan['id']}", json={"active": False})
    assert withdrawn.status_code == 200, withdrawn.text

    match how:
        case "all of it given back":
            await at_stripe(service, "POST", "refunds", charge=charge["id"])
        case "a part given back":
            await at_stripe(service, "POST", "refunds", charge=charge["id"], amount="400")
        case _:
            dispute = await control(service, "disputes", {"charge": charge["id"], "reason": "fraudulent"})
            outcome = {"outcome": how.removeprefix("dispute ").replace("lost", "lose").replace("won", "win")}
            await control(service, f"disputes/{dispute['id']}", outcome)
    await service.settled()

    keeps = how in {"a part given back", "dispute won"}
    if not keeps:
        await watching_ends(service, anna)
    assert (await access_of(anna))[0] == keeps
    assert (await play(anna.http, await shared_film(service))).status_code == (200 if keeps else 402)
    kinds = await service.told(anna.id)
    assert kinds.count("subscription.access_revoked") == (0 if keeps else 1)
    assert (await payment_of(service, anna))["id"] == paid["id"]


@pytest.mark.abuse("AB-27")
async def test_what_the_bank_has_taken_is_not_given_back_as_well(service: Service) -> None:
    anna = await service.sign_up()
    await subscribe(service, anna)
    customer = await customer_of(service, anna)
    charge, admin = await charge_of(service, customer), await service.admin()
    path = f"/v1/admin/payments/{(await payment_of(service, anna))['id']}/refund"
    authorized = {"authorization": admin.headers["authorization"]}
    dispute = await control(service, "disputes", {"charge": charge["id"], "reason": "fraudulent"})

    keys = [authorized | {"idempotency-key": f"key-{new_number()}"} for _ in range(20)]
    answers = await volley(service.at, [Shot("POST", path, {"reason": "No sound"}, each) for each in keys])

    assert {answer.status_code for answer in answers} == {422}
    assert (await charge_of(service, customer))["amount_refunded"] == 0
    await control(service, f"disputes/{dispute['id']}", {"outcome": "win"})
    (given,) = await volley(service.at, [Shot("POST", path, {"reason": "No sound"}, authorized)])
    assert given.status_code == 201, given.text
    assert (await charge_of(service, customer))["amount_refunded"] == PRICE
