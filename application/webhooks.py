"""Webhooks: verified over the very bytes that came, kept, and only then answered."""

from collections.abc import Mapping
from dataclasses import dataclass

from application.ports.billing import BillingProvider
from application.ports.inbox import Inbox
from application.ports.world import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What providers send; settling it is the worker's."""

    billing: BillingProvider
    inbox: Inbox
    business_time: Clock

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Durable when it returns; a delivery that was there already changes nothing.

        Raises:
            SignatureInvalid, EventMalformed: nothing is kept.
        """
        now = self.business_time.now()
        delivery = self.billing.verify(body, headers, now=now)
        await self.inbox.keep(delivery, now=now)
