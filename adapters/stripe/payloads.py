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
PREFIX = "customer.subscription."


class Data(msgspec.Struct, frozen=True):
    object: dict[str, Any]
    previous_attributes: dict[str, Any] | None = None


class Event(msgspec.Struct, frozen=True):
    """A snapshot event; a thin one has no object, and says nothing by itself."""

    id: str
    type: str
    created: int
    data: Data


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

    def names_as_before(self, other: "Told") -> bool:
        """Whether what it says was so before is what the other says is so."""
        before = self.event.data.previous_attributes or {}
        words = {name: value for name, value in before.items() if not isinstance(value, dict | list)}
        known, now = other.event.data.object, self.event.data.object
        return bool(words) and all(known.get(name) == value != now.get(name) for name, value in words.items())


def told_by(bodies: Iterable[bytes]) -> Sequence[SeenSubscription]:
    """Each subscription that the bodies are about, in no particular order; what cannot be read is left aside."""
    events = sorted(filter(None, map(_event, bodies)), key=lambda event: (event.created, event.id))
    invoices = [invoice for event in events if (invoice := _invoice(event)) is not None]
    newest: dict[str, Told] = {}
    for told in filter(None, map(_told, events)):
        reference = told.subscription.id
        newest[reference] = _later(newest[reference], told) if reference in newest else told
    seen = (_seen(told, invoices) for told in newest.values())
    return [one for one in seen if one is not None]


def _later(one: Told, other: Told) -> Told:
    """Which of the two is how it is now."""
    if one.is_over != other.is_over:
        return one if one.is_over else other
    if one.event.created != other.event.created:
        return max(one, other, key=lambda told: told.event.created)
    if one.names_as_before(other) != other.names_as_before(one):
        return one if one.names_as_before(other) else other
    return max(one, other, key=lambda told: (told.period_end, told.usual_place))


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
