"""What Stripe sends: kept when it is signed, refused when it is not."""

import hmac
import json
import time
from hashlib import sha256

import pytest

from entrypoints.development_secrets import with_development_secrets
from tests.http.problem import problem_in
from tests.http.running import Service

pytestmark = pytest.mark.anyio

EVENT = json.dumps(
    {
        "id": "evt_story",
        "object": "event",
        "type": "customer.subscription.updated",
        "created": 1_700_000_000,
        "livemode": False,
        "api_version": "2026-01-28.clover",
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_of_nobody"}},
    }
).encode()


def signed(service: Service, body: bytes, *, at: float | None = None, secret: str | None = None) -> dict[str, str]:
    secret = secret if secret is not None else with_development_secrets(service.house.settings).stripe_webhook_secrets
    moment = int(at if at is not None else time.time())
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={signature}", "Content-Type": "application/json"}


async def waiting(service: Service) -> int:
    return (await service.house.health.readiness()).queues["webhooks"]


async def test_a_signed_event_is_kept_once(service: Service) -> None:
    before = await waiting(service)
    headers = signed(service, EVENT)

    answers = [await service.public.post("/v1/webhooks/stripe", content=EVENT, headers=headers) for _ in range(3)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"received": True})] * 3
    assert await waiting(service) == before + 1


async def test_what_is_not_signed_so_is_not_kept(service: Service) -> None:
    before = await waiting(service)
    good = signed(service, EVENT)
    bad = [
        (EVENT, {}),
        (EVENT, {"Stripe-Signature": ""}),
        (EVENT, {"Stripe-Signature": "t=1,v1="}),
        (EVENT, {"Stripe-Signature": "nonsense"}),
        (EVENT, {"Stripe-Signature": good["Stripe-Signature"].replace("v1=", "v0=")}),
        (EVENT + b" ", good),
        (EVENT, signed(service, EVENT, secret="whsec_another")),
        (EVENT, signed(service, EVENT, secret="")),
        (EVENT, signed(service, EVENT, at=time.time() - 400)),
        (EVENT, signed(service, EVENT, at=time.time() + 400)),
    ]

    for body, headers in bad:
        answer = await service.public.post("/v1/webhooks/stripe", content=body, headers=headers)
        problem_in(answer, 400, "invalid_signature")
    assert await waiting(service) == before


NUL_EVENT = EVENT.replace(b"evt_", b"evt_\\u0000")
NUL_CUSTOMER = EVENT.replace(b"cus_of_nobody", b"cus_\\u0000")


@pytest.mark.parametrize("body", [b"", b"not json", b"[" * 50_000, b'{"a":' * 50_000, NUL_EVENT, NUL_CUSTOMER])
async def test_what_is_signed_and_no_event_is_refused_and_not_kept(service: Service, body: bytes) -> None:
    before = await waiting(service)

    answer = await service.public.post("/v1/webhooks/stripe", content=body, headers=signed(service, body))

    problem_in(answer, 400, "event_malformed")
    assert await waiting(service) == before


async def test_an_event_has_a_limit(service: Service) -> None:
    body = b"x" * 1_000_001

    answer = await service.public.post("/v1/webhooks/stripe", content=body, headers=signed(service, body))

    problem_in(answer, 413, "body_too_large")
