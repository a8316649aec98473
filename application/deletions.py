"""What the provider has no more is over: for good with a customer who was deleted, else until it is known again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.errors import CustomerGone
from application.observing import Decision, Observing
from application.ports.billing import BillingProvider
from application.ports.inbox import Customer, Waiting
from application.recall import Records
from domain.account.account import Account
from domain.subscription.subscription import Subscription

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """Says whether a customer was deleted, and what is to be recorded of what is gone."""

    records: Records
    billing: BillingProvider
    observing: Observing

    def told_by(self, waiting: Sequence[Waiting]) -> Sequence[Waiting]:
        """Those of the deliveries that say so."""
        return [delivery for delivery in waiting if delivery.type in self.billing.deletions]

    async def known_of(
        self, customer: Customer, account_id: UUID, trouble: Exception | None, waiting: Sequence[Waiting]
    ) -> bool:
        """Whether the provider says so in its `trouble`, or a delivery does, or one of them has said so before."""
        if (isinstance(trouble, CustomerGone) and trouble.deleted) or self.told_by(waiting):
            return True
        account = (await self.records.recall(Account, account_id)).existing()
        if account.customers_at(customer.provider).knows_gone(customer.customer_id, deleted=True):
            return True
        if isinstance(trouble, CustomerGone):
            log.error("a customer is not known, and was not deleted: is our key another account's? %s", trouble)
        return False

    async def noted(self, customer: Customer, account_id: UUID) -> Decision:
        recalled = await self.records.recall(Account, account_id)
        provider, customer_id = customer.provider, customer.customer_id
        facts = recalled.existing().note_customer_gone(provider=provider, customer_id=customer_id, deleted=True)
        return recalled, facts

    async def ends(self, customer: Customer, account_id: UUID, at: datetime) -> list[Decision]:
        """Of all that is going on of a customer who was deleted."""
        live = await self.observing.others((), await self.observing.access.standing(account_id))
        return [_ended(decision, at, lost=False) for decision in live if _is_of(customer, decision)]

    async def with_ends(
        self, unlisted: Sequence[Decision], customer: Customer, at: datetime, *, deleted: bool
    ) -> list[Decision]:
        """What is going on here and the provider does not list, with an end to what it says that it has no more.

        Of a customer who was `deleted` that is everything; else each is asked for by itself, since of very many the
        list has the newest alone. Raises CustomerGone where the provider does not know the customer either.
        """
        own = [decision for decision in unlisted if _is_of(customer, decision)]
        gone = own if deleted else [decision for decision in own if await self._is_gone(decision)]
        if gone and not deleted:
            await self._refuse_unknown(customer, gone)
        return [_ended(decision, at, lost=not deleted) if decision in gone else decision for decision in unlisted]

    async def _refuse_unknown(self, customer: Customer, gone: Sequence[Decision]) -> None:
        """With a key of another account everything would seem to be gone: only who is known can have less there."""
        name = self.billing.name
        if not await self.billing.has_customer(customer.customer_id):
            raise CustomerGone(f"{name} knows neither {customer.customer_id} nor what is going on of it.")
        for decision in gone:
            reference = _subscription(decision).provider_reference
            log.warning("the subscription %s is over, since %s does not know it any more", reference, name)

    async def _is_gone(self, decision: Decision) -> bool:
        return not await self.billing.has_subscription(_subscription(decision).provider_reference)


def _subscription(decision: Decision) -> Subscription:
    state = decision[0].state
    assert isinstance(state, Subscription), "what is going on has begun"
    return state


def _is_of(customer: Customer, decision: Decision) -> bool:
    known = _subscription(decision)
    return Customer(known.provider, known.customer_id) == customer


def _ended(decision: Decision, at: datetime, *, lost: bool) -> Decision:
    return decision[0], _subscription(decision).end_unlisted(at=at, lost=lost)
