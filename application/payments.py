"""The payments that there have been: one's own, and for who looks after all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.ports.reads import PaymentReads
from application.projections.payments import Billed


@dataclass(frozen=True, slots=True)
class Payments:
    """Use cases of looking at payments; what is shown may be some facts behind the ledger."""

    reads: PaymentReads

    async def page(self, *, before: int | None, limit: int) -> Sequence[Billed]:
        """Everybody's, newest first; `before` is the `first_position` of the last one seen."""
        return await self.reads.page(before=before, limit=limit)

    async def of_account(self, account_id: UUID, *, before: int | None, limit: int) -> Sequence[Billed]:
        """One person's, newest first; none for an account that there is not."""
        return await self.reads.of_account(account_id, before=before, limit=limit)
