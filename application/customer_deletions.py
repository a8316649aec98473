"""Deleting an erased person's customer at the provider, once nothing of theirs goes on there."""

from contextlib import suppress
from dataclasses import dataclass

from application.convergence import Convergence, HeldUp
from application.errors import CustomerGone, ProviderRefused, ProviderUnavailable
from application.intentions import Intentions
from application.ports.billing import BillingProvider
from application.ports.inbox import Customer
from application.ports.reads import AccessReads
from application.recall import Asked, Records
from domain.account.account import Account
from domain.account.customers import CustomerDeletionRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDeletions:
    """Each is an intent on its account's stream. Done again it changes nothing."""

    records: Records
    billing: BillingProvider
    convergence: Convergence
    intentions: Intentions
    access: AccessReads

    async def settle(self, intent: CustomerDeletionRequested, asked: Asked) -> None:
        """Raises ProviderUnavailable: then it is tried again, and stays for the operator to see in the end."""
        if not await self._is_gone(intent):
            await self._hear_all(intent, asked)
        if not await self._is_gone(intent):
            await self._delete(intent)
            await self.records.note(
                Account,
                intent.account_id,
                asked,
                lambda it: it.note_customer_gone(
                    provider=intent.provider, customer_id=intent.customer_id, deleted=True
                ),
            )
        await self.intentions.settled(intent)

    async def _is_gone(self, intent: CustomerDeletionRequested) -> bool:
        account = (await self.records.recall(Account, intent.account_id)).existing()
        return account.customers_at(intent.provider).knows_gone(intent.customer_id, deleted=True)

    async def _hear_all(self, intent: CustomerDeletionRequested, asked: Asked) -> None:
        """Of one that is deleted the provider lists no more; and nothing is to be cut off that is being ended."""
        with suppress(HeldUp, CustomerGone):
            await self.convergence.settle_now(Customer(intent.provider, intent.customer_id), asked)
        standing = await self.access.standing(intent.account_id)
        if standing and any(term.ended_at is None for term in standing.terms.values()):
            raise ProviderUnavailable("A subscription of the erased person is not over yet.")

    async def _delete(self, intent: CustomerDeletionRequested) -> None:
        try:
            await self.billing.delete_customer(intent.customer_id)
        except ProviderRefused as refused:
            raise ProviderUnavailable(f"The customer could not be deleted: {refused.kept}") from refused
