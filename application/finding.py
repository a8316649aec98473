"""Finding out whom a delivery is about that does not say it: the provider is asked, by the worker."""

import asyncio
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from application.convergence import RETRY_DELAYS_SECONDS
from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from application.in_turn import in_turn
from application.ports.billing import BillingProvider
from application.ports.inbox import Customers, Inbox, Unnamed, UnnamedDeliveries
from application.ports.world import Clock
from application.renewing import LEASE_SECONDS, renewed

log = logging.getLogger(__name__)

AT_ONCE = 8
ERASED = "Its body has been erased, and with it whom it is about."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Gives each delivery its customer; then it is settled like any other."""

    billing: BillingProvider
    inbox: Inbox
    customers: Customers
    unnamed: UnnamedDeliveries
    business_time: Clock

    async def find_waiting(self) -> int:
        """Look at those that are due, several at once, and say how many that were."""

        async def waiting(room: int, _: AbstractSet[Unnamed]) -> Sequence[Unnamed]:
            return await self.unnamed.take_due(limit=room, seconds=LEASE_SECONDS)

        return await in_turn(waiting, self._find_one, at_once=AT_ONCE)

    async def _find_one(self, delivery: Unnamed) -> bool:
        """Whoever is told to stop gives it back."""
        try:
            async with renewed(lambda: self.unnamed.give_back(delivery.id, seconds=LEASE_SECONDS)):
                await self._find_or_note(delivery)
        except asyncio.CancelledError:
            await self.unnamed.give_back(delivery.id)
            raise
        return True

    async def _find_or_note(self, delivery: Unnamed) -> None:
        try:
            await self._find(delivery)
        except ProviderBusy as trouble:
            await self.unnamed.give_back(delivery.id, seconds=trouble.retry_after_seconds)
        except ProviderRefused as refused:
            await self._park(delivery, str(refused))
        except ProviderUnavailable as trouble:
            log.warning("a delivery is put off: %s", trouble, extra={"event_id": delivery.event_id})
            await self._retry_later(delivery, str(trouble))
        except Exception as trouble:
            log.exception("nobody could be found for a delivery", extra={"event_id": delivery.event_id})
            await self._retry_later(delivery, repr(trouble))

    async def _find(self, delivery: Unnamed) -> None:
        body = await self.inbox.body(delivery.id)
        if body is None:
            await self.unnamed.park(delivery.id, why=ERASED)
        elif customer_id := await self._known(delivery, body) or await self.billing.customer_of(body):
            await self.unnamed.name(delivery.id, customer_id)
        else:
            await self.unnamed.settle(delivery.id, now=self.business_time.now())

    async def _park(self, delivery: Unnamed, why: str) -> None:
        """Until it is known whose one of the objects is that it names."""
        log.warning("a delivery is parked: %s", why, extra={"event_id": delivery.event_id})
        body = await self.inbox.body(delivery.id)
        await self.unnamed.park(delivery.id, why=why, naming=self.billing.objects_named(body) if body else ())

    async def _known(self, delivery: Unnamed, body: bytes) -> str | None:
        """By what was seen when its customer was asked about last: then nobody else need be asked."""
        known = await self.customers.of_objects(delivery.provider, self.billing.objects_named(body))
        return next(iter(known.values()), None)

    async def _retry_later(self, delivery: Unnamed, error: str) -> None:
        await self.unnamed.retry_later(delivery.id, error=error, delays_seconds=RETRY_DELAYS_SECONDS)
