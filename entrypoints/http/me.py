"""The caller's own account: what it is called, how it is reached, its password."""

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.params import JSONBody

from application.emails import EmailInvalid
from application.new_passwords import RecentSignInNeeded
from application.password_rules import WeakPassword, WrongPassword
from application.phones import InvalidCode, PhoneInvalid
from application.ports.codes import TooManyCodes
from application.ports.ledger import StreamMoved
from application.ports.letters import ChannelClosed
from application.ports.secrets import TooBusy
from domain.account.contacts import PhoneTaken
from entrypoints.http.authentication import ByRequest, SignedInAs, Viewer
from entrypoints.http.given import GivenAccounts, GivenEmails, GivenNewPasswords, GivenPhones
from entrypoints.http.positions import at
from entrypoints.http.texts import Code, Email, Line, Password, Phone
from entrypoints.http.throttled import Throttled
from entrypoints.http.views import AccountView, SentView, account_view, sent_view


class MeToChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is; null: no name."""

    name: Line | msgspec.UnsetType | None = msgspec.UNSET


class NewEmail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With the password of the account."""

    email: Email
    password: Password


class NewPhone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With the password of the account."""

    phone: Phone
    password: Password


class PhoneCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    code: Code


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A password has 10 to 128 characters. Null, of an account that has none yet, within 15 minutes of signing in."""

    current_password: Password | None = None
    new_password: Password


CONFIRM = Throttled("confirm", "account")


class MeController(Controller):
    path = "/me"
    tags = ("Accounts",)
    guards = (SignedInAs(),)

    @get(operation_id="read_me", summary="Who am I")
    async def read(self, viewer: Viewer, accounts: GivenAccounts) -> AccountView:
        """The account that is signed in."""
        return account_view(await accounts.account(viewer.account_id))

    @patch(operation_id="change_me", summary="Change one's name", refuses=(StreamMoved,))
    async def change(
        self, viewer: Viewer, data: JSONBody[MeToChange], accounts: GivenAccounts, asked: ByRequest
    ) -> Response[AccountView]:
        """Neither a role nor what a letter has to prove is changed here."""
        name = data.name
        if isinstance(name, msgspec.UnsetType):
            name = (await accounts.account(viewer.account_id)).name
        renamed = await accounts.rename(viewer.account_id, name, asked)
        return at(renamed.position, account_view(renamed.account))

    @post(
        "/email",
        operation_id="change_email",
        summary="Change one's address",
        status_code=202,
        throttled=CONFIRM,
        refuses=(EmailInvalid, WrongPassword, TooBusy, TooManyCodes, ChannelClosed),
    )
    async def change_email(self, viewer: Viewer, data: JSONBody[NewEmail], emails: GivenEmails) -> SentView:
        """It counts once the new one has confirmed it, by the link that is sent there; the former one is told."""
        life = await emails.ask_change(viewer.account_id, email=data.email, password=data.password)
        return sent_view(life)

    @post(
        "/phone",
        operation_id="change_phone",
        summary="Change one's number",
        status_code=202,
        throttled=CONFIRM,
        refuses=(PhoneInvalid, WrongPassword, TooBusy, TooManyCodes, ChannelClosed),
    )
    async def change_phone(self, viewer: Viewer, data: JSONBody[NewPhone], phones: GivenPhones) -> SentView:
        """It counts once the code that is sent there has come back."""
        life = await phones.ask_change(viewer.account_id, phone=data.phone, password=data.password)
        return sent_view(life)

    @post(
        "/phone/verify",
        operation_id="verify_phone",
        summary="Prove one's new number",
        status_code=204,
        throttled=CONFIRM,
        refuses=(InvalidCode, PhoneTaken, StreamMoved),
    )
    async def verify_phone(
        self, viewer: Viewer, data: JSONBody[PhoneCode], phones: GivenPhones, asked: ByRequest
    ) -> Response[None]:
        """Five wrong tries end a code, and so does the next one."""
        return at(await phones.prove(viewer.account_id, data.code, asked), None)

    @post(
        "/password",
        operation_id="change_password",
        summary="Change one's password",
        status_code=204,
        throttled=CONFIRM,
        refuses=(WrongPassword, RecentSignInNeeded, WeakPassword, TooBusy, StreamMoved),
    )
    async def change_password(
        self, viewer: Viewer, data: JSONBody[NewPassword], new_passwords: GivenNewPasswords, asked: ByRequest
    ) -> Response[None]:
        """Ends the account's other sessions."""
        position = await new_passwords.change(viewer, current=data.current_password, new=data.new_password, asked=asked)
        return at(position, None)
