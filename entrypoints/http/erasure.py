"""Having everything personal about oneself erased, for good."""

from typing import Literal
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from application.account_admin import LastAdmin
from application.erasing import OneProofNeeded
from application.password_rules import WrongPassword
from application.phones import InvalidCode
from application.ports.codes import TooManyCodes
from application.ports.ledger import StreamMoved
from application.ports.letters import ChannelClosed
from application.ports.secrets import TooBusy
from entrypoints.http.authentication import ByRequest, SignedInAs, Viewer
from entrypoints.http.given import GivenErasureRequests
from entrypoints.http.texts import Code, Password
from entrypoints.http.throttled import Throttled
from entrypoints.http.views import SentView, sent_view


class ErasureAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Exactly one of the two: the password of the account, or the code that was sent for this."""

    password: Password | None = None
    code: Code | None = None


class ErasureView(msgspec.Struct, frozen=True, kw_only=True):
    """A worker carries it out, within seconds as a rule."""

    id: UUID
    status: Literal["requested", "erased"]


CONFIRM = Throttled("confirm", "account")


class ErasureController(Controller):
    path = "/me/erasure"
    tags = ("Accounts",)
    guards = (SignedInAs(),)

    @post(
        operation_id="erase_me",
        summary="Erase me",
        status_code=202,
        throttled=CONFIRM,
        refuses=(OneProofNeeded, WrongPassword, InvalidCode, LastAdmin, TooBusy, StreamMoved),
    )
    async def erase(
        self, viewer: Viewer, data: JSONBody[ErasureAsked], erasure_requests: GivenErasureRequests, asked: ByRequest
    ) -> ErasureView:
        """Ends every sign-in at once, and live subscriptions at the provider; what was paid stays on the ledger.

        It cannot be taken back. Afterwards the address and the number may be registered anew.
        """
        erasure = await erasure_requests.by_proof(
            viewer.account_id, password=data.password, code=data.code, asked=asked
        )
        return ErasureView(id=erasure.id, status=erasure.status)

    @post(
        "/code",
        operation_id="ask_erasure_code",
        summary="Ask for the code to erase me by",
        status_code=202,
        throttled=CONFIRM,
        refuses=(TooManyCodes, ChannelClosed),
    )
    async def send_code(self, viewer: Viewer, erasure_requests: GivenErasureRequests) -> SentView:
        """Sent to the e-mail address, else to the number: for who has no password."""
        return sent_view(await erasure_requests.send_code(viewer.account_id))
