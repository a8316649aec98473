"""An account: registered, given a role, bound to a customer, disabled; given access by hand, and blocked."""

from datetime import datetime
from typing import Literal, Self, TypeVar, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.account.by_hand import (
    AccessGranted,
    BlockLifted,
    BlockPlaced,
    ByHand,
    GrantWithdrawn,
    in_force,
    refuse_end,
    refuse_too_many,
)
from domain.shared.fact import AccountFact, Personal, Refusal

E = TypeVar("E", bound=datetime | None)

Role = Literal["viewer", "support", "auditor", "admin"]


class AccountRegistered(AccountFact, frozen=True, tag="account.registered"):
    email: Personal[str]
    name: Personal[str]
    role: Role


class RoleChanged(AccountFact, frozen=True, tag="account.role_changed"):
    before: Role
    after: Role


class CustomerBound(AccountFact, frozen=True, tag="account.customer_bound"):
    """From now on what the provider says of this customer is about this account."""

    provider: str
    customer_id: str


class AccountDisabled(AccountFact, frozen=True, tag="account.disabled"):
    reason: str


class AccountEnabled(AccountFact, frozen=True, tag="account.enabled"):
    reason: str


AccountEvent = AccountRegistered | RoleChanged | CustomerBound | AccountDisabled | AccountEnabled | ByHand


class EmailTaken(Refusal):
    """Somebody has registered with this address."""


class CustomerBoundElsewhere(Refusal):
    """The provider's customer belongs to another account, or the account to another customer."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an account, folded from its facts; an erased person's `email` and `name` are None."""

    id: UUID
    email: str | None
    name: str | None
    role: Role
    created_at: datetime
    disabled: bool = False
    customers: dict[str, str] = {}
    """The customer id at each provider."""
    grants: dict[UUID, datetime] = {}
    """When each ends that has not been withdrawn; some of them may be over."""
    blocks: dict[UUID, datetime | None] = {}
    """When each ends that has not been lifted, None for never; some of them may be over."""

    @staticmethod
    def register(*, account_id: UUID, email: str, name: str | None, role: Role = "viewer") -> list[AccountEvent]:
        return [AccountRegistered(account_id=account_id, email=email, name=name, role=role)]

    def change_role(self, role: Role) -> list[AccountEvent]:
        return [RoleChanged(account_id=self.id, before=self.role, after=role)] if role != self.role else []

    def bind_customer(self, *, provider: str, customer_id: str) -> list[AccountEvent]:
        bound = self.customers.get(provider)
        if bound == customer_id:
            return []
        if bound is not None:
            raise CustomerBoundElsewhere(f"This account is bound to another customer of {provider}.")
        return [CustomerBound(account_id=self.id, provider=provider, customer_id=customer_id)]

    def disable(self, *, reason: str) -> list[AccountEvent]:
        return [] if self.disabled else [AccountDisabled(account_id=self.id, reason=reason)]

    def enable(self, *, reason: str) -> list[AccountEvent]:
        return [AccountEnabled(account_id=self.id, reason=reason)] if self.disabled else []

    def grant_access(
        self, grant_id: UUID, *, until: datetime, features: tuple[str, ...], reason: str, now: datetime
    ) -> list[AccountEvent]:
        """Raises EndInThePast, EndTooFarAhead, TooManyByHand."""
        refuse_end(until, now)
        refuse_too_many(self.grants, now)
        return [AccessGranted(account_id=self.id, grant_id=grant_id, until=until, features=features, reason=reason)]

    def withdraw_grant(self, grant_id: UUID, *, now: datetime) -> list[AccountEvent]:
        """Nothing where there is no such grant in force."""
        until = in_force(self.grants, now).get(grant_id)
        return [GrantWithdrawn(account_id=self.id, grant_id=grant_id, before_until=until)] if until else []

    def block(self, block_id: UUID, *, until: datetime | None, reason: str, now: datetime) -> list[AccountEvent]:
        """One more block. Raises EndInThePast, EndTooFarAhead, TooManyByHand."""
        refuse_end(until, now)
        refuse_too_many(self.blocks, now)
        return [BlockPlaced(account_id=self.id, block_id=block_id, until=until, reason=reason)]

    def unblock(self, block_id: UUID, *, now: datetime) -> list[AccountEvent]:
        """Lift one block; nothing where there is no such block in force."""
        blocks = in_force(self.blocks, now)
        if block_id not in blocks:
            return []
        return [BlockLifted(account_id=self.id, block_id=block_id, before_until=blocks[block_id])]

    @classmethod
    def evolve(cls, state: Self | None, fact: AccountEvent) -> "Account":
        if isinstance(fact, AccountRegistered):
            return cls(
                id=fact.account_id, email=fact.email, name=fact.name, role=fact.role, created_at=fact.recorded_at
            )
        assert state is not None, "an account is registered first"
        match fact:
            case RoleChanged():
                return replace(state, role=fact.after)
            case CustomerBound():
                return replace(state, customers={**state.customers, fact.provider: fact.customer_id})
            case AccountDisabled():
                return replace(state, disabled=True)
            case AccountEnabled():
                return replace(state, disabled=False)
            case AccessGranted():
                return replace(state, grants={**state.grants, fact.grant_id: fact.until})
            case GrantWithdrawn():
                return replace(state, grants=_without(state.grants, fact.grant_id))
            case BlockPlaced():
                return replace(state, blocks={**state.blocks, fact.block_id: fact.until})
            case BlockLifted():
                return replace(state, blocks=_without(state.blocks, fact.block_id))
            case _:
                assert_never(fact)


def _without(ends: dict[UUID, E], gone: UUID) -> dict[UUID, E]:
    return {id: until for id, until in ends.items() if id != gone}
