"""`/stripe/v1/...` on HTTP: one handler hands every request to the door of the API."""

import asyncio
from pathlib import PurePath
from typing import Any

import msgspec
from litestar import HttpMethod, Request, Response, route
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import SkipValidation

from adapters.sandbox.stripe.api import door
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.faults import hang_up
from adapters.sandbox.stripe.simulation import Simulation

FORM = "application/x-www-form-urlencoded"
LARGEST_BODY = 256 * 1024


@route(
    "/v1/{rest:path}",
    http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.DELETE],
    request_max_body_size=LARGEST_BODY,
    status_code=200,
)
async def rest_api(
    request: Request[Any, Any, Any], simulation: NamedDependency[SkipValidation[Simulation]]
) -> Response[bytes]:
    asked = door.Asked(
        verb=request.method,
        path=str(PurePath(request.path_params["rest"])),
        encoded=await _form(request),
        authorization=request.headers.get("authorization"),
        version=request.headers.get("stripe-version"),
        idempotency_key=request.headers.get("idempotency-key") or None,
    )
    answered = await _answer(simulation, asked, request)
    return Response(answered.body, status_code=answered.status, media_type="application/json", headers=answered.headers)


async def _answer(simulation: Simulation, asked: door.Asked, request: Request[Any, Any, Any]) -> door.Answered:
    """The door's, unless a fault was planned."""
    fault = simulation.faults.take(asked.verb, asked.path)
    if fault is None:
        return await door.answer(simulation, asked)
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return await door.answer(simulation, asked)
    if fault.after:
        await door.answer(simulation, asked)
    if fault.kind == "drop":
        await hang_up(request.receive)
    refusal = fault.refusal()
    return door.Answered(refusal.status, msgspec.json.encode(refusal.body), fault.headers())


async def _form(request: Request[Any, Any, Any]) -> str:
    if request.method != HttpMethod.POST:
        return request.url.query
    body = await request.body()
    if body and request.content_type[0] != FORM:
        raise StripeRefusal(f"Invalid request: the body must be sent as {FORM}.")
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise StripeRefusal("Invalid request: the form must be URL-encoded.") from error


def refuse(_: Request[Any, Any, Any], refusal: StripeRefusal) -> Response[dict[str, Any]]:
    return Response(refusal.body, status_code=refusal.status)


def refuse_in_their_shape(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """What Litestar itself refuses (a body too large, a malformed control) comes in Stripe's shape as well."""
    reasons = error.extra if isinstance(error.extra, list) else []
    message = "; ".join([error.detail, *(str(reason.get("message", reason)) for reason in reasons)])
    return refuse(request, StripeRefusal(message, status=error.status_code))
