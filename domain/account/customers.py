"""An account's customers at payment providers: those that are its own, and which of them are gone there."""

import msgspec
from msgspec.structs import replace

from domain.shared.fact import AccountFact, Refusal

CUSTOMERS_MAX = 20
"""Of one account at one provider, those that are gone too."""


class CustomerBound(AccountFact, frozen=True, tag="account.customer_bound"):
    """From now on what the provider says of this customer is about this account, which may have others.

    Of one that was bound before it takes back that the provider knows nothing of it.
    """

    provider: str
    customer_id: str


class CustomerGone(AccountFact, frozen=True, tag="account.customer_gone"):
    """The provider has this customer no more, so another one buys in its place; what comes of it stays the account's.

    `deleted`: the provider says so, and has cancelled its subscriptions; else it only knows nothing of it.
    """

    provider: str
    customer_id: str
    deleted: bool


class CustomerDeletionRequested(AccountFact, frozen=True, tag="account.customer_deletion_requested"):
    """The intent, before the provider is asked: its person has been erased here, and is to be there too."""

    provider: str
    customer_id: str
    idempotency_key: str


CustomerEvent = CustomerBound | CustomerGone | CustomerDeletionRequested


class CustomerBoundElsewhere(Refusal):
    """The provider's customer belongs to another account."""


class TooManyCustomers(Refusal):
    """The account has as many customers at this provider as it may."""


class Gone(msgspec.Struct, frozen=True):
    """What is known of a customer that the provider has no more."""

    position: int
    """Of the fact by which it was learnt."""
    deleted: bool


class Customers(msgspec.Struct, frozen=True):
    """Those of an account at one provider, in the order in which they were bound, and by id those that are gone."""

    bound: tuple[str, ...] = ()
    gone: dict[str, Gone] = {}
    leaving: frozenset[str] = frozenset()
    """Those whose deletion was asked for."""

    @property
    def buyer(self) -> str | None:
        """Who buys what is bought here: of those that are there the one that was bound first; None where none is."""
        return next((customer for customer in self.bound if customer not in self.gone), None)

    @property
    def others(self) -> tuple[str, ...]:
        """Beside the one who buys."""
        return tuple(customer for customer in self.bound if customer != self.buyer)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Of which the provider knew nothing: it may have been asked with the key of another account of ours there."""
        return tuple(customer for customer, gone in self.gone.items() if not gone.deleted)

    def has(self, customer_id: str) -> bool:
        """It is bound, and nothing has been heard of its being unknown."""
        return customer_id in self.bound and customer_id not in self.unknown

    @property
    def last_gone_at(self) -> int:
        """The ledger's position when it was last learnt of one; 0 where none is gone."""
        return max((gone.position for gone in self.gone.values()), default=0)

    def refuse_one_more(self, provider: str) -> None:
        """Raises TooManyCustomers."""
        if len(self.bound) >= CUSTOMERS_MAX:
            raise TooManyCustomers(f"This account has {CUSTOMERS_MAX} customers of {provider}, and may have no more.")

    def knows_gone(self, customer_id: str, *, deleted: bool) -> bool:
        """As much as this, or more."""
        known = self.gone.get(customer_id)
        return known is not None and (known.deleted or not deleted)

    def after(self, fact: CustomerEvent) -> "Customers":
        match fact:
            case CustomerBound() if fact.customer_id in self.bound:
                return replace(self, gone={id: gone for id, gone in self.gone.items() if id != fact.customer_id})
            case CustomerBound():
                return replace(self, bound=(*self.bound, fact.customer_id))
            case CustomerGone():
                gone = Gone(position=fact.position, deleted=fact.deleted)
                return replace(self, gone={**self.gone, fact.customer_id: gone})
            case CustomerDeletionRequested():
                return replace(self, leaving=self.leaving | {fact.customer_id})
