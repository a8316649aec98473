"""Throttles, declared on routes: `throttled=Throttled("login", "email")`, and for sign-ins `befriend`."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, Protocol

import msgspec
from litestar import Request

from application.errors import Unavailable
from application.ports.secrets import SignedIn
from application.ports.throttles import RateLimited, Standing
from application.throttling import Subject

LIMIT, REMAINING, RESET = "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"


class Throttled(msgspec.Struct, frozen=True):
    """A route's option: the action whose limits count, and what it is tried on besides the address that it comes from.

    That is the field of the body with an e-mail address or a phone number, or the account of whoever is signed in.
    """

    action: str
    by: Literal["email", "phone", "account"] | None = None
    strangers_only: bool = False
    """Whoever is signed in is not counted."""


class Gate(Protocol):
    """The throttling of the house."""

    async def admit(self, action: str, *, peer: str, subject: Subject | None = None) -> Standing: ...

    async def befriend(self, *, peer: str, subject: Subject) -> None: ...

    async def is_familiar(self, *, peer: str, subject: Subject) -> bool: ...


async def throttle(request: Request[Any, Any, Any], rule: Throttled) -> None:
    """Count one try, once it is known who asks and that the body is as documented. Raises RateLimited, Malformed."""
    gate: Gate = request.app.state["throttling"]
    state = request.scope["state"]
    if rule.strangers_only and state.get("viewer") is not None:
        return
    try:
        state["standing"] = await gate.admit(
            rule.action, peer=peer_of(request), subject=await subject_of(request, rule)
        )
    except RateLimited as limited:
        state["standing"] = limited.standing
        raise


async def subject_of(request: Request[Any, Any, Any], rule: Throttled) -> Subject | None:
    """What a throttled route is tried on."""
    match rule.by:
        case "account":
            viewer: SignedIn = request.scope["state"]["viewer"]
            return Subject("account", str(viewer.account_id))
        case None:
            return None
        case kind:
            return await named_in(request, kind)


async def named_in(request: Request[Any, Any, Any], field: Literal["email", "phone"]) -> Subject:
    """Who it is that the body says they are."""
    return Subject(field, getattr(await request.json(), field))


def peer_of(request: Request[Any, Any, Any]) -> str:
    """The address that the request came from: a proxy's word for it counts only where the server believes the proxy."""
    return request.client.host if request.client else ""


def befriend(field: Literal["email", "phone"]) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    """After a sign-in that was not refused: from where it came is familiar to whom it names from now on."""

    async def familiar_from_now_on(request: Request[Any, Any, Any]) -> None:
        gate: Gate = request.app.state["throttling"]
        with suppress(Unavailable):
            await gate.befriend(peer=peer_of(request), subject=await named_in(request, field))

    return familiar_from_now_on


async def is_familiar(request: Request[Any, Any, Any], phone: str) -> bool:
    """Whether the number has been signed in with from where the request comes."""
    gate: Gate = request.app.state["throttling"]
    return await gate.is_familiar(peer=peer_of(request), subject=Subject("phone", phone))


def standing_headers(standing: Standing) -> list[tuple[bytes, bytes]]:
    """Where the caller stands with the tightest of the limits that counted."""
    return [
        (LIMIT.lower().encode(), str(standing.limit).encode()),
        (REMAINING.lower().encode(), str(standing.remaining).encode()),
        (RESET.lower().encode(), str(standing.reset_seconds).encode()),
    ]
