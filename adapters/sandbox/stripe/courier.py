"""Delivers events to the webhook address: signed, retried, and on request dropped, repeated, delayed or shuffled."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import httpx
import msgspec
from stripe import WebhookSignature

from adapters.sandbox.stripe.books.books import Books
from adapters.sandbox.stripe.books.outbox import Delivery
from adapters.sandbox.stripe.books.store import Query
from adapters.sandbox.stripe.errors import StripeRefusal, no_such
from adapters.sandbox.stripe.shapes import API_VERSION, StripeObject, public, rendering

TIMEOUT_SECONDS = 10.0
# After the last one an event is given up: in less than the 30 s that the sandbox's clock waits for what is pending.
RETRY_AFTER_SECONDS = (0.2, 1.0, 5.0, 10.0)
MOST_SHUFFLED = 1_000
BREATH_SECONDS = 1.0
NOTIFICATION = "v2.core.event"

log = logging.getLogger(__name__)


class Mode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How badly the deliveries go; as it stands they go well.

    `drop`: the share that is given up unsent (true: all). `repeat`: how many copies more of each are sent, all at once.
    `delay_seconds`: real seconds before the first attempt. `shuffle`: in a random order. `hold`: none until it is taken
    back. `seed`: begins the dice anew. `parallel`: how many are under way at a time; with 1 they arrive in order.
    `thin`: as notifications without the object. `api_version`: the shape of what is sent; `livemode`: what it claims.
    """

    drop: Annotated[float, msgspec.Meta(ge=0, le=1)] | bool = 0.0
    repeat: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    delay_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    shuffle: bool = False
    hold: bool = False
    seed: int = 0
    parallel: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    thin: bool = False
    api_version: Literal["2026-10-28.endive", "2024-06-20"] = API_VERSION
    livemode: bool = False


@dataclass(frozen=True)
class Parcel:
    """A delivery with the bytes to send."""

    delivery: Delivery
    body: str


@dataclass(frozen=True)
class Outcome:
    taken: bool
    response: str


