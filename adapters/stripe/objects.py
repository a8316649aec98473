"""What we read of Stripe's objects, in the shape of the SDK's pinned version; statuses are open lists of words.

https://docs.stripe.com/api/subscriptions/object, /invoices/object, /checkout/sessions/object. Times are Unix seconds,
amounts minor units. A null field has a default here, so that an answer without it can be read too.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

BEGINS_PERIOD = frozenset({"subscription_create", "subscription_cycle"})
"""Billing reasons of the invoices that begin a period."""
UNSAID = frozenset({None, "subscription", "quote_accept"})
"""Those that say nothing of it: what their lines are for does."""


class Reference(msgspec.Struct, frozen=True):
    """An object that Stripe sent in the place of its id."""

    id: str


class Customer(msgspec.Struct, frozen=True):
    id: str
    deleted: bool = False
    metadata: Mapping[str, str] | None = None


class Recurring(msgspec.Struct, frozen=True):
    interval: str
    interval_count: int = 1


class Price(msgspec.Struct, frozen=True):
    id: str
    currency: str
    unit_amount: int | None = None
    """None where a price has tiers or fractions of a minor unit."""
    active: bool = True
    recurring: Recurring | None = None
    """None where it is paid once."""
    product: str | Reference | None = None


class Item(msgspec.Struct, frozen=True):
    """One price of a subscription, with a period of its own."""

    price: Price
    current_period_start: int
    current_period_end: int
    quantity: int | None = None
    id: str = ""


class Items(msgspec.Struct, frozen=True):
    """With a subscription the first ten come."""

    data: tuple[Item, ...] = ()
    has_more: bool = False


class SubscriptionDetails(msgspec.Struct, frozen=True):
    subscription: str | Reference | None = None


class Span(msgspec.Struct, frozen=True):
    start: int
    end: int


class ItemDetails(msgspec.Struct, frozen=True):
    subscription_item: str | Reference | None = None
    proration: bool = False


class LineParent(msgspec.Struct, frozen=True):
    """What a line of an invoice is for."""

    subscription_item_details: ItemDetails | None = None
    invoice_item_details: ItemDetails | None = None
    """Of what is billed once; prorated, it comes from a change of a subscription's items."""


class PriceDetails(msgspec.Struct, frozen=True):
    price: str | Reference | None = None


class Pricing(msgspec.Struct, frozen=True):
    price_details: PriceDetails | None = None


class Line(msgspec.Struct, frozen=True):
    period: Span
    amount: int | None = None
    """Below zero for what is given back of a plan before."""
    parent: LineParent | None = None
    pricing: Pricing | None = None

    @property
    def item(self) -> ItemDetails | None:
        """None where it is for no item of a subscription."""
        if self.parent is None:
            return None
        once = self.parent.invoice_item_details
        return self.parent.subscription_item_details or (once if once and once.proration else None)

    @property
    def is_told(self) -> bool:
        """Whether it says what it is for."""
        parent = self.parent or LineParent()
        return bool(parent.subscription_item_details or parent.invoice_item_details)

    @property
    def item_id(self) -> str | None:
        return id_of(self.item.subscription_item) if self.item else None

    @property
    def price_id(self) -> str | None:
        details = self.pricing.price_details if self.pricing else None
        return id_of(details.price) if details else None

    @property
    def charges(self) -> bool:
        """For an item of a subscription; what is credited pays for nothing."""
        return self.item is not None and (self.amount is None or self.amount >= 0)

    @property
    def begins_period(self) -> bool:
        """For an item of a subscription, from the beginning of one of its periods."""
        return self.charges and self.item is not None and not self.item.proration

    @property
    def reach(self) -> tuple[bool, int]:
        """What only settles what lies between two plans is for the period in which these were exchanged."""
        return (self.item is not None and not self.item.proration, self.period.end)


class Lines(msgspec.Struct, frozen=True):
    """With an invoice the first ten come."""

    data: tuple[Line, ...] = ()
    has_more: bool = False


class Parent(msgspec.Struct, frozen=True):
    """What an invoice is for."""

    subscription_details: SubscriptionDetails | None = None


