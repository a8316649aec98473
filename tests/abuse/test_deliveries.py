"""Webhooks that are forged, old or repeated, and what they would give somebody who has not paid."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.abuse.installation import OLD_SECRET
from tests.abuse.running import ROUNDS, Person, Service, new_number
from tests.abuse.things import (
    access_of,
    customer_of,
    deliver,
    event,
    headers_for,
    id_of,
    opened_checkout,
    play,
    shared_film,
    shared_plan,
    signature,
    subscribe,
    subscription_of,
)
from tests.abuse.volley import Shot, volley
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

WEBHOOK = "/v1/webhooks/stripe"
STATUSES = ("incomplete", "incomplete_expired", "unpaid", "paused", "active", "trialing")


async def has_nothing(service: Service, person: Person) -> None:
    await service.settled()
    assert not (await access_of(person))[0]
    problem_in(await play(person.http, await shared_film(service)), 402, "subscription_required")


def subscription(customer: str, status: str, **given: Any) -> dict[str, Any]:
    """As a delivery has it, or as somebody would write it who wants to have one."""
    return {
        "id": f"sub_forged_{new_number()}",
        "object": "subscription",
        "customer": customer,
        "status": status,
        "current_period_end": 4_000_000_000,
        "items": {"object": "list", "data": []},
    } | given


@pytest.mark.abuse("AB-13")
async def test_to_come_back_from_the_page_without_paying_gives_nothing(service: Service) -> None:
    anna = await service.sign_up()
    checkout = await opened_checkout(anna, await shared_plan(service))
    known = checkout["url"].rpartition("/")[2]

    for client in (anna.http, service.public):
        back = await client.get("/checkout/success", params={"session_id": known, "checkout": checkout["id"]})
        assert back.status_code == 200

    await has_nothing(service, anna)


@pytest.mark.abuse("AB-14")
async def test_a_delivery_gives_nothing_that_stripe_does_not_say_when_it_is_asked(service: Service) -> None:
    anna = await service.sign_up()
    await opened_checkout(anna, await shared_plan(service))
    customer = await customer_of(service, anna)

    for status in STATUSES:
        body = event("customer.subscription.created", subscription(customer, status))
        assert (await deliver(service, body)).json() == {"received": True}

    await has_nothing(service, anna)


@pytest.mark.abuse("AB-15")
async def test_a_delivery_that_says_paid_pays_nothing(service: Service) -> None:
    anna, boris = await service.sign_up(), await service.sign_up()
    checkout = await opened_checkout(anna, await shared_plan(service))
    await opened_checkout(boris, await shared_plan(service))
    customers = [await customer_of(service, each) for each in (anna, boris)]

    for said in (
        {"payment_status": "unpaid"},
        {"amount_total": 1},
        {"currency": "jpy"},
        {"customer": customers[1]},
        {"customer": customers[1], "client_reference_id": boris.id},
        {},
    ):
        session = {
            "id": checkout["url"].rpartition("/")[2],
            "object": "checkout.session",
            "customer": customers[0],
            "client_reference_id": anna.id,
            "status": "complete",
            "payment_status": "paid",
            "amount_total": 999,
            "currency": "usd",
            "mode": "subscription",
        } | said
        assert (await deliver(service, event("checkout.session.completed", session))).status_code == 200

    await has_nothing(service, anna)
    await has_nothing(service, boris)


@pytest.mark.abuse("AB-16")
async def test_what_is_not_signed_by_one_of_our_secrets_is_not_kept(service: Service) -> None:
    body = event("customer.updated", {"id": "cus_of_nobody", "object": "customer"})
    now = service.at.business_now()
    good = signature(body, at=now)
    stamp, _, mac = good.partition(",v1=")
    bad = [
        None,
        "",
        "nonsense",
        stamp,
        f"{stamp},v1=",
        f"{stamp},v0={mac}",
        f"t=,v1={mac}",
        f"{good}0",
        good.upper(),
        *(
            signature(body, at=now, secret=secret)
            for secret in ("", "whsec_", "whsec_of_another_0123456789abcdef", "\0")
        ),
        signature(json.dumps(json.loads(body), indent=1).encode(), at=now),
    ]
    headers = [{} if each is None else {"stripe-signature": each} for each in bad]
    shots = [Shot("POST", WEBHOOK, body, each) for each in headers for _ in range(service.at.api_processes)]

    for answer in await volley(service.at, [*shots, Shot("POST", WEBHOOK, body + b" ", {"stripe-signature": good})]):
        problem_in(answer, 400, "invalid_signature")
    assert service.kept(id_of(body)) == 0
    (taken,) = await volley(service.at, [Shot("POST", WEBHOOK, body, {"stripe-signature": good})])
    assert taken.status_code == 200, taken.text


@pytest.mark.abuse("AB-18")
async def test_what_comes_from_the_other_mode_of_stripe_is_kept_and_nothing_else(service: Service) -> None:
    anna = await service.sign_up()
    await opened_checkout(anna, await shared_plan(service))
    told = await service.told(anna.id)
    body = event(
        "customer.subscription.created", subscription(await customer_of(service, anna), "active"), livemode=True
    )

    assert (await deliver(service, body)).status_code == 200

    await has_nothing(service, anna)
    assert service.kept(id_of(body)) == 1
    assert await service.told(anna.id) == told


@pytest.mark.abuse("AB-19")
async def test_of_a_hundred_copies_at_once_one_is_kept_and_nothing_is_told_twice(service: Service) -> None:
    anna = await service.sign_up()
    await subscribe(service, anna)
    await service.settled()
    told = await service.told(anna.id)
    hers = subscription(await customer_of(service, anna), "active")
    for _ in range(ROUNDS):
        body = event("customer.subscription.created", hers)
        shot = Shot("POST", WEBHOOK, body, headers_for(service, body))

        answers = await volley(service.at, [shot] * 100)

        assert {answer.status_code for answer in answers} == {200}
        assert service.kept(id_of(body)) == 1
    await service.settled()
    assert await service.told(anna.id) == told
    assert (await subscription_of(anna))["status"] == "active"


@pytest.mark.abuse("AB-19")
async def test_a_delivery_is_taken_within_five_minutes_of_its_signature(service: Service) -> None:
    body, now = event("customer.updated", {"id": "cus_of_nobody", "object": "customer"}), service.at.business_now()

    for away in (timedelta(seconds=-310), timedelta(seconds=310), timedelta(days=1), timedelta(days=-365)):
        problem_in(await deliver(service, body, at=now + away), 400, "invalid_signature")
    assert service.kept(id_of(body)) == 0
    for away in (timedelta(seconds=-280), timedelta()):
        assert (await deliver(service, body, at=now + away)).status_code == 200
    assert service.kept(id_of(body)) == 1


@pytest.mark.abuse("AB-20")
async def test_while_a_secret_is_replaced_both_are_good_and_no_third(service: Service) -> None:
    for secret, status in ((OLD_SECRET, 200), ("whsec_the_one_before_both_0123456789", 400), ("whsec_", 400)):
        body = event("customer.updated", {"id": "cus_of_nobody", "object": "customer"})

        answer = await deliver(service, body, secret=secret)

        assert answer.status_code == status
        assert service.kept(id_of(body)) == (status == 200)
