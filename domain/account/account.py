"""An account: registered, reached, signed in to, given a role, bound to a customer, disabled, erased."""

from datetime import datetime
from typing import Literal, Self, assert_never
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
    refuse_one_more,
    without,
)
from domain.account.contacts import (
    AccountRenamed,
    ContactEvent,
    EmailChanged,
    EmailVerified,
    PhoneChanged,
    PhoneReleased,
)
from domain.account.customers import CustomerBound, CustomerDeletionRequested, CustomerEvent, CustomerGone, Customers
from domain.account.erasure import AccountErased, ErasureEvent, ErasureRequested, PersonalDataErased
from domain.account.sign_ins import PasswordChange, PasswordChanged, RefreshTokenReused, SignInEvent
from domain.shared.fact import AccountFact, Personal

Role = Literal["viewer", "support", "auditor", "admin"]


class AccountRegistered(AccountFact, frozen=True, tag="account.registered"):
    email: Personal[str]
    name: Personal[str]
    role: Role


class AccountRegisteredByPhone(AccountFact, frozen=True, tag="account.registered_by_phone"):
    """Made when somebody signed in with a code for the first time; it has no password and no address."""

    phone: Personal[str]
    role: Role


class RoleChanged(AccountFact, frozen=True, tag="account.role_changed"):
    before: Role
    after: Role


class AccountDisabled(AccountFact, frozen=True, tag="account.disabled"):
    reason: str


class AccountEnabled(AccountFact, frozen=True, tag="account.enabled"):
    reason: str


