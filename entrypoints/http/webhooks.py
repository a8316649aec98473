"""What payment providers send us."""

from typing import Any

import msgspec
from litestar import Controller, Request, post
from litestar.params import RawBody

from application.ports.billing import EventMalformed, SignatureInvalid
from entrypoints.http.documented_problems import TOO_LARGE
from entrypoints.http.given import GivenWebhooks


class ReceivedView(msgspec.Struct, frozen=True):
    received: bool


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
        return ReceivedView(received=True)
