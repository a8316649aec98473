"""Everybody's accounts: support finds and reads them, admins give roles and shut out."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from application.account_admin import AccountInFull, LastAdmin
from application.ports.ledger import StreamMoved
from domain.account.account import Account, Role
from domain.account.erasure import AccountErased
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenAccountAdmin
from entrypoints.http.grants import BlockView, GrantView
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL, Line
from entrypoints.http.views import AccountView, account_view

NO_REASON = "no reason given"

AskedEmail = Annotated[str | None, QueryParameter(max_length=320, pattern=NO_NUL, description="In any spelling.")]
AskedPhone = Annotated[str | None, QueryParameter(max_length=32, pattern=NO_NUL, description="Such as +48600100200.")]


class AdminAccountView(AccountView, frozen=True, kw_only=True):
    """An account, to those who look after it; the name and the addresses of an erased person are null."""

    disabled: bool


class FullAccountView(AdminAccountView, frozen=True, kw_only=True):
    """With the grants and blocks that are in force, oldest first.

    `customers` has the one at each provider that buys here, which of those that are there was bound first;
    `further_customers` has the others, and those that are gone there.
    """

    customers: dict[str, str]
    further_customers: dict[str, tuple[str, ...]]
    grants: list[GrantView]
    blocks: list[BlockView]


class RoleToGive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reason` stays on the ledger for ever: name nobody in it."""

    reason: Line | None = None


class AdminAccountController(Controller):
    path = "/admin/accounts"
    tags = ("Accounts",)
    guards = (SignedInAs("admin", "support"),)

    @get(operation_id="list_accounts", summary="Accounts", refuses=(INVALID_CURSOR,))
    async def listing(
        self,
        account_admin: GivenAccountAdmin,
        email: AskedEmail = None,
        phone: AskedPhone = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[AdminAccountView]:
        """The newest first; or the one that has this `email` or this `phone`, and both where both are named."""
        before = position_after(cursor)
        if email is not None or phone is not None:
            found = await account_admin.claimed(email=email, phone=phone)
            return Page([admin_account_view(account) for account in found], None)
        rows = await account_admin.page(before=before, limit=limit + 1)
        return page_of(rows, limit, view=lambda row: admin_account_view(row[0]), key=lambda row: row[1])

    @get("/{account_id:uuid}", operation_id="read_account", summary="One account")
    async def read(self, account_id: FromPath[UUID], account_admin: GivenAccountAdmin) -> FullAccountView:
        """With what was given and forbidden by hand. What is paid for is in the lists of subscriptions and payments."""
        return full_account_view(await account_admin.in_full(account_id))


class AdminRoleController(Controller):
    path = "/admin/accounts/{account_id:uuid}"
    tags = ("Accounts",)
    guards = (SignedInAs("admin"),)

    @put("/role", operation_id="give_role", summary="Give a role", refuses=(AccountErased, LastAdmin, StreamMoved))
    async def give_role(
        self,
        account_id: FromPath[UUID],
        data: JSONBody[RoleToGive],
        account_admin: GivenAccountAdmin,
        asked: ByRequest,
    ) -> Response[AdminAccountView]:
        """It holds from the next request on, also where somebody is signed in. There is always one admin at least."""
        changed = await account_admin.change_role(account_id, data.role, asked)
        return at(changed.position, admin_account_view(changed.account))

    @post(
        "/disable",
        operation_id="disable_account",
        summary="Shut somebody out",
        status_code=200,
        refuses=(LastAdmin, StreamMoved),
    )
    async def disable(
        self, account_id: FromPath[UUID], data: JSONBody[Why], account_admin: GivenAccountAdmin, asked: ByRequest
    ) -> Response[AdminAccountView]:
        """Ends every way in, and all access with it, at once; what is subscribed to goes on being billed."""
        changed = await account_admin.disable(account_id, reason=data.reason or NO_REASON, asked=asked)
        return at(changed.position, admin_account_view(changed.account))

    @post(
        "/enable",
        operation_id="enable_account",
        summary="Let somebody in again",
        status_code=200,
        refuses=(AccountErased, StreamMoved),
    )
    async def enable(
        self, account_id: FromPath[UUID], data: JSONBody[Why], account_admin: GivenAccountAdmin, asked: ByRequest
    ) -> Response[AdminAccountView]:
        """She signs in anew: what was open before stays ended."""
        changed = await account_admin.enable(account_id, reason=data.reason or NO_REASON, asked=asked)
        return at(changed.position, admin_account_view(changed.account))


def admin_account_view(account: Account) -> AdminAccountView:
    return AdminAccountView(**msgspec.structs.asdict(account_view(account)), disabled=account.disabled)


def full_account_view(found: AccountInFull) -> FullAccountView:
    at_providers = found.account.customers.items()
    return FullAccountView(
        **msgspec.structs.asdict(admin_account_view(found.account)),
        customers={provider: known.buyer for provider, known in at_providers if known.buyer is not None},
        further_customers={provider: known.others for provider, known in at_providers if known.others},
        grants=[
            GrantView(
                id=fact.grant_id,
                account_id=fact.account_id,
                until=fact.until,
                features=fact.features,
                reason=fact.reason,
            )
            for fact in found.grants
        ],
        blocks=[
            BlockView(id=fact.block_id, account_id=fact.account_id, until=fact.until, reason=fact.reason)
            for fact in found.blocks
        ],
    )
