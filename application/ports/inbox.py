"""What providers sent us: kept before it is answered, settled by asking the provider."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.ports.billing import Delivery


class Customer(msgspec.Struct, frozen=True, order=True):
    """A provider's customer."""

    provider: str
    customer_id: str


class Waiting(msgspec.Struct, frozen=True):
    """A delivery that has not been settled; `attempts` counts the tries that failed."""

    id: int
    event_id: str
    type: str
    attempts: int
    created_at: datetime
    """When the provider made it."""


class Inbox(Protocol):
    """Deliveries, each once."""

    async def keep(self, delivery: Delivery, *, now: datetime, to_settle: bool = True) -> bool:
        """Durable when it returns; False when it was there already.

        It is done at once when it is not `to_settle` (the wrong livemode), or names no customer to ask about.
        """
        ...

    async def body(self, id: int) -> bytes | None:
        """The very bytes that came; None when there is no such delivery, or it has been erased."""
        ...

    async def customers_waiting(self, *, limit: int) -> Sequence[Customer]:
        """Whose deliveries are due, those that wait longest first."""
        ...

    async def waiting(self, customer: Customer) -> Sequence[Waiting]:
        """This customer's deliveries that are not done, oldest first; parked and failed too: the truth settles all."""
        ...

    async def park(self, customer: Customer, *, why: str) -> None:
        """Set aside until the append that binds the customer makes them `received`; looked at again now and then."""
        ...

    async def retry_later(self, customer: Customer, *, error: str, delays_seconds: Sequence[float]) -> None:
        """Count a failed try; due again after the next delay, failed for good after the last one."""
        ...

    async def unsettled(self) -> int:
        """How many are due, now or later; parked and failed ones are not counted."""
        ...


class Customers(Protocol):
    """Whose customer is whose, and who is asking about one right now."""

    async def account_of(self, customer: Customer) -> UUID | None: ...

    async def plan_of_price(self, provider: str, price_id: str) -> UUID | None: ...

    async def lease(self, customer: Customer, *, seconds: float) -> UUID | None:
        """Leave to ask about this customer while nobody else does; None when somebody else has it.

        A lease saves asking twice at once, and ends by itself when its holder is killed; the fence keeps what is
        recorded right.
        """
        ...

    async def release(self, customer: Customer, holder: UUID) -> None:
        """Give a lease back; one that is over already changes nothing."""
        ...

    async def take_fence(self, customer: Customer) -> int:
        """A new epoch, committed: whoever holds an older one can append nothing about this customer any more."""
        ...
