"""An account: registered, given a role, bound to a payment provider's customer, disabled."""

from datetime import datetime
from typing import Literal, Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import AccountFact, Personal, Refusal

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


AccountEvent = AccountRegistered | RoleChanged | CustomerBound | AccountDisabled | AccountEnabled


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
            case _:
                assert_never(fact)
