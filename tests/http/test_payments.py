"""Payments over HTTP: one's own, everybody's for who looks after them, and what became of each."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from application.ports.ledger import Write
from domain.payment.payment import PaymentFact, PaymentFailed, PaymentRefunded, PaymentSucceeded
from domain.shared.money import Money
from tests.http.problem import problem_in
from tests.http.running import Person, Service
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio


def paid(account_id: UUID, payment_id: UUID) -> PaymentSucceeded:
    return PaymentSucceeded(
        fact_id=uuid4(),
        account_id=account_id,
        payment_id=payment_id,
        provider="stripe",
        provider_reference=f"in_{payment_id}",
        subscription_reference="sub_1",
        amount=Money(999, "USD"),
        paid_at=MONDAY,
        receipt_url="https://pay.example/1",
    )


def failed(account_id: UUID, payment_id: UUID) -> PaymentFailed:
    return PaymentFailed(
        fact_id=uuid4(),
        account_id=account_id,
        payment_id=payment_id,
        provider="stripe",
        provider_reference=f"in_{payment_id}",
        subscription_reference="sub_1",
        amount=Money(999, "USD"),
        attempt=1,
        next_attempt_at=MONDAY + days(1),
    )


def refunded(account_id: UUID, payment_id: UUID) -> PaymentRefunded:
    return PaymentRefunded(
        fact_id=uuid4(),
        account_id=account_id,
        payment_id=payment_id,
        provider="stripe",
        provider_reference=f"in_{payment_id}",
        subscription_reference="sub_1",
        refund_reference="re_1",
        amount=Money(400, "USD"),
        kept=Money(599, "USD"),
    )


async def happened(service: Service, payment_id: UUID, *facts: PaymentFact) -> dict[str, str]:
    """As convergence records it; the header that sees it."""
    ledger = service.house.records.ledger
    position = await ledger.append(Write(payment_id, len(await ledger.read(payment_id)), facts))
    return {"Ledger-Position": str(position)}


async def listed(person: Person, path: str, seeing: dict[str, str], **query: str) -> Any:
    answer = await person.http.get(path, headers=seeing, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_paid_on_the_page_is_among_ones_payments(service: Service, admin: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    seeing = {"Ledger-Position": str(await service.house.records.ledger.head())}

    page = await listed(anna, "/v1/me/payments", seeing)

    [payment] = page["items"]
    assert set(payment) == {
        "id",
        "amount",
        "status",
        "provider",
        "provider_reference",
        "paid_at",
        "receipt_url",
        "refunds",
    }
    assert (payment["amount"], payment["status"]) == ({"amount": 999, "currency": "USD"}, "paid")
    assert (payment["provider"], payment["provider_reference"][:3], payment["refunds"]) == ("stripe", "in_", [])
    assert payment["paid_at"].endswith("Z")
    assert page["next_cursor"] is None
    [shown] = (await listed(admin, "/v1/admin/payments", seeing, account=str(anna.account_id)))["items"]
    assert shown == payment | {"account_id": str(anna.account_id)}


async def test_what_went_back_is_shown(service: Service, anna: Person) -> None:
    payment = uuid4()
    seeing = await happened(service, payment, paid(anna.account_id, payment), refunded(anna.account_id, payment))

    [shown] = (await listed(anna, "/v1/me/payments", seeing))["items"]

    assert shown["status"] == "partly_refunded"
    [refund] = shown["refunds"]
    assert refund | {"at": ""} == {
        "amount": {"amount": 400, "currency": "USD"},
        "status": "refunded",
        "provider_reference": "re_1",
        "at": "",
    }
    assert refund["at"].endswith("Z")


async def test_pages_are_stable_while_payments_go_on(service: Service, admin: Person, anna: Person) -> None:
    payments = [uuid4() for _ in range(5)]
    *_, seeing = [await happened(service, payment, failed(anna.account_id, payment)) for payment in payments[:4]]

    first = await listed(anna, "/v1/me/payments", seeing, limit="2")
    await happened(service, payments[1], paid(anna.account_id, payments[1]))
    seeing = await happened(service, payments[4], failed(anna.account_id, payments[4]))
    then = await listed(anna, "/v1/me/payments", seeing, limit="2", cursor=first["next_cursor"])

    shown = [(item["id"], item["status"]) for item in first["items"] + then["items"]]
    assert shown == [
        (str(payments[3]), "failed"),
        (str(payments[2]), "failed"),
        (str(payments[1]), "paid"),
        (str(payments[0]), "failed"),
    ]
    assert then["next_cursor"] is None
    everybodys = await listed(admin, "/v1/admin/payments", seeing, limit="1")
    assert [item["id"] for item in everybodys["items"]] == [str(payments[4])]
    next_one = await listed(admin, "/v1/admin/payments", seeing, limit="1", cursor=everybodys["next_cursor"])
    assert [item["id"] for item in next_one["items"]] == [str(payments[3])]


async def test_nobody_sees_somebody_elses(service: Service, admin: Person, anna: Person, boris: Person) -> None:
    hers, his = uuid4(), uuid4()
    await happened(service, hers, paid(anna.account_id, hers))
    seeing = await happened(service, his, paid(boris.account_id, his))

    assert [item["id"] for item in (await listed(anna, "/v1/me/payments", seeing))["items"]] == [str(hers)]
    asked_for_his = await anna.http.get("/v1/me/payments", params={"account": str(boris.account_id)}, headers=seeing)
    assert str(his) not in asked_for_his.text
    of_boris = await listed(admin, "/v1/admin/payments", seeing, account=str(boris.account_id))
    assert [(item["id"], item["account_id"]) for item in of_boris["items"]] == [(str(his), str(boris.account_id))]
    assert (await listed(admin, "/v1/admin/payments", seeing, account=str(uuid4())))["items"] == []


async def test_everybodys_are_for_admins_and_support(service: Service, anna: Person, auditor: Person) -> None:
    support = await service.sign_up("support")

    assert (await support.http.get("/v1/admin/payments")).status_code == 200
    for person in (anna, auditor):
        problem_in(await person.http.get("/v1/admin/payments"), 403, "not_allowed")
    problem_in(await service.public.get("/v1/me/payments"), 401, "not_signed_in")


async def test_what_is_asked_for_has_to_be_asked_for_well(admin: Person) -> None:
    for query in ({"account": "anna"}, {"account": "null"}, {"limit": "0"}):
        problem_in(await admin.http.get("/v1/admin/payments", params=query), 400, "invalid_parameter")
    problem_in(await admin.http.get("/v1/admin/payments", params={"cursor": "?"}), 400, "invalid_cursor")
