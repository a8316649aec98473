"""The simulated Cloudflare Stream as a part of the sandbox server: its routes, and what runs beside them."""

import asyncio
import base64
import hmac
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import jwt
import msgspec
from jwt.algorithms import RSAAlgorithm
from litestar import Litestar, Request, Response, Router, delete, get, head, patch, post, put
from litestar.connection import ASGIConnection
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency, Provide
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.params import Body, FromPath, JSONBody, SkipValidation

from adapters.sandbox.cloudflare.account import ACCOUNT_ID, API_TOKEN, SIGNING_KEY_ID
from adapters.sandbox.cloudflare.errors import StreamRefusal, refuse, refuse_a_control
from adapters.sandbox.cloudflare.simulation import StreamObject, StreamSimulation
from adapters.sandbox.simulator import Simulator
from adapters.sandbox.stripe.controls.deliveries import DeliveryControls
from adapters.sandbox.stripe.errors import StripeRefusal

PATH = "/cloudflare"
LARGEST_FILE = 200 * 1000**2
PIECE = 1024**2
PLAYLIST = "application/x-mpegURL"

GivenSimulation = NamedDependency[SkipValidation[StreamSimulation]]
GivenPublicKey = NamedDependency[SkipValidation[Any]]


class DirectUpload(msgspec.Struct, frozen=True):
    """What else Cloudflare takes is taken, and changes nothing."""

    duration_seconds: Annotated[int, msgspec.Meta(ge=1, le=36_000)] = msgspec.field(name="maxDurationSeconds")
    creator: str | None = None


class Finishing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    finish: Literal["at_once", "when_told"]


def _enveloped(result: object) -> StreamObject:
    return {"success": True, "errors": [], "messages": [], "result": result}


@post("/direct_upload", status_code=200)
async def direct_upload(data: JSONBody[DirectUpload], simulation: GivenSimulation) -> StreamObject:
    return _enveloped(await simulation.create(data.creator))


@post("/", status_code=201)
async def tus_upload(request: Request[Any, Any, Any], simulation: GivenSimulation) -> Response[None]:
    """https://tus.io/protocols/resumable-upload, the extension Creation."""
    length = request.headers.get("upload-length", "")
    if not length.isdecimal() or request.headers.get("tus-resumable") != "1.0.0":
        raise StreamRefusal(400, 10_005, "The upload has no length, or is not of tus 1.0.0.")
    made = await simulation.create(request.headers.get("upload-creator"), length=int(length))
    return Response(None, headers={"Location": made["uploadURL"], "stream-media-id": made["uid"]})


@patch("/upload/{uid:str}", status_code=204, request_max_body_size=LARGEST_FILE)
async def take_piece(
    uid: FromPath[str], request: Request[Any, Any, Any], simulation: GivenSimulation
) -> Response[None]:
    """At the offset to which it has come; with the last piece the video is being made."""
    offset, length = await simulation.pieces(uid)
    if request.headers.get("upload-offset") != str(offset):
        raise StreamRefusal(409, 10_005, f"The upload has come to {offset}.")
    with simulation.part(uid).open("ab+") as file:
        async for chunk in request.stream():
            await asyncio.to_thread(file.write, chunk)
        offset = file.tell()
        if offset >= length:
            await simulation.take_in(uid, file)
    return Response(None, headers={"Upload-Offset": str(offset)})


@head("/upload/{uid:str}")
async def ask_pieces(uid: FromPath[str], simulation: GivenSimulation) -> Response[None]:
    offset, length = await simulation.pieces(uid)
    return Response(None, headers={"Upload-Offset": str(offset), "Upload-Length": str(length)})


@get("/{uid:str}")
async def read_video(uid: FromPath[str], simulation: GivenSimulation) -> StreamObject:
    return _enveloped(await simulation.read(uid))


@delete("/{uid:str}", status_code=200)
async def delete_video(uid: FromPath[str], simulation: GivenSimulation) -> None:
    await simulation.delete(uid)


@post("/upload/{uid:str}", status_code=200, request_max_body_size=LARGEST_FILE)
async def take_form(
    uid: FromPath[str],
    data: Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)],
    simulation: GivenSimulation,
) -> None:
    """The file is the form's `file`."""
    with tempfile.TemporaryFile() as file:
        if "file" not in data:
            raise StreamRefusal(400, 10_005, "The form has no file.")
        while piece := await data["file"].read(PIECE):
            await asyncio.to_thread(file.write, piece)
        await simulation.take_in(uid, file)


@get("/delivery/{token:str}/manifest/video.m3u8")
async def manifest(token: FromPath[str], simulation: GivenSimulation, public_key: GivenPublicKey) -> Response[str]:
    """A playlist of nothing that is there."""
    seconds = await _played(token, simulation, public_key)
    lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{round(seconds) + 1}", f"#EXTINF:{seconds:.3f},", "seg_1.ts"]
    return Response("\n".join([*lines, "#EXT-X-ENDLIST", ""]), media_type=PLAYLIST)


async def _played(token: str, simulation: StreamSimulation, public_key: Any) -> float:
    """The length of what the token is for. Raises StreamRefusal."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        claims = jwt.decode(token, public_key, algorithms=["RS256"], options={"verify_exp": False})
    except jwt.InvalidTokenError as wrong:
        raise StreamRefusal(401, 10_002, f"The token is not good: {wrong}") from None
    if not kid == claims.get("kid") == SIGNING_KEY_ID or claims.get("exp", 0) <= simulation.now():
        raise StreamRefusal(401, 10_002, "The token is over, or of another key.")
    return float((await simulation.read(claims["sub"]))["duration"])


@put("/_sandbox/videos")
async def set_finish(data: JSONBody[Finishing], simulation: GivenSimulation) -> Finishing:
    """When a video is ready, or failed."""
    await simulation.set_finish(data.finish)
    return data


@post("/_sandbox/videos/{uid:str}/finish", status_code=204)
async def finish(uid: FromPath[str], simulation: GivenSimulation) -> None:
    await simulation.finish(uid)


def _of_the_account(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    given = connection.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {API_TOKEN}".encode()):
        raise NotAuthorizedException("Authentication error")


def cloudflare_simulator(
    *,
    store_path: Path,
    public_url: str,
    webhook_url: str | None,
    webhook_secret: str,
    signing_private_key: str,
    clock: Callable[[], datetime],
) -> Simulator:
    """Everything below `/cloudflare`; what it is given is as of `mux_simulator`."""
    simulation = StreamSimulation(
        store_path=store_path,
        base=f"{public_url.rstrip('/')}{PATH}",
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        clock=clock,
    )
    key: Any = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(base64.b64decode(signing_private_key))
    public_key = key.public_key()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with simulation.running():
            yield

    api = Router(
        f"/accounts/{ACCOUNT_ID}/stream",
        route_handlers=[direct_upload, tus_upload, read_video, delete_video],
        guards=[_of_the_account],
    )
    controls = [set_finish, finish, Router("/_sandbox", route_handlers=[DeliveryControls])]
    return Simulator(
        path=PATH,
        route_handlers=[api, take_form, take_piece, ask_pieces, manifest, *controls],
        dependencies={
            "simulation": Provide(lambda: simulation, sync_to_thread=False),
            "public_key": Provide(lambda: public_key, sync_to_thread=False),
        },
        exception_handlers={StripeRefusal: refuse_a_control, HTTPException: refuse},
        lifespan=lifespan,
    )