AccountEvent = (
    AccountRegistered
    | AccountRegisteredByPhone
    | ContactEvent
    | SignInEvent
    | RoleChanged
    | CustomerEvent
    | AccountDisabled
    | AccountEnabled
    | ByHand
    | ErasureEvent
)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an account, folded from its facts; an erased person's `email`, `phone` and `name` are None."""

    id: UUID
    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    phone_goes_with_reset: bool = False
    """It was added while `is_its_holders` was False: it may be somebody else's than the address."""
    is_its_holders: bool = False
    """It began with a number that proved itself, or a letter to the address has set the password since it began."""
    name: str | None = None
    role: Role
    was_staff: bool = False
    """Has, or has had, another role than a viewer's."""
    created_at: datetime
    has_password: bool = True
    sign_in_epoch: int = 0
    """How often all sign-ins were ended: who signed in before the last time is signed in no more."""
    disabled: bool = False
    erasure_id: UUID | None = None
    """Of the erasure that was asked for; nothing personal is added since then."""
    erased: bool = False
    customers: dict[str, Customers] = {}
    """By provider."""
    grants: dict[UUID, datetime] = {}
    """When each ends that has not been withdrawn; some of them may be over."""
    blocks: dict[UUID, datetime | None] = {}
    """When each ends that has not been lifted, None for never; some of them may be over."""

    @staticmethod
    def register(*, account_id: UUID, email: str, name: str | None, role: Role = "viewer") -> list[AccountEvent]:
        return [AccountRegistered(account_id=account_id, email=email, name=name, role=role)]

    @staticmethod
    def register_by_phone(*, account_id: UUID, phone: str) -> list[AccountEvent]:
        return [AccountRegisteredByPhone(account_id=account_id, phone=phone, role="viewer")]

    def rename(self, name: str | None) -> list[AccountEvent]:
        """Raises AccountErased, as all that would add something personal, or a way in."""
        self._refuse_erased()
        return [AccountRenamed(account_id=self.id, before=self.name, after=name)] if name != self.name else []

    def verify_email(self, email: str) -> list[AccountEvent]:
        """Nothing where it is verified, or another one by now."""
        self._refuse_erased()
        if self.email_verified or email != self.email:
            return []
        return [EmailVerified(account_id=self.id, email=email)]

    def change_email(self, after: str) -> list[AccountEvent]:
        """To an address that has confirmed it; where that is the one that it has, it is verified now."""
        self._refuse_erased()
        if after == self.email:
            return self.verify_email(after)
        return [EmailChanged(account_id=self.id, before=self.email, after=after)]

    def change_phone(self, after: str) -> list[AccountEvent]:
        """To a number that has proved itself."""
        self._refuse_erased()
        return [PhoneChanged(account_id=self.id, before=self.phone, after=after)] if after != self.phone else []

    def change_password(self, how: PasswordChange) -> list[AccountEvent]:
        """A change that finds no password before it is the first."""
        self._refuse_erased()
        return [PasswordChanged(account_id=self.id, how=how if self.has_password or how == "reset" else "first")]

    def reset_password(self, email: str) -> list[AccountEvent]:
        """By a letter to the address, which is proved by it; whatever came in before the first such letter goes."""
        released = [PhoneReleased(account_id=self.id, before=self.phone)] if self.phone_goes_with_reset else []
        return [*self.verify_email(email), *released, *self.change_password("reset")]

    def end_copied_sign_in(self, session_id: UUID) -> list[AccountEvent]:
        """One of its refresh tokens was used again."""
        return [RefreshTokenReused(account_id=self.id, session_id=session_id)]

    def change_role(self, role: Role) -> list[AccountEvent]:
        self._refuse_erased()
        return [RoleChanged(account_id=self.id, before=self.role, after=role)] if role != self.role else []

    def every_customer(self) -> list[tuple[str, str]]:
        """With the provider of each."""
        return [(provider, customer) for provider, known in self.customers.items() for customer in known.bound]

    def customers_at(self, provider: str) -> Customers:
        return self.customers.get(provider, Customers())

    def with_customers(self, fact: CustomerEvent) -> "Account":
        changed = self.customers_at(fact.provider).after(fact)
        return replace(self, customers={**self.customers, fact.provider: changed})

    def bind_customer(self, *, provider: str, customer_id: str) -> list[AccountEvent]:
        """One more, where others are bound; again, where it was not known any more. Raises TooManyCustomers."""
        known = self.customers_at(provider)
        if known.has(customer_id):
            return []
        if customer_id not in known.bound:
            known.refuse_one_more(provider)
        return [CustomerBound(account_id=self.id, provider=provider, customer_id=customer_id)]

    def note_customer_gone(self, *, provider: str, customer_id: str, deleted: bool) -> list[AccountEvent]:
        """Nothing where as much is known of it, or it is not the account's."""
        known = self.customers_at(provider)
        if customer_id not in known.bound or known.knows_gone(customer_id, deleted=deleted):
            return []
        return [CustomerGone(account_id=self.id, provider=provider, customer_id=customer_id, deleted=deleted)]

    def request_customer_deletions(self) -> list[AccountEvent]:
        """Of an erased person's customers, each once; not of those that are known to be deleted."""
        return [
            CustomerDeletionRequested(
                account_id=self.id,
                provider=provider,
                customer_id=customer_id,
                idempotency_key=f"delete-{provider}-{customer_id}",
            )
            for provider, customer_id in (self.every_customer() if self.erased else ())
            if customer_id not in (known := self.customers_at(provider)).leaving
            and not known.knows_gone(customer_id, deleted=True)
        ]

    def disable(self, *, reason: str) -> list[AccountEvent]:
        return [] if self.disabled else [AccountDisabled(account_id=self.id, reason=reason)]

    def enable(self, *, reason: str) -> list[AccountEvent]:
        """Raises AccountErased."""
        self._refuse_erased()
        return [AccountEnabled(account_id=self.id, reason=reason)] if self.disabled else []

    def request_erasure(self, erasure_id: UUID) -> list[AccountEvent]:
        """Asked for twice it is one erasure."""
        return [] if self.erasure_id else [ErasureRequested(account_id=self.id, erasure_id=erasure_id)]

    def finish_erasure(self) -> list[AccountEvent]:
        """When all that it takes is done."""
        if self.erasure_id is None or self.erased:
            return []
        return [PersonalDataErased(account_id=self.id, erasure_id=self.erasure_id)]

    def _refuse_erased(self) -> None:
        if self.erasure_id is not None:
            raise AccountErased("The account has been erased, or is being erased.")

    def grant_access(
        self, grant_id: UUID, *, until: datetime, features: tuple[str, ...], reason: str, now: datetime
    ) -> list[AccountEvent]:
        """Given twice under one id it is one grant. Raises AccountErased, and what `refuse_one_more` does."""
        if grant_id in self.grants:
            return []
        self._refuse_erased()
        refuse_one_more(self.grants, until, now)
        return [AccessGranted(account_id=self.id, grant_id=grant_id, until=until, features=features, reason=reason)]

    def withdraw_grant(self, grant_id: UUID, *, now: datetime) -> list[AccountEvent]:
        """Nothing where there is no such grant in force."""
        until = in_force(self.grants, now).get(grant_id)
        return [GrantWithdrawn(account_id=self.id, grant_id=grant_id, before_until=until)] if until else []

    def block(self, block_id: UUID, *, until: datetime | None, reason: str, now: datetime) -> list[AccountEvent]:
        """One more block, under an id that is new. Raises AccountErased, and what `refuse_one_more` does."""
        if block_id in self.blocks:
            return []
        self._refuse_erased()
        refuse_one_more(self.blocks, until, now)
        return [BlockPlaced(account_id=self.id, block_id=block_id, until=until, reason=reason)]

    def unblock(self, block_id: UUID, *, now: datetime) -> list[AccountEvent]:
        """Lift one block; nothing where there is no such block in force."""
        blocks = in_force(self.blocks, now)
        if block_id not in blocks:
            return []
        return [BlockLifted(account_id=self.id, block_id=block_id, before_until=blocks[block_id])]

    @classmethod
    def _made(cls, fact: AccountRegistered | AccountRegisteredByPhone) -> "Account":
        made = cls(id=fact.account_id, role=fact.role, was_staff=fact.role != "viewer", created_at=fact.recorded_at)
        if isinstance(fact, AccountRegisteredByPhone):
            return replace(made, phone=fact.phone, has_password=False, is_its_holders=True)
        return replace(made, email=fact.email, name=fact.name)

    @classmethod
    def evolve(cls, state: Self | None, fact: AccountEvent) -> "Account":
        if isinstance(fact, AccountRegistered | AccountRegisteredByPhone):
            return cls._made(fact)
        assert state is not None, "an account is registered first"
        match fact:
            case AccountRenamed():
                return replace(state, name=fact.after)
            case EmailVerified():
                return replace(state, email_verified=True)
            case EmailChanged():
                return replace(state, email=fact.after, email_verified=True)
            case PhoneChanged():
                return replace(state, phone=fact.after, phone_goes_with_reset=not state.is_its_holders)
            case PhoneReleased():
                return replace(state, phone=None, phone_goes_with_reset=False)
            case PasswordChanged():
                held, epoch = state.is_its_holders or fact.how == "reset", state.sign_in_epoch + 1
                return replace(state, has_password=True, is_its_holders=held, sign_in_epoch=epoch)
            case RefreshTokenReused():
                return state
            case RoleChanged():
                return replace(state, role=fact.after, was_staff=state.was_staff or fact.after != "viewer")
            case CustomerBound() | CustomerGone() | CustomerDeletionRequested():
                return state.with_customers(fact)
            case AccountDisabled():
                return replace(state, disabled=True, sign_in_epoch=state.sign_in_epoch + 1)
            case AccountEnabled():
                return replace(state, disabled=False)
            case ErasureRequested():
                return replace(state, erasure_id=fact.erasure_id, disabled=True, sign_in_epoch=state.sign_in_epoch + 1)
            case PersonalDataErased():
                return replace(state, erased=True)
            case AccessGranted():
                return replace(state, grants={**state.grants, fact.grant_id: fact.until})
            case GrantWithdrawn():
                return replace(state, grants=without(state.grants, fact.grant_id))
            case BlockPlaced():
                return replace(state, blocks={**state.blocks, fact.block_id: fact.until})
            case BlockLifted():
                return replace(state, blocks=without(state.blocks, fact.block_id))
            case _:
                assert_never(fact)