class Courier:
    """Its task is `run`. The signature bears the time of `clock`, as the receiver checks it against business time."""

    def __init__(self, books: Books, *, url: str | None, secret: str, clock: Callable[[], datetime]) -> None:
        self._books = books
        self._url = url
        self._secret = secret
        self._clock = clock
        self._mode = Mode()
        self._dice = random.Random(0)  # noqa: S311 - a game, which a test must be able to play again
        self._news = asyncio.Event()
        self._client: httpx.AsyncClient | None = None

    @property
    def mode(self) -> Mode:
        return self._mode

    async def set_mode(self, mode: Mode) -> None:
        """In place of the one that was; kept over a restart."""
        async with self._books.transaction():
            self._books.store.set("deliveries", msgspec.json.encode(mode).decode())
        self._take_up(mode)
        self.wake()

    def _take_up(self, mode: Mode) -> None:
        self._mode = mode
        self._dice.seed(mode.seed)

    def wake(self) -> None:
        """There may be something to send."""
        self._news.set()

    async def run(self) -> None:
        """Sends what is pending, for ever; cancelled, it leaves what was under way pending."""
        if kept := self._books.store.setting("deliveries"):
            self._take_up(msgspec.json.decode(kept, type=Mode))
        certified = (self._url or "").startswith("https:")
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, verify=certified) as self._client:
            while True:
                try:
                    await self._go_round()
                except Exception:
                    log.exception("The courier stumbled and goes on.")
                    await asyncio.sleep(BREATH_SECONDS)

    async def _go_round(self) -> None:
        self._news.clear()
        parcels = await self._choose()
        if parcels:
            await asyncio.gather(*(self._deliver(parcel) for parcel in parcels))
            return
        try:
            await asyncio.wait_for(self._news.wait(), self._pause_seconds())
        except TimeoutError:
            return

    def _pause_seconds(self) -> float | None:
        """Until the first one may be tried; without end where only news can change anything."""
        at = self._books.outbox.next_at(delay_seconds=self._mode.delay_seconds)
        if self._mode.hold or at is None:
            return None
        return max(0.0, at - time.time())

    async def _choose(self) -> list[Parcel]:
        mode = self._mode
        if mode.hold:
            return []
        async with self._books.transaction():
            limit = MOST_SHUFFLED if mode.shuffle else mode.parallel
            due = self._books.outbox.due(time.time(), delay_seconds=mode.delay_seconds, limit=limit)
            if mode.shuffle:
                self._dice.shuffle(due)
            return self._spared(due[: mode.parallel])

    def _spared(self, due: Sequence[Delivery]) -> list[Parcel]:
        """Those that the dice do not drop; each is diced for once, before its first attempt."""
        parcels = []
        for delivery in due:
            if delivery.attempts == 0 and self._dice.random() < float(self._mode.drop):
                self._books.outbox.give_up(delivery, reason="dropped")
            else:
                parcels.append(self._parcel(delivery))
        return parcels

    def _parcel(self, delivery: Delivery) -> Parcel:
        event = self._find(delivery.event_id)
        assert event is not None, "What is queued has been kept."
        body = event if event["object"] == NOTIFICATION else self._rendered(event)
        return Parcel(delivery, msgspec.json.encode(public(body)).decode())

    def _find(self, event_id: str) -> StripeObject | None:
        return self._books.store.read("event", event_id) or self._books.store.read(NOTIFICATION, event_id)

    def _rendered(self, event: StripeObject) -> StripeObject:
        if self._mode.api_version == rendering.OLD_VERSION:
            event = rendering.at_old_version(event, self._payment(event["data"]["object"]))
        if self._mode.livemode:
            event = rendering.live(event)
        return rendering.thin(event) if self._mode.thin else event

    def _payment(self, obj: StripeObject) -> StripeObject | None:
        """The payment intent of an invoice, which older versions named on it."""
        if obj["object"] != "invoice":
            return None
        links = self._books.store.newest(Query("invoice_payment", {"invoice": obj["id"]}), limit=1)
        return self._books.store.read("payment_intent", links[0]["payment"]["payment_intent"]) if links else None

    async def _deliver(self, parcel: Parcel) -> None:
        copies = await asyncio.gather(*(self._post(parcel.body) for _ in range(1 + self._mode.repeat)))
        taken = next((copy for copy in copies if copy.taken), copies[0])
        await self._settle(parcel.delivery, taken)

    async def _post(self, body: str) -> Outcome:
        assert self._url is not None, "Nothing is queued without an address."
        assert self._client is not None, "The courier is not running."
        headers = {"Content-Type": "application/json", **self._headers(body)}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._client.post(self._url, content=body.encode(), headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            return Outcome(taken=False, response=f"{type(error).__name__}: {error}")
        return Outcome(taken=response.is_success, response=str(response.status_code))

    def _headers(self, body: str) -> dict[str, str]:
        signature = WebhookSignature.generate_signature_header(body, self._secret, int(self._clock().timestamp()))
        return {"Stripe-Signature": signature, "User-Agent": "Stripe/1.0"}

    async def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.taken:
            status, retry_at = "delivered", 0.0
        elif delivery.attempts < len(RETRY_AFTER_SECONDS):
            status, retry_at = "pending", time.time() + RETRY_AFTER_SECONDS[delivery.attempts]
        else:
            status, retry_at = "failed", 0.0
        async with self._books.transaction():
            self._books.outbox.settle(delivery, status=status, response=outcome.response, retry_at=retry_at)

    async def send_now(self, event_id: str) -> Delivery:
        """Once more and at once, whatever the mode says; a failure changes nothing about what was to come."""
        delivery = self._books.outbox.find(event_id)
        if self._find(event_id) is None:
            raise no_such("event", event_id)
        if delivery is None:
            raise StripeRefusal("There is no address to which this event is delivered.")
        outcome = await self._post(self._parcel(delivery).body)
        async with self._books.transaction():
            before = self._books.outbox.find(event_id) or delivery
            status = "delivered" if outcome.taken else before.status
            self._books.outbox.settle(before, status=status, response=outcome.response, retry_at=before.retry_at)
            return self._books.outbox.find(event_id) or before
