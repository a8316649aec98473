"""Access given and taken by hand, by admins: grants, which add to what is paid, and blocks, which outweigh it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, post
from litestar.params import FromPath, JSONBody

from application.ports.ledger import StreamMoved
from domain.account.by_hand import EndInThePast, EndTooFarAhead, TooManyByHand
from domain.account.erasure import AccountErased
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenGrants
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.positions import at
from entrypoints.http.texts import Line, Moment, Word
from entrypoints.http.times import OUT_OF_RANGE, moment_within

REFUSALS = (AccountErased, EndInThePast, EndTooFarAhead, OUT_OF_RANGE, StreamMoved, TooManyByHand)

Features = Annotated[tuple[Word, ...], msgspec.Meta(max_length=20)]
Why = Annotated[Line, msgspec.Meta(examples=["made good for Saturday's outage"])]
WhyNot = Annotated[Line, msgspec.Meta(examples=["chargebacks"])]


class GrantToGive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`features` null or empty: what any plan opens, and nothing whose `requires` names a feature.

    `until` lies in the future, within ten years. `reason` is shown to the person: name nobody in it.
    """

    until: Moment
    reason: Why
    features: Features | None = None


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    """Access by hand; until then, or until it is withdrawn."""

    id: UUID
    account_id: UUID
    until: datetime
    features: tuple[str, ...]
    reason: Why


class BlockToPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`until` null: until it is lifted; else in the future, within ten years. `reason` is shown to the person."""

    reason: WhyNot
    until: Moment | None = None


class BlockView(msgspec.Struct, frozen=True, kw_only=True):
    """No access, whatever is paid for or granted; until then, or until it is lifted."""

    id: UUID
    account_id: UUID
    until: datetime | None
    reason: WhyNot


class AdminGrantController(Controller):
    path = "/admin/accounts/{account_id:uuid}/grants"
    tags = ("Accounts",)
    guards = (SignedInAs("admin"),)

    @post(operation_id="grant_access", summary="Grant somebody access", middleware=(Idempotent,), refuses=REFUSALS)
    async def grant(
        self, account_id: FromPath[UUID], data: JSONBody[GrantToGive], grants: GivenGrants, asked: ByRequest
    ) -> Response[GrantView]:
        """Beside what is paid for; billing goes on as it was. Each is a grant of its own, the longest counts."""
        until, features = moment_within("until", data.until), tuple(dict.fromkeys(data.features or ()))
        made = await grants.grant(account_id, until=until, features=features, reason=data.reason, asked=asked)
        view = GrantView(id=made.id, account_id=account_id, until=until, features=features, reason=data.reason)
        return at(made.position, view)

    @delete("/{grant_id:uuid}", operation_id="withdraw_grant", summary="Withdraw a grant", refuses=(StreamMoved,))
    async def withdraw(
        self, account_id: FromPath[UUID], grant_id: FromPath[UUID], grants: GivenGrants, asked: ByRequest
    ) -> Response[None]:
        """At once. One that is over, or was withdrawn, is not there any more."""
        return at(await grants.withdraw(account_id, grant_id, asked=asked), None)


class AdminBlockController(Controller):
    path = "/admin/accounts/{account_id:uuid}/blocks"
    tags = ("Accounts",)
    guards = (SignedInAs("admin"),)

    @post(operation_id="block_account", summary="Block somebody", middleware=(Idempotent,), refuses=REFUSALS)
    async def block(
        self, account_id: FromPath[UUID], data: JSONBody[BlockToPlace], grants: GivenGrants, asked: ByRequest
    ) -> Response[BlockView]:
        """Nothing opens any more, and what is being played stops; signing in and paying go on. Several add up."""
        until = moment_within("until", data.until) if data.until else None
        made = await grants.block(account_id, until=until, reason=data.reason, asked=asked)
        return at(made.position, BlockView(id=made.id, account_id=account_id, until=until, reason=data.reason))

    @delete("/{block_id:uuid}", operation_id="lift_block", summary="Lift a block", refuses=(StreamMoved,))
    async def lift(
        self, account_id: FromPath[UUID], block_id: FromPath[UUID], grants: GivenGrants, asked: ByRequest
    ) -> Response[None]:
        """This one alone. One that is over, or was lifted, is not there any more."""
        return at(await grants.unblock(account_id, block_id, asked=asked), None)
