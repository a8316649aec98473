"""Whose customer is whose: a customer of the payment provider is bound to an account, once and for good."""

from dataclasses import dataclass
from uuid import UUID

from application.ports.billing import BillingProvider
from application.ports.ledger import GuardedRow, Insert, InsertOnce, Position, RowTaken, UpdateIf
from application.ports.secrets import BlindIndex
from application.recall import ATTEMPTS_TO_NOTE, Asked, Records, again_when_moved
from domain.account.account import Account
from domain.account.customers import CustomerBoundElsewhere
from domain.shared.fact import Refusal


class CustomerUnknown(Refusal):
    """The provider has no such customer, or none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBinding:
    """Binds customers of one provider; what came about them before anybody knew whose they are is due at once."""

    records: Records
    blind_index: BlindIndex
    billing: BillingProvider

    @property
    def provider(self) -> str:
        return self.billing.name

    async def bind_named(self, account_id: UUID, customer_id: str, asked: Asked) -> Position:
        """Bind one that an operator names; the provider is asked whether there is such, unless that is known.

        Raises:
            CustomerUnknown, ProviderUnavailable, ProviderRefused: nothing is recorded; and what `bind` raises.
        """
        account = (await self.records.recall(Account, account_id)).existing()
        known = account.customers_at(self.provider).has(customer_id)
        if not known and not await self.billing.has_customer(customer_id):
            raise CustomerUnknown(f"There is no such customer of {self.provider}.")
        return await self.bind(account_id, customer_id, asked)

    async def bind(self, account_id: UUID, customer_id: str, asked: Asked) -> Position:
        """Done again, it is still bound.

        Raises:
            NotFound; CustomerBoundElsewhere: the customer is another account's; TooManyCustomers.
        """

        async def once() -> Position:
            recalled = await self.records.recall(Account, account_id)
            account = recalled.existing()
            facts = account.bind_customer(provider=self.provider, customer_id=customer_id)
            is_new = customer_id not in account.customers_at(self.provider).bound
            rows = self._due(customer_id) if facts else []
            if is_new:
                rows.append(self._claim(account_id, customer_id))
            if is_new and account.erasure_id is not None:
                erased = {"provider": self.provider, "customer_id": customer_id}
                rows.append(InsertOnce("erased_customers", erased))
                rows.append(UpdateIf("inbox", where=erased, values={"body": None, "error": None}, required=False))
            return (await self.records.append(asked, (recalled, facts), rows=rows)).position

        try:
            return await again_when_moved(once)
        except RowTaken:
            raise CustomerBoundElsewhere(f"This customer of {self.provider} belongs to another account.") from None

    async def note_gone(self, account_id: UUID, customer_id: str, asked: Asked, *, deleted: bool) -> None:
        """The provider has it no more, so another one buys from now on; it stays the account's.

        What was parked of one that was deleted can be settled now, and is due.
        """

        async def once() -> None:
            recalled = await self.records.recall(Account, account_id)
            facts = recalled.existing().note_customer_gone(
                provider=self.provider, customer_id=customer_id, deleted=deleted
            )
            rows = self._due(customer_id) if facts and deleted else []
            await self.records.append(asked, (recalled, facts), rows=rows)

        await again_when_moved(once, attempts=ATTEMPTS_TO_NOTE)

    def _claim(self, account_id: UUID, customer_id: str) -> GuardedRow:
        kind = f"{self.provider}_customer"
        blind_index = self.blind_index.of(kind, customer_id)
        return Insert("claims", {"kind": kind, "blind_index": blind_index, "owner": account_id})

    def _due(self, customer_id: str) -> list[GuardedRow]:
        """What is parked of a customer is looked at at once."""
        parked = {"provider": self.provider, "customer_id": customer_id, "status": "parked"}
        return [UpdateIf("inbox", where=parked, values={"status": "received"}, required=False)]