class Transitions(msgspec.Struct, frozen=True):
    finalized_at: int | None = None
    paid_at: int | None = None


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: int
    currency: str
    amount_due: int
    amount_paid: int
    status: str | None = None
    attempted: bool = False
    attempt_count: int = 0
    next_payment_attempt: int | None = None
    hosted_invoice_url: str | None = None
    billing_reason: str | None = None
    """subscription_create, subscription_cycle, subscription_update, manual, ...; of old ones None or `subscription`."""
    collection_method: str = "charge_automatically"
    due_date: int | None = None
    parent: Parent | None = None
    lines: Lines = Lines()
    status_transitions: Transitions = Transitions()

    @property
    def subscription_id(self) -> str | None:
        details = self.parent.subscription_details if self.parent else None
        return id_of(details.subscription) if details else None

    @property
    def may_wait_for_customer(self) -> bool:
        """A subscription's, that Stripe has begun to collect; one that is sent is for the customer to pay anyway."""
        collects = self.status == "open" and self.collection_method == "charge_automatically"
        return collects and self.amount_due > 0 and self.subscription_id is not None

    @property
    def is_failing(self) -> bool:
        """It was asked for, and is still owed; of one that is sent, once it is past due, is for its date to say."""
        asked_for = self.attempted or self.due_date is not None
        return asked_for and self.status in {"open", "uncollectible"}

    @property
    def first_attempt_at(self) -> int:
        """Stripe does not say it: what is charged automatically is charged as soon as it is final."""
        return self.due_date or self.status_transitions.finalized_at or self.created

    @property
    def covers_until(self) -> int | None:
        """The end of the period that it is for; None where no line charges for a subscription's item."""
        return max((line.reach for line in self.lines.data if line.charges), default=(False, None))[1]

    @property
    def covering_lines(self) -> list[Line] | None:
        """Of each item that it charges for the line that reaches farthest; None where that cannot be told."""
        by_item: dict[str | None, Line] = {}
        for line in sorted((line for line in self.lines.data if line.charges), key=lambda line: line.reach):
            by_item[line.item_id or line.price_id] = line
        told = by_item or (self.lines.data and all(line.is_told for line in self.lines.data))
        return list(by_item.values()) if told and not self.lines.has_more else None

    @property
    def period_lines(self) -> list[Line]:
        """Those that begin a period; none of an invoice inside a period. Old ones do not say which they are."""
        begins = self.billing_reason in BEGINS_PERIOD or self.billing_reason in UNSAID
        return [line for line in self.lines.data if line.begins_period] if begins else []


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    start_date: int
    items: Items = Items()
    trial_start: int | None = None
    trial_end: int | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    ended_at: int | None = None
    pause_collection: dict[str, Any] | None = None
    latest_invoice: Invoice | str | None = None

    @property
    def asked_for_to_go_on(self) -> str | None:
        """The open invoice that takes it out of its pause once it is paid; what was owed before the pause does not."""
        last = self.latest_invoice
        if self.status != "paused" or not isinstance(last, Invoice) or last.status != "open":
            return None
        return None if last.billing_reason in BEGINS_PERIOD else last.id

    @property
    def latest_invoice_id(self) -> str | None:
        return self.latest_invoice.id if isinstance(self.latest_invoice, Invoice) else self.latest_invoice


class SessionLine(msgspec.Struct, frozen=True):
    price: Price | None = None
    quantity: int | None = None


class SessionLines(msgspec.Struct, frozen=True):
    data: tuple[SessionLine, ...] = ()


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout."""

    id: str
    status: str | None = None
    mode: str = "subscription"
    payment_status: str = "unpaid"
    payment_intent: str | Reference | None = None
    amount_total: int | None = None
    currency: str | None = None
    created: int = 0
    client_reference_id: str | None = None
    url: str | None = None
    expires_at: int | None = None
    metadata: Mapping[str, str] | None = None
    line_items: SessionLines | None = None
    """Where they were asked for with it; ten of them."""


def id_of(given: str | Reference | None) -> str | None:
    """The id, also where the object itself was sent."""
    return given.id if isinstance(given, Reference) else given
