"""What deliveries say by themselves, for while Stripe cannot be asked: the newest word on each subscription.

Deliveries come in any order, their times are whole seconds, and their shape is that of the endpoint's version. So an
end outweighs everything, then the later second, then who names the other's state as the one before it, then the later
end of a period, then what usually comes after what.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adapters.stripe.former_shapes import invoice_as_pinned, subscription_as_pinned
from adapters.stripe.objects import Invoice, Subscription
from adapters.stripe.reading import seen_subscription
from adapters.stripe.units import Unsayable
from application.ports.billing import SeenSubscription

OVER = frozenset({"canceled", "incomplete_expired"})
USUAL_ORDER = ("created", "trial_will_end", "updated", "pending_update_applied", "paused", "resumed", "deleted")
PREFIX, ITEMS = "customer.subscription.", "items"


class Data(msgspec.Struct, frozen=True):
    object: dict[str, Any]
    previous_attributes: dict[str, Any] | None = None


class Event(msgspec.Struct, frozen=True):
    """A snapshot event; a thin one has no object, and says nothing by itself."""

    id: str
    type: str
    created: int
    data: Data


class Named(msgspec.Struct, frozen=True):
    id: str | None = None


class Item(Named, frozen=True):
    """What says whether it is the same, in the same period."""

    quantity: int | None = None
    current_period_end: int | None = None
    price: Named | None = None
    plan: Named | None = None


class Items(msgspec.Struct, frozen=True):
    data: list[Item]


class Told(msgspec.Struct, frozen=True):
    """A subscription as one event told of it."""

    event: Event
    subscription: Subscription

    @property
    def is_over(self) -> bool:
        return self.subscription.status in OVER

    @property
    def period_end(self) -> int:
        return max((item.current_period_end for item in self.subscription.items.data), default=0)

    @property
    def usual_place(self) -> int:
        kind = self.event.type.removeprefix(PREFIX)
        return USUAL_ORDER.index(kind) if kind in USUAL_ORDER else -1

    def follows(self, other: "Told") -> bool:
        return self.names_as_before(other) and not other.names_as_before(self)

    def names_as_before(self, other: "Told") -> bool:
        """Whether what it says was so before is what the other says is so."""
        before = _plainly(self.event.data.previous_attributes or {})
        known, now = _plainly(other.event.data.object), _plainly(self.event.data.object)
        words = {name: value for name, value in before.items() if value != now.get(name) or name != ITEMS}
        return bool(words) and all(known.get(name) == value != now.get(name) for name, value in words.items())


def _plainly(words: dict[str, Any]) -> dict[str, Any]:
    """Without what has parts, of which only those that changed may be told; items are told whole."""
    plain = {name: value for name, value in words.items() if name != ITEMS and not isinstance(value, dict | list)}
    try:
        return plain | {ITEMS: msgspec.convert(words.get(ITEMS), Items).data}
    except msgspec.ValidationError:
        return plain


def told_by(bodies: Iterable[bytes]) -> Sequence[SeenSubscription]:
    """Each subscription that the bodies are about, in no particular order; what cannot be read is left aside."""
    events = sorted(filter(None, map(_event, bodies)), key=lambda event: (event.created, event.id))
    invoices = [invoice for event in events if (invoice := _invoice(event)) is not None]
    told: dict[str, list[Told]] = {}
    for one in filter(None, map(_told, events)):
        told.setdefault(one.subscription.id, []).append(one)
    seen = (_seen(_newest(some), invoices) for some in told.values())
    return [one for one in seen if one is not None]


def _newest(told: Sequence[Told]) -> Told:
    """Which of those about one subscription is how it is now."""
    ends = [one for one in told if one.is_over] or told
    second = max(one.event.created for one in ends)
    latest = [one for one in ends if one.event.created == second]
    last = [one for one in latest if not any(other.follows(one) for other in latest)] or latest
    return max(last, key=lambda one: (one.period_end, one.usual_place))


def _event(body: bytes) -> Event | None:
    try:
        return msgspec.json.decode(body, type=Event)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _told(event: Event) -> Told | None:
    if event.data.object.get("object") != "subscription":
        return None
    try:
        return Told(event, msgspec.convert(subscription_as_pinned(event.data.object), Subscription))
    except (msgspec.ValidationError, RecursionError):
        return None


def _invoice(event: Event) -> Invoice | None:
    if event.data.object.get("object") != "invoice":
        return None
    try:
        return msgspec.convert(invoice_as_pinned(event.data.object), Invoice)
    except (msgspec.ValidationError, RecursionError):
        return None


def _seen(told: Told, invoices: Iterable[Invoice]) -> SeenSubscription | None:
    try:
        return seen_subscription(told.subscription, invoices)
    except Unsayable:
        return None
