"""What providers sent us: kept before it is answered, settled by asking the provider."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.deliveries import Delivery


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


class Unnamed(msgspec.Struct, frozen=True):
    """A delivery about a customer that it does not name."""

    id: int
    provider: str
    event_id: str
    type: str


Status = Literal["received", "processing", "done", "parked", "failed"]
"""`processing` is one that was received and whose customer a worker is asking about right now."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as its operators see it; `due_at` in real time, all else in business time."""

    id: int
    provider: str
    event_id: str
    type: str
    customer_id: str | None
    status: Status
    attempts: int
    error: str | None
    livemode: bool
    api_version: str | None
    created_at: datetime
    received_at: datetime
    settled_at: datetime | None
    due_at: datetime | None
    """When it is looked at next; None where nobody will by himself."""


class Inbox(Protocol):
    """Deliveries, each once."""

    async def keep(self, delivery: Delivery, *, now: datetime, to_settle: bool = True) -> bool:
        """Durable when it returns; False when it was there already.

        It is done at once when it is not `to_settle`, or neither names a customer to ask about nor is `to_find`.
        """
        ...

    async def body(self, id: int) -> bytes | None:
        """The very bytes that came; None when there is no such delivery, or it has been erased."""
        ...

    async def customers_waiting(
        self, *, limit: int, providers: Sequence[str], tried: bool | None = None
    ) -> Sequence[Customer]:
        """Whose deliveries by these providers are due, those that wait longest first.

        `tried`: only such as have been tried, or have not been.
        """
        ...

    async def waiting(self, customer: Customer) -> Sequence[Waiting]:
        """This customer's deliveries that are not done, oldest first; parked and failed too: the truth settles all."""
        ...

    async def settled(self, customer: Customer, *, since: datetime) -> Sequence[Waiting]:
        """Those of this customer that are done, kept in the last 10 minutes, and made since then; 100 at most."""
        ...

    async def park(self, customer: Customer, *, why: str) -> None:
        """Set aside until the append that binds the customer makes them `received`; looked at again now and then."""
        ...

    async def retry_later(self, customer: Customer, *, error: str, delays_seconds: Sequence[float]) -> None:
        """Count a failed try; due again after the next delay, failed for good after the last one."""
        ...

    async def put_off(self, customer: Customer, *, seconds: float) -> None:
        """Due again after so long and some chance, up to twice as long; no try is counted."""
        ...

    async def look_again(self, provider: str, references: Sequence[str]) -> None:
        """Parked deliveries that name one of these objects, and no customer, are due: it is known whose it is."""
        ...

    async def unsettled(self) -> int:
        """How many are due, now or later; parked and failed ones are not counted."""
        ...


class UnnamedDeliveries(Protocol):
    """Deliveries whose customer has to be found; none of them concerns anybody until then."""

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[Unnamed]:
        """Those that are due, and parked ones that are to be looked at again; for so long nobody else is given them."""
        ...

    async def name(self, id: int, customer_id: str) -> None:
        """It is this customer's, and due."""
        ...

    async def settle(self, id: int, *, now: datetime) -> None:
        """It is about nobody, and done."""
        ...

    async def park(self, id: int, *, why: str, naming: Sequence[str] = ()) -> None:
        """Nobody can say whose it is: set aside until one of the objects that it names is known to be somebody's.

        For 30 days it is looked at again now and then, ever more seldom; and whenever somebody asks for it.
        """
        ...

    async def give_back(self, id: int, *, seconds: float = 0.0) -> None:
        """No try is counted; it is due again after so long and some chance, up to twice as long."""
        ...

    async def retry_later(self, id: int, *, error: str, delays_seconds: Sequence[float]) -> None:
        """As `Inbox.retry_later`."""
        ...


class InboxDesk(Protocol):
    """The inbox as its operators see it."""

    async def page(self, *, status: Status | None, before: int | None, limit: int) -> Sequence[Entry]:
        """The newest first; `before` is the id of the last one seen."""
        ...

    async def retry(self, id: int) -> Entry | None:
        """Due at once, its tries begin anew, whatever has become of it; None where there is no such delivery."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """How many are received, parked and failed; of each 10,000 at most."""
        ...


class Customers(Protocol):
    """Whose customer is whose, and who is asking about one right now."""

    async def account_of(self, customer: Customer) -> UUID | None: ...

    async def plan_of_price(self, provider: str, price_id: str) -> UUID | None: ...

    async def of_objects(self, provider: str, references: Sequence[str]) -> Mapping[str, str]:
        """Of the provider's objects those that are known to be somebody's, with the customer's id."""
        ...

    async def lease(self, customer: Customer, *, seconds: float) -> UUID | None:
        """Leave to ask about this customer while nobody else does; None when somebody else has it.

        A lease saves asking twice at once, and ends by itself when its holder is killed; the fence keeps what is
        recorded right.
        """
        ...

    async def renew(self, customer: Customer, holder: UUID, *, seconds: float) -> None:
        """Have a lease for so long from now; one that is somebody else's already stays so."""
        ...

    async def release(self, customer: Customer, holder: UUID) -> None:
        """Give a lease back; one that is over already changes nothing."""
        ...

    async def asked_at(self, customer: Customer) -> datetime | None:
        """The business time at which the provider was asked last, so that its answer was recorded; None before."""
        ...

    async def take_fence(self, customer: Customer) -> int:
        """A new epoch, committed: whoever holds an older one can append nothing about this customer any more."""
        ...
