"""Signing in by phone, and what the links in letters lead to."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, post
from litestar.params import JSONBody

from application.emails import EmailInvalid, InvalidToken
from application.password_rules import WeakPassword
from application.phones import PhoneInvalid
from application.ports.codes import TooManyCodes
from application.ports.letters import ChannelClosed
from application.ports.secrets import TooBusy
from domain.account.contacts import EmailTaken
from entrypoints.http.authentication import BecauseOf
from entrypoints.http.given import GivenEmails, GivenNewPasswords, GivenPhones
from entrypoints.http.positions import at
from entrypoints.http.texts import Code, Email, LinkToken, Password, Phone
from entrypoints.http.throttled import Throttled, befriend, is_familiar
from entrypoints.http.views import SentView, TokensView, sent_view, tokens_view


class PhoneToProve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    phone: Phone


class ProvenPhone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    phone: Phone
    code: Code


class ForgottenPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    email: Email


class PasswordToReset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A password has 10 to 128 characters."""

    token: LinkToken
    password: Password


class EmailToVerify(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    token: LinkToken


INVALID_CODE = (401, "invalid_code", "The code is wrong or over.")
DISABLED = (401, "account_disabled", "This account is disabled.")


class AuthCodeController(Controller):
    path = "/auth"
    tags = ("Accounts",)

    @post(
        "/otp",
        operation_id="send_sign_in_code",
        summary="Ask for a code by text message",
        status_code=202,
        throttled=Throttled("otp", "phone"),
        refuses=(PhoneInvalid, TooManyCodes, ChannelClosed),
    )
    async def send_code(
        self, request: Request[Any, Any, Any], data: JSONBody[PhoneToProve], phones: GivenPhones
    ) -> SentView:
        """The same for every number, whether it has an account or not."""
        familiar = await is_familiar(request, data.phone)
        return sent_view(await phones.ask_sign_in(data.phone, is_familiar=familiar))

    @post(
        "/otp/verify",
        operation_id="sign_in_by_code",
        summary="Sign in by a code",
        status_code=200,
        throttled=Throttled("otp_verify"),
        after_response=befriend("phone"),
        refuses=(PhoneInvalid, INVALID_CODE, DISABLED),
    )
    async def verify_code(
        self, request: Request[Any, Any, Any], data: JSONBody[ProvenPhone], phones: GivenPhones, cause: BecauseOf
    ) -> TokensView:
        """Makes the account at the first sign-in. Five wrong tries end a code, and so does the next one.

        From an address at which the number has signed in before, codes and tries are counted apart from all others.
        """
        familiar = await is_familiar(request, data.phone)
        return tokens_view(await phones.sign_in(data.phone, data.code, cause=cause, is_familiar=familiar))

    @post(
        "/password/forgot",
        operation_id="forget_password",
        summary="Ask for a link to set a new password",
        status_code=202,
        throttled=Throttled("forgot", "email"),
        refuses=(EmailInvalid, TooManyCodes),
    )
    async def forgot(self, data: JSONBody[ForgottenPassword], new_passwords: GivenNewPasswords) -> SentView:
        """The same for an address that has no account, and in the same time."""
        return sent_view(await new_passwords.forgot(data.email))

    @post(
        "/password/reset",
        operation_id="reset_password",
        summary="Set a new password by a link",
        status_code=204,
        throttled=Throttled("reset"),
        refuses=(InvalidToken, WeakPassword, TooBusy),
    )
    async def reset(
        self, data: JSONBody[PasswordToReset], new_passwords: GivenNewPasswords, cause: BecauseOf
    ) -> Response[None]:
        """Ends every session of the account."""
        return at(await new_passwords.reset(data.token, new=data.password, cause=cause), None)

    @post(
        "/email/verify",
        operation_id="verify_email",
        summary="Confirm an address by a link",
        status_code=204,
        throttled=Throttled("email_verify"),
        refuses=(InvalidToken, EmailTaken),
    )
    async def verify_email(
        self, data: JSONBody[EmailToVerify], emails: GivenEmails, cause: BecauseOf
    ) -> Response[None]:
        """That of a new account, or the one that an account is to change to."""
        return at(await emails.confirm(data.token, cause=cause), None)
