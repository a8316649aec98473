"""Webhooks: verified over the very bytes that came, kept, and only then answered."""

from collections.abc import Mapping
from dataclasses import dataclass

from application.platforms import Platforms
from application.ports.billing import BillingProvider
from application.ports.deliveries import Delivery
from application.ports.inbox import Inbox
from application.ports.sweeps import Sweeps
from application.ports.world import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What providers send; settling it is the worker's."""

    billing: BillingProvider
    platforms: Platforms
    inbox: Inbox
    sweeps: Sweeps
    business_time: Clock

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Durable when it returns; a delivery that was there already changes nothing.

        Raises:
            SignatureInvalid, EventMalformed: nothing is kept.
        """
        await self.keep(self.billing.verify(body, headers, now=self.business_time.now()))

    async def receive_of_platform(self, name: str, body: bytes, headers: Mapping[str, str]) -> None:
        """As `receive`, of a video platform.

        Raises:
            NotFound: it is not set up here. SignatureInvalid, EventMalformed: nothing is kept.
        """
        now = self.business_time.now()
        await self.inbox.keep(self.platforms.remote(name).verify(body, headers, now=now), now=now)

    async def keep(self, delivery: Delivery) -> bool:
        """False when it was there already. What the provider tells of no more is asked for at once."""
        if delivery.events_lost:
            await self.sweeps.request("customers", cause=f"webhook {delivery.event_id}", once=True)
        return await self.inbox.keep(delivery, now=self.business_time.now())
