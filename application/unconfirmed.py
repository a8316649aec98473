"""While the provider cannot be asked: what its deliveries say themselves is recorded, and asked about afterwards."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.deletions import Deletions
from application.observing import Decision, Observing
from application.ports.billing import BillingProvider, SeenSubscription
from application.ports.inbox import Customer, Customers, Inbox, Waiting
from application.ports.ledger import UpdateIf
from application.recall import Asked, Records
from domain.shared.fact import Actor, Cause

log = logging.getLogger(__name__)

BODIES_MAX = 100
"""Of one customer, the newest: more come in a storm alone, and the newest say how it is now."""

CLOCKS_APART = timedelta(seconds=5)
"""By how much the provider's clock may be behind ours."""

Told = tuple[Waiting | None, Sequence[Decision]]
"""What is to be recorded, and the delivery that is the cause of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A delivery is evidence of its moment. One that is clearly older than the last answer is no news."""

    records: Records
    billing: BillingProvider
    inbox: Inbox
    customers: Customers
    observing: Observing
    deletions: Deletions

    async def record(
        self, customer: Customer, account_id: UUID, epoch: int, waiting: Sequence[Waiting], *, deleted: bool
    ) -> None:
        """Of subscriptions alone; the deliveries stay as they are, so that the provider is asked about them.

        Of a customer who was `deleted` no delivery begins anything anew: what is going on is over, and that is all.

        Raises:
            RowMoved: somebody else has taken the fence; StreamMoved.
        """
        because, decisions = await (
            self._ends(customer, account_id, waiting) if deleted else self._news(customer, account_id, waiting)
        )
        if because is None or not any(facts for _, facts in decisions):
            return
        key = {"provider": customer.provider, "customer_id": customer.customer_id, "epoch": epoch}
        asked = Asked(Actor("provider", customer.provider), Cause("unconfirmed_webhook", because.event_id))
        await self.records.append(
            asked, *decisions, rows=[UpdateIf("customer_fences", where=key, values={"epoch": epoch})]
        )
        log.warning("deliveries were taken at their word", extra={"provider": customer.provider})

    async def _ends(self, customer: Customer, account_id: UUID, waiting: Sequence[Waiting]) -> Told:
        """As of the delivery that says that the customer was deleted; that one is never out of date."""
        because = next(iter(self.deletions.told_by(waiting) or reversed(waiting)), None)
        return because, await self.deletions.ends(customer, account_id, because.created_at) if because else ()

    async def _news(self, customer: Customer, account_id: UUID, waiting: Sequence[Waiting]) -> Told:
        asked_at = await self.customers.asked_at(customer)
        news = self._newer(waiting, asked_at)
        told = await self._told_by(news, customer, asked_at)
        if not told:
            return None, ()
        plans, heard_at = await self.observing.plans_of(customer.provider, told), news[-1].created_at
        return news[-1], [
            await self.observing.subscription(seen, plans, None, customer, account_id, heard_at) for seen in told
        ]

    async def _told_by(
        self, news: Sequence[Waiting], customer: Customer, asked_at: datetime | None
    ) -> Sequence[SeenSubscription]:
        """What the news tell, held against what was settled by about the time of the last answer.

        The later of the two is how it is: so news that the answer knew already, and what came after, change nothing.
        """
        bodies = await self._bodies(news)
        told = self.billing.told_by(bodies)
        if not told or asked_at is None:
            return told
        settled = await self._bodies(await self.inbox.settled(customer, since=_by_then(asked_at)))
        about = {seen.reference for seen in told}
        return [seen for seen in self.billing.told_by([*settled, *bodies]) if seen.reference in about]

    async def _bodies(self, deliveries: Sequence[Waiting]) -> list[bytes]:
        return [body for delivery in deliveries if (body := await self.inbox.body(delivery.id)) is not None]

    def _newer(self, waiting: Sequence[Waiting], asked_at: datetime | None) -> Sequence[Waiting]:
        """By when the provider made them."""
        news = [delivery for delivery in waiting if asked_at is None or delivery.created_at >= _by_then(asked_at)]
        return sorted(news, key=lambda delivery: (delivery.created_at, delivery.id))[-BODIES_MAX:]


def _by_then(asked_at: datetime) -> datetime:
    """What was made since then the last answer may not have known: events have the whole seconds of other clocks."""
    return asked_at.replace(microsecond=0) - CLOCKS_APART
