"""A payment provider in memory, whose truth a test sets."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from adapters.memory.billing_books import PERIODS, Event, Known, OpenCheckout, Price
from adapters.memory.billing_commands import MemoryCommands
from application.errors import ProviderRefused
from application.ports.billing import (
    CheckoutPage,
    CustomerPage,
    CustomerTruth,
    PaidAtOnce,
    SeenCheckout,
    SeenItem,
    SeenSubscription,
    UndeliveredPage,
)
from application.ports.deliveries import Delivery, SignatureInvalid
from application.ports.world import Clock
from domain.payment.truth import ProviderPayment

HEADER = "memory-signature"
EVENTS_LOST = "events.lost"
PAGE_SIZE = 2

T = TypeVar("T")


class MemoryBilling(MemoryCommands):
    """`asked` lists whose truth was asked for.

    `hidden` tells whose that is which an event names in the place of its customer. `undelivered` are the bodies of
    events that it could not deliver, the oldest first. What those who are `unlisted` bought is not listed.
    """

    def __init__(self, clock: Clock, *, name: str = "memory") -> None:
        super().__init__(clock, name=name)
        self.hidden: dict[str, str] = {}
        self.payers: dict[str, UUID] = {}
        self.undelivered: list[bytes] = []
        self.unlisted: set[str] = set()
        self.asked: list[str] = []
        self.patience: list[float | None] = []
        self._secret = secrets.token_bytes(16)

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        self.asked.append(customer_id)
        self.patience.append(within_seconds)
        self._refuse_when_down()
        self._refuse_gone(customer_id)
        known = self._customers.get(customer_id, Known())
        return CustomerTruth(
            subscriptions=tuple(reversed(known.subscriptions.values())),
            payments=tuple(reversed(known.payments.values())),
            checkouts=tuple(reversed(known.checkouts.values())),
            objects=tuple(reversed(known.payments)),
            purchases=tuple(reversed(known.purchases.values())),
        )

    async def payments_by(
        self, references: Sequence[str], *, within_seconds: float | None = None
    ) -> Sequence[ProviderPayment]:
        self._refuse_when_down()
        known = {reference: one for each in self._customers.values() for reference, one in each.payments.items()}
        return [known[reference] for reference in dict.fromkeys(references) if reference in known]

    def forget_everybody(self) -> None:
        """As with a key of another account, or with other books; by a customer it lists nothing, and refuses nobody."""
        self._customers.clear()
        self._prices.clear()

    async def has_customer(self, customer_id: str) -> bool:
        return await super().has_customer(customer_id) and customer_id not in self.gone

    async def payer_of(self, customer_id: str) -> UUID | None:
        self._refuse_when_down()
        return self.payers.get(customer_id)

    def objects_named(self, body: bytes) -> Sequence[str]:
        about = msgspec.json.decode(body, type=Event).about
        return [about] if about else []

    async def customer_of(self, body: bytes) -> str | None:
        self._refuse_when_down()
        event = msgspec.json.decode(body, type=Event)
        if event.about is None:
            return event.customer_id
        if event.about not in self.hidden:
            raise ProviderRefused(f"Nobody knows whose {event.about} is.")
        return self.hidden[event.about]

    async def undelivered_events(self, *, since: datetime, after: str | None) -> UndeliveredPage:
        self._refuse_when_down()
        made = [self._delivery(body) for body in reversed(self.undelivered)]
        page, following = _page([one for one in made if one.created_at >= since], after)
        return UndeliveredPage(page, following)

    async def subscribers(self, *, after: str | None) -> CustomerPage:
        self._refuse_when_down()
        listed = [(id, known) for id, known in self._customers.items() if id not in self.unlisted]
        return CustomerPage(*_page([id for id, known in listed for _ in known.subscriptions], after))

    async def buyers(self, *, after: str | None) -> CustomerPage:
        self._refuse_when_down()
        listed = [(id, known) for id, known in self._customers.items() if id not in self.unlisted]
        paid = [(id, seen) for id, known in listed for seen in known.checkouts.values() if seen.paid]
        return CustomerPage(*_page([id for id, _ in paid], after))

    def told_by(self, bodies: Sequence[bytes]) -> Sequence[SeenSubscription]:
        events = sorted((msgspec.json.decode(body, type=Event) for body in bodies), key=lambda event: event.created_at)
        return list({event.telling.reference: event.telling for event in events if event.telling}.values())

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        if not hmac.compare_digest(headers.get(HEADER, ""), self._signature(body)):
            raise SignatureInvalid("This body was not signed by the provider in memory.")
        return self._delivery(body)

    def _delivery(self, body: bytes) -> Delivery:
        event = msgspec.json.decode(body, type=Event)
        return Delivery(
            provider=self.name,
            event_id=event.id,
            type=event.type,
            customer_id=event.customer_id,
            livemode=False,
            api_version=None,
            created_at=event.created_at,
            body=body,
            to_find=event.customer_id is None and event.about is not None,
            events_lost=event.type == EVENTS_LOST,
        )

    def pay(self, page: CheckoutPage) -> None:
        """The viewer pays on the page, and has what is sold once, or a subscription that may begin with a trial."""
        opened = self._pages.pop(page.reference)
        done = SeenCheckout(page.reference, opened.checkout_id, "completed")
        bought = self._prices[opened.price_id]
        if bought.interval == "once":
            payment = self._billed(bought.price, None, paid=True)
            paid = PaidAtOnce(payment.reference, payment.paid_at)
            self.tell(opened.customer_id, replace(done, paid=paid), payment)
            return
        self.tell(opened.customer_id, done)
        subscription = self._begun(opened, bought)
        self.tell(opened.customer_id, subscription)
        if not opened.trial_days:
            billed = self._billed(bought.price, subscription.reference, paid=True)
            self.tell(opened.customer_id, billed)

    def _begun(self, opened: OpenCheckout, bought: Price) -> SeenSubscription:
        now = self._clock.now()
        trial_end = now + timedelta(days=opened.trial_days) if opened.trial_days else None
        return SeenSubscription(
            reference=self._new("subscription"),
            status="trialing" if trial_end else "active",
            items=(
                SeenItem(
                    price_id=opened.price_id,
                    price=bought.price,
                    period_start=now,
                    period_end=trial_end or now + PERIODS[bought.interval],
                    is_free=bought.price.amount == 0,
                ),
            ),
            started_at=now,
            trial_end=trial_end,
            ends_at=None,
            ended_at=None,
            collection_paused=False,
            failing_since=None,
        )

    def delivery(
        self, type: str, customer_id: str | None, *, about: str | None = None, telling: SeenSubscription | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a new webhook.

        `about` is what it names in the place of its customer, `telling` the subscription that it tells of by itself.
        """
        event = Event(self._new("event"), type, customer_id, self._clock.now(), about, telling)
        body = msgspec.json.encode(event)
        return body, {HEADER: self._signature(body)}

    def _signature(self, body: bytes) -> str:
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()


def _page(known: Sequence[T], after: str | None) -> tuple[tuple[T, ...], str | None]:
    """Two of them, beginning where the page before ended."""
    begin = int(after or 0)
    end = begin + PAGE_SIZE
    return tuple(known[begin:end]), str(end) if end < len(known) else None
