"""The caller's own account."""

from litestar import Controller, get

from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenAccounts
from entrypoints.http.views import AccountView, account_view


class MeController(Controller):
    path = "/me"
    tags = ("Accounts",)
    guards = (SignedInAs(),)

    @get(operation_id="read_me", summary="Who am I")
    async def read(self, viewer: Viewer, accounts: GivenAccounts) -> AccountView:
        """The account that is signed in."""
        return account_view(await accounts.account(viewer.account_id))
