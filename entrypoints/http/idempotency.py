"""Idempotency keys, declared on routes that move money or make a thing: `middleware=(Idempotent,)`.

Between the guards and the handler the key is looked up (`begin_once`, called for every request under /v1); what the
handler answers is kept before it is sent. Answers that say "try again" are not kept: 5xx, 401, 403, 408, 429 and what
is in TRY_AGAIN. The next attempt under the key has the same seed as the last, so that what was made is not made twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import Headers
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from application.errors import Unavailable
from application.ports.idempotency import Answer, Attempt, KeptAnswers
from application.ports.secrets import SignedIn
from entrypoints.http.problems import POSITION_HEADER, PROBLEM, FieldError, Malformed

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEY_LENGTH_MAX = 255
KEPT_BYTES_MAX = 1_000_000
LEASE_SECONDS = 15.0
RENEW_SECONDS = 5.0

NOT_KEPT = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}
TRY_AGAIN = {"stream_moved", "request_in_progress"}
KEPT_HEADERS = {b"content-type", b"location", POSITION_HEADER.lower().encode()}

log = logging.getLogger("streamly.http")


class Idempotent:
    """Around a route: a request that names a key is carried out once, and answered alike each time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if KEY_HEADER not in Headers.from_scope(scope):
            await self._app(scope, receive, send)
            return
        once = scope["state"]["once"] = Once(scope["litestar_app"].state["kept_answers"], send)
        try:
            await self._app(scope, receive, once.send)
        finally:
            await once.leave()


async def begin_once(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """The answer that is kept for this request, where there is one; else it is carried out.

    A stranger, and a body that is not as documented, use no key up.

    Raises IdempotencyKeyReused, RequestInProgress, Malformed.
    """
    once: Once | None = request.scope["state"].get("once")
    if once is None:
        return None
    key = key_in(request.headers.getall(KEY_HEADER))
    if "data" in request.route_handler.parsed_fn_signature.parameters:
        await request.json()
    viewer: SignedIn = request.scope["state"]["viewer"]
    return await once.begin(viewer, request, key, await request.body())


def key_in(given: Sequence[str]) -> str:
    """Raises Malformed for an empty key, a long one, and two of them."""
    if len(given) == 1 and 0 < len(given[0]) <= KEY_LENGTH_MAX:
        return given[0]
    error = FieldError(KEY_HEADER, f"Expected one key of 1 to {KEY_LENGTH_MAX} characters.")
    raise Malformed("The idempotency key is not as documented.", code="invalid_parameter", errors=[error])


class Once:
    """One request under a key: it holds the answer back until that is kept."""

    def __init__(self, kept: KeptAnswers, send: Send) -> None:
        self._kept = kept
        self._send = send
        self._attempt: Attempt | None = None
        self._staying: asyncio.Task[None] | None = None
        self._start: HTTPResponseStartEvent | None = None
        self._body = b""

    async def begin(
        self, viewer: SignedIn, request: Request[Any, Any, Any], key: str, body: bytes
    ) -> Response[bytes] | None:
        begun = await self._kept.begin(
            viewer.account_id,
            method=str(request.method),
            path=request.scope["path"],
            key=key,
            request=body,
            lease_seconds=LEASE_SECONDS,
        )
        if isinstance(begun, Answer):
            if begun.status >= HTTPStatus.BAD_REQUEST:
                request.scope["state"][PROBLEM] = msgspec.json.decode(begun.body)["code"]
            return Response(
                begun.body, status_code=begun.status, headers={**dict(begun.headers), REPLAYED_HEADER: "true"}
            )
        self._attempt = begun
        self._staying = asyncio.create_task(self._stay(begun), name="idempotency")
        request.scope["state"]["seed"] = begun.seed
        return None

    async def _stay(self, attempt: Attempt) -> None:
        """For as long as it takes; a process that is killed says nothing any more."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(Unavailable):
                await self._kept.renew(attempt, lease_seconds=LEASE_SECONDS)

    async def send(self, message: Message) -> None:
        """Hold back the answer to an attempt; everything else goes on as it comes."""
        if self._attempt is None:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body += message["body"]
            if not message["more_body"]:
                await self._answer(self._attempt)

    async def _answer(self, attempt: Attempt) -> None:
        assert self._start is not None, "an answer begins with its head"
        if is_final(self._start["status"], self._body) and len(self._body) <= KEPT_BYTES_MAX:
            await self._keep(attempt, self._start)
        else:
            await self.leave()
        self._attempt = None
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": self._body, "more_body": False})

    async def _keep(self, attempt: Attempt, start: HTTPResponseStartEvent) -> None:
        """An answer that cannot be kept now is given all the same: asked again, it is worked out from the same seed."""
        headers = [(name.lower(), value) for name, value in start["headers"]]
        kept = tuple((name.decode(), value.decode("latin-1")) for name, value in headers if name in KEPT_HEADERS)
        try:
            await self._kept.keep(attempt, Answer(start["status"], kept, self._body))
        except Unavailable as trouble:
            log.warning("an answer could not be kept", extra={"why": str(trouble)})

    async def leave(self) -> None:
        """Nothing is held any more; an attempt without an answer may be taken up by the next one."""
        if self._staying is not None:
            self._staying.cancel()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            with suppress(Unavailable):
                await self._kept.release(attempt)


def is_final(status: int, body: bytes) -> bool:
    """Whether the same request would be answered so again."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in NOT_KEPT:
        return False
    return status != HTTPStatus.CONFLICT or msgspec.json.decode(body).get("code") not in TRY_AGAIN
