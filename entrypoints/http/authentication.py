"""Who is asking: the bearer of an access token whose session is still alive, with the role that the ledger gives."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from application.errors import NotAllowed, NotSignedIn
from application.ports.secrets import SignedIn
from application.recall import Asked
from domain.account.account import Role
from domain.shared.fact import Actor, Cause
from entrypoints.http.problems import request_id

WhoIs = Callable[[str], Awaitable[SignedIn]]

TOKEN_LENGTH_MAX = 4096


class SignedInAs:
    """A guard: the caller is signed in, in one of these roles; with none named, in any.

    Guards run before the body is read, so a stranger learns nothing from it.
    """

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return  # Guards run for it too, and what may be done here is no secret.
        viewer = await identify(connection)
        if viewer is None:
            raise NotSignedIn("This needs an access token: `Authorization: Bearer ACCESS_TOKEN`.")
        if self.roles and viewer.role not in self.roles:
            raise NotAllowed("This is for " + " and ".join(sorted(f"{role}s" for role in self.roles)) + " alone.")


class MaybeSignedIn:
    """A guard that lets everybody in, and tells who came; a token that is not good is refused all the same."""

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        await identify(connection)


async def identify(connection: ASGIConnection[Any, Any, Any, Any]) -> SignedIn | None:
    """Whom the request's token speaks for; None without one. Raises NotSignedIn."""
    token = bearer_token(connection.headers.get("authorization"))
    if token is None:
        return None
    who_is: WhoIs = connection.app.state["who_is"]
    viewer = await who_is(token)
    connection.scope["state"]["viewer"] = viewer
    return viewer


def bearer_token(header: str | None) -> str | None:
    """The token of an Authorization header. Raises NotSignedIn for another scheme than Bearer."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_LENGTH_MAX:
        raise NotSignedIn("The Authorization header must read `Bearer ACCESS_TOKEN`.", "invalid_token")
    return token


def provide_viewer(request: Request[Any, Any, Any]) -> SignedIn | None:
    """Whom the guard found."""
    viewer: SignedIn | None = request.scope["state"].get("viewer")
    return viewer


def provide_cause(request: Request[Any, Any, Any]) -> Cause:
    """What every fact that follows from this request names as its cause."""
    return Cause("request", request_id(request.scope))


def provide_asked(request: Request[Any, Any, Any]) -> Asked:
    """Who asks, and by which request; behind a SignedInAs guard."""
    viewer: SignedIn = request.scope["state"]["viewer"]
    return Asked(
        Actor(msgspec.convert(viewer.role, Role), str(viewer.account_id)),
        provide_cause(request),
        request.scope["state"].get("seed"),
    )


Viewer = NamedDependency[SkipValidation[SignedIn]]
"""The caller, behind a SignedInAs guard."""

MaybeViewer = NamedDependency[SkipValidation[SignedIn | None]]
"""The caller, behind a MaybeSignedIn guard; None for a stranger."""

ByRequest = NamedDependency[SkipValidation[Asked]]
BecauseOf = NamedDependency[SkipValidation[Cause]]
