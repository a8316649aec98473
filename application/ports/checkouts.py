"""The one checkout to an account that may be open: whose turn it is."""

from typing import Protocol
from uuid import UUID

from application.ports.ledger import Insert, UpdateIf


class CheckoutTurns(Protocol):
    """Claims of the kind `checkout`: one to an account at most, whoever asks at the same time."""

    async def current(self, account_id: UUID) -> UUID | None:
        """The checkout whose turn it is; it may be over by now."""
        ...

    def take(self, account_id: UUID, checkout_id: UUID, *, after: UUID | None) -> Insert | UpdateIf:
        """The row by which an append gives the turn to a new checkout, if `after` still has it."""
        ...
