"""What payment providers and video platforms send us."""

from typing import Any, Final

import msgspec
from litestar import Controller, Request, post
from litestar.params import RawBody
from litestar.types import HTTPScope

from application.errors import NotFound
from application.ports.deliveries import EventMalformed, SignatureInvalid
from application.webhooks import Webhooks
from entrypoints.http.direct import Answered, DirectAnswer
from entrypoints.http.documented_problems import TOO_LARGE
from entrypoints.http.given import GivenWebhooks

STRIPE_PATH = "/v1/webhooks/stripe"


class ReceivedView(msgspec.Struct, frozen=True):
    received: bool


RECEIVED: Final = ReceivedView(received=True)


class WebhookController(Controller):
    path = "/webhooks"
    tags = ("Webhooks",)

    @post(
        "/stripe",
        operation_id="receive_stripe",
        summary="Stripe's events",
        status_code=200,
        takes="application/json",
        refuses=(EventMalformed, SignatureInvalid, TOO_LARGE),
    )
    async def stripe(self, body: RawBody, request: Request[Any, Any, Any], webhooks: GivenWebhooks) -> ReceivedView:
        """Signed by `Stripe-Signature` over the very bytes. Answered once it is durable; settled afterwards."""
        await webhooks.receive(body, dict(request.headers.items()))
        return RECEIVED

    @post(
        "/mux",
        operation_id="receive_mux",
        summary="Mux's events",
        status_code=200,
        takes="application/json",
        refuses=(EventMalformed, NotFound, SignatureInvalid, TOO_LARGE),
    )
    async def mux(self, body: RawBody, request: Request[Any, Any, Any], webhooks: GivenWebhooks) -> ReceivedView:
        """Signed by `Mux-Signature` over the very bytes; 404 where Mux is not set up."""
        await webhooks.receive_of_platform("mux", body, dict(request.headers.items()))
        return RECEIVED

    @post(
        "/cloudflare",
        operation_id="receive_cloudflare",
        summary="Cloudflare Stream's notices",
        status_code=200,
        takes="application/json",
        refuses=(EventMalformed, NotFound, SignatureInvalid, TOO_LARGE),
    )
    async def cloudflare(self, body: RawBody, request: Request[Any, Any, Any], webhooks: GivenWebhooks) -> ReceivedView:
        """Signed by `Webhook-Signature` over the very bytes; 404 where Cloudflare Stream is not set up."""
        await webhooks.receive_of_platform("cloudflare", body, dict(request.headers.items()))
        return RECEIVED


def receive_stripe(webhooks: Webhooks) -> DirectAnswer:
    """The same without Litestar, whose part is longer than all that there is to do."""
    received = Answered(msgspec.json.encode(RECEIVED))

    async def stripe(scope: HTTPScope, body: bytes, _: str) -> Answered:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        await webhooks.receive(body, headers)
        return received

    return stripe
