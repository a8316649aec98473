"""`/mux/video/v1/...`: uploads and assets, for who has the token; and the addresses to which the bytes are sent."""

import asyncio
import base64
import binascii
import hmac
import tempfile
from typing import Annotated, Any

from litestar import Request, Response, Router, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from adapters.sandbox.mux.account import TOKEN_ID, TOKEN_SECRET
from adapters.sandbox.mux.errors import MuxRefusal
from adapters.sandbox.mux.shapes import MuxObject, NewUpload, shown
from adapters.sandbox.mux.simulation import MuxSimulation
from adapters.sandbox.stripe.faults import hang_up

LARGEST_BODY = 256 * 1024
LARGEST_FILE = 1024**3

GivenSimulation = NamedDependency[SkipValidation[MuxSimulation]]


@post("/uploads", status_code=201)
async def create_upload(data: JSONBody[NewUpload], simulation: GivenSimulation) -> MuxObject:
    return {"data": shown(await simulation.create_upload(data))}


@get("/uploads/{upload_id:str}")
async def read_upload(upload_id: FromPath[str], simulation: GivenSimulation) -> MuxObject:
    return {"data": shown(await simulation.read_upload(upload_id))}


@put("/uploads/{upload_id:str}/cancel")
async def cancel_upload(upload_id: FromPath[str], simulation: GivenSimulation) -> MuxObject:
    return {"data": shown(await simulation.cancel_upload(upload_id))}


@get("/assets")
async def list_assets(
    simulation: GivenSimulation,
    upload_id: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 25,
) -> MuxObject:
    return {"data": [shown(one) for one in await simulation.list_assets(upload_id=upload_id, limit=limit)]}


@get("/assets/{asset_id:str}")
async def read_asset(asset_id: FromPath[str], simulation: GivenSimulation) -> MuxObject:
    return {"data": shown(await simulation.read_asset(asset_id))}


@delete("/assets/{asset_id:str}", status_code=204)
async def delete_asset(asset_id: FromPath[str], simulation: GivenSimulation) -> None:
    await simulation.delete_asset(asset_id)


@put("/upload/{upload_id:str}/{secret:str}", status_code=200, request_max_body_size=LARGEST_FILE)
async def take_bytes(
    upload_id: FromPath[str], secret: FromPath[str], request: Request[Any, Any, Any], simulation: GivenSimulation
) -> None:
    """The whole file in one piece."""
    await simulation.expect_upload(upload_id, secret)
    with tempfile.TemporaryFile() as file:
        async for chunk in request.stream():
            await asyncio.to_thread(file.write, chunk)
        await simulation.take_in(upload_id, file)


def _of_the_account(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    scheme, __, encoded = connection.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if scheme != "Basic" or not hmac.compare_digest(given, f"{TOKEN_ID}:{TOKEN_SECRET}".encode()):
        raise NotAuthorizedException("Unauthorized request")


async def _planned_fault(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """In place of the answer, where one was planned; a slow one is only late."""
    simulation: MuxSimulation = request.app.state["mux"]
    path = request.url.path.partition("/video/v1")[2]
    fault = simulation.faults.take(request.method, path)
    if fault is None:
        return None
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "drop":
        await hang_up(request.receive)
    if fault.kind == "rate_limit":
        refusal = MuxRefusal(429, "rate_limit_exceeded", "Too many requests.")
        return Response(refusal.body, status_code=429, headers={"Retry-After": str(int(fault.seconds))})
    return Response(MuxRefusal(500, "internal_error", "Something went wrong.").body, status_code=500)


rest_api = Router(
    "/video/v1",
    route_handlers=[create_upload, read_upload, cancel_upload, list_assets, read_asset, delete_asset],
    guards=[_of_the_account],
    before_request=_planned_fault,
    request_max_body_size=LARGEST_BODY,
)
