"""Persons who are to be erased, and what is kept of them beside the ledger."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.inbox import Customer
from application.ports.ledger import GuardedRow

ErasureStatus = Literal["requested", "erased"]


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One that was asked for."""

    id: UUID
    account_id: UUID
    status: ErasureStatus


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """By what a person is found in the tables beside the ledger."""

    account_id: UUID
    customers: Sequence[tuple[str, str]]
    """The provider and the id of each customer."""
    recipients: Collection[bytes]
    """The blind indexes of all addresses and numbers that the account has had; once the key is destroyed, of those that
    it still claims."""
    trials: Collection[bytes] = ()
    """Where the account has had a trial: the marks of whoever had it (application/trials.py)."""


class Erasures(Protocol):
    """The list of them. Every method but those that make rows raises DatabaseUnavailable."""

    def new(self, erasure_id: UUID, account_id: UUID) -> GuardedRow:
        """The row by which an append asks for it: of two appends the second fails with RowTaken."""
        ...

    def done(self, erasure_id: UUID) -> GuardedRow:
        """The row by which the last append says that it is done."""
        ...

    async def of(self, account_id: UUID) -> Erasure | None: ...

    async def take_due(self) -> Erasure | None:
        """One that nobody else has now; whoever is killed has it for five minutes more."""
        ...

    async def try_later(self, erasure_id: UUID, *, error: str) -> None:
        """After a while, ever longer up to an hour. `error` is a word, since a message may repeat what is erased."""
        ...

    async def waiting(self) -> int:
        """How many are not done."""
        ...


class OperationalRows(Protocol):
    """What is kept of a person in operational tables; each method may be called again. Raises DatabaseUnavailable."""

    async def claimed(self, account_id: UUID) -> Mapping[str, bytes]:
        """The blind indexes of the address (`email`) and the number (`phone`) that the account has until then."""
        ...

    async def forget_sign_ins(self, traces: Traces) -> None:
        """Sessions, refresh tokens, the password, and the claims on addresses and numbers: others may have these now.

        The claim on a provider's customer stays, so that money that moves later is still known to be this account's.
        """
        ...

    async def forget_trials(self, traces: Traces) -> None:
        """Claims on trials; those on one that was had stay, under nobody's name and without the day."""
        ...

    async def forget_letters(self, traces: Traces) -> None:
        """Codes and letters, of the account and, in nobody's name, to any address that it has had."""
        ...

    async def forget_deliveries(self, traces: Traces) -> None:
        """The bodies of what providers told of this person, also of what they will tell, and whose object is whose.

        With them what providers said when they refused something.
        """
        ...

    async def forget_plays(self, traces: Traces) -> None:
        """What was watched, how far, and on which device."""
        ...

    async def forget_answers(self, traces: Traces) -> None:
        """Answers that are kept under idempotency keys."""
        ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery of which it may be that nobody knows whose it is; without a body where that cannot be read."""

    id: int
    customer: Customer | None
    body: bytes | None


class NobodysDeliveries(Protocol):
    """What providers told, and nobody knows of whom. Raises DatabaseUnavailable."""

    async def page(self, *, after: int, limit: int) -> Sequence[Told]:
        """Those after this id that have a body, name no customer or are not settled, in the order of their ids."""
        ...

    async def forget(self, ids: Sequence[int]) -> None:
        """Their bodies; of what is still to be settled as soon as it has been, since it may tell of money."""
        ...
