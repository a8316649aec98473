"""A customer whom the provider has deleted: what was going on there is over, and nothing begins it anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.errors import CustomerGone
from application.observing import Decision
from application.ports.billing import BillingProvider
from application.ports.inbox import Customer, Waiting
from application.ports.ledger import GuardedRow
from application.ports.reads import AccessReads
from application.recall import Asked, Records
from domain.account.account import Account
from domain.subscription.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """Says whether one was deleted, and what is to be recorded then."""

    records: Records
    billing: BillingProvider
    access: AccessReads

    def told_by(self, waiting: Sequence[Waiting]) -> bool:
        return any(delivery.type in self.billing.deletions for delivery in waiting)

    async def known_of(
        self, customer: Customer, account_id: UUID, trouble: Exception, waiting: Sequence[Waiting]
    ) -> bool:
        """Whether the provider says so, or has said so before it knew nothing of this customer any more."""
        if not isinstance(trouble, CustomerGone):
            return False
        if trouble.deleted or self.told_by(waiting):
            return True
        account = (await self.records.recall(Account, account_id)).existing()
        return account.customers_at(customer.provider).knows_gone(customer.customer_id, deleted=True)

    async def record(
        self, customer: Customer, account_id: UUID, heard_at: datetime, asked: Asked, rows: Sequence[GuardedRow]
    ) -> None:
        """Nothing is left to ask about. Raises RowMoved, StreamMoved."""
        ended = await self.ends(customer, account_id, heard_at)
        await self.records.append(asked, await self.noted(customer, account_id), *ended, rows=rows)

    async def noted(self, customer: Customer, account_id: UUID) -> Decision:
        recalled = await self.records.recall(Account, account_id)
        provider, customer_id = customer.provider, customer.customer_id
        facts = recalled.existing().note_customer_gone(provider=provider, customer_id=customer_id, deleted=True)
        return recalled, facts

    async def ends(
        self, customer: Customer, account_id: UUID, heard_at: datetime, *, beside: Sequence[UUID] = ()
    ) -> list[Decision]:
        """Of the subscriptions that are not over, but for those in the streams `beside`, which are listed still."""
        standing = await self.access.standing(account_id)
        live = [term.subscription_id for term in standing.terms.values() if term.ended_at is None] if standing else []
        known = [await self.records.recall(Subscription, stream) for stream in sorted(live) if stream not in beside]
        return [
            (recalled, recalled.existing().end_with_customer(at=heard_at))
            for recalled in known
            if Customer(recalled.existing().provider, recalled.existing().customer_id) == customer
        ]
