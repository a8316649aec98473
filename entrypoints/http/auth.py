"""Registering, signing in, staying signed in, signing out."""

import msgspec
from litestar import Controller, Response, post
from litestar.params import JSONBody

from application.emails import EmailInvalid
from application.password_rules import WeakPassword
from application.ports.secrets import TooBusy
from application.signing_in import InvalidCredentials
from domain.account.contacts import EmailTaken
from entrypoints.http.authentication import BecauseOf
from entrypoints.http.given import GivenAccounts, GivenSigningIn
from entrypoints.http.positions import at
from entrypoints.http.texts import Email, Line, Password, RefreshToken
from entrypoints.http.throttled import Throttled, befriend
from entrypoints.http.views import RegisteredView, TokensView, registered_view, tokens_view


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A password has 10 to 128 characters. There is no field for a role: everybody begins as a viewer."""

    email: Email
    password: Password
    name: Line | None = None


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    email: Email
    password: Password


class Refreshing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    refresh_token: RefreshToken


INVALID_REFRESH = (401, "invalid_token", "Sign in again.")
REUSED_REFRESH = (401, "token_reused", "This token was used before; sign in again.")
DISABLED = (401, "account_disabled", "This account is disabled.")


class AuthController(Controller):
    path = "/auth"
    tags = ("Accounts",)

    @post(
        "/register",
        operation_id="register",
        summary="Register",
        throttled=Throttled("register", "email"),
        after_response=befriend("email"),
        refuses=(EmailInvalid, EmailTaken, WeakPassword, TooBusy),
    )
    async def register(
        self, data: JSONBody[Registration], accounts: GivenAccounts, signing_in: GivenSigningIn, cause: BecauseOf
    ) -> Response[RegisteredView]:
        """Make an account, and sign in to it."""
        registered = await accounts.register(email=data.email, password=data.password, name=data.name, cause=cause)
        tokens = await signing_in.open_session(registered.account.id, epoch=registered.account.sign_in_epoch)
        return at(registered.position, registered_view(registered.account, tokens))

    @post(
        "/login",
        operation_id="login",
        summary="Sign in",
        status_code=200,
        throttled=Throttled("login", "email"),
        after_response=befriend("email"),
        refuses=((401, "invalid_credentials", str(InvalidCredentials())), DISABLED, TooBusy),
    )
    async def login(self, data: JSONBody[Credentials], signing_in: GivenSigningIn) -> TokensView:
        """The answer to an unknown address is that to a wrong password, and takes as long."""
        return tokens_view(await signing_in.sign_in(email=data.email, password=data.password))

    @post(
        "/refresh",
        operation_id="refresh",
        summary="Stay signed in",
        status_code=200,
        throttled=Throttled("refresh"),
        refuses=(INVALID_REFRESH, REUSED_REFRESH),
    )
    async def refresh(self, data: JSONBody[Refreshing], signing_in: GivenSigningIn, cause: BecauseOf) -> TokensView:
        """Spends a refresh token for new tokens. One that was spent before ends the session: somebody has a copy."""
        return tokens_view(await signing_in.refresh(data.refresh_token, cause=cause))

    @post("/logout", operation_id="logout", summary="Sign out", status_code=204)
    async def logout(self, data: JSONBody[Refreshing], signing_in: GivenSigningIn) -> None:
        """Ends the session of a refresh token; one that means nothing is as good as ended."""
        await signing_in.sign_out(data.refresh_token)
