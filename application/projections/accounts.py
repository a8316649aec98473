"""Which accounts there are, by when they were made: an id, a role and nothing personal."""

from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.account.account import (
    AccountDisabled,
    AccountEnabled,
    AccountRegistered,
    AccountRegisteredByPhone,
    RoleChanged,
)
from domain.account.erasure import ErasureRequested


class Member(Row, frozen=True):
    """One account; who it is, its own facts say."""

    account_id: UUID
    role: str
    registered_position: int
    disabled: bool = False

    indexes: ClassVar[tuple[str, ...]] = ("registered_position", "role, registered_position")


accounts = Projection("accounts", version=2, members=Member)


@accounts.fold(AccountRegistered, into=Member, key="account_id")
def registered(_: Member | None, fact: AccountRegistered) -> Member:
    return Member(fact.account_id, fact.role, fact.position)


@accounts.fold(AccountRegisteredByPhone, into=Member, key="account_id")
def registered_by_phone(_: Member | None, fact: AccountRegisteredByPhone) -> Member:
    return Member(fact.account_id, fact.role, fact.position)


@accounts.fold(RoleChanged, into=Member, key="account_id")
def in_role(member: Member | None, fact: RoleChanged) -> Member | None:
    return member and replace(member, role=fact.after)


@accounts.fold(AccountDisabled, into=Member, key="account_id")
def disabled(member: Member | None, _: AccountDisabled) -> Member | None:
    return member and replace(member, disabled=True)


@accounts.fold(ErasureRequested, into=Member, key="account_id")
def to_be_erased(member: Member | None, _: ErasureRequested) -> Member | None:
    return member and replace(member, disabled=True)


@accounts.fold(AccountEnabled, into=Member, key="account_id")
def enabled(member: Member | None, _: AccountEnabled) -> Member | None:
    return member and replace(member, disabled=False)
