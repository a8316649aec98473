"""What we read of Stripe's objects, in the shape of the SDK's pinned version; statuses are open lists of words.

https://docs.stripe.com/api/subscriptions/object, /invoices/object, /checkout/sessions/object. Times are Unix seconds,
amounts minor units. A null field has a default here, so that an answer without it can be read too.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Reference(msgspec.Struct, frozen=True):
    """An object that Stripe sent in the place of its id."""

    id: str


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


class Item(msgspec.Struct, frozen=True):
    """One price of a subscription, with a period of its own."""

    price: Price
    current_period_start: int
    current_period_end: int
    quantity: int | None = None


class Items(msgspec.Struct, frozen=True):
    data: tuple[Item, ...] = ()


class SubscriptionDetails(msgspec.Struct, frozen=True):
    subscription: str | Reference | None = None


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
    parent: Parent | None = None
    status_transitions: Transitions = Transitions()

    @property
    def subscription_id(self) -> str | None:
        details = self.parent.subscription_details if self.parent else None
        subscription = details.subscription if details else None
        return subscription.id if isinstance(subscription, Reference) else subscription

    @property
    def is_failing(self) -> bool:
        """It was asked for, and is still owed."""
        return self.attempted and self.status in {"open", "uncollectible"}

    @property
    def first_attempt_at(self) -> int:
        """Stripe does not say it: what is charged automatically is charged as soon as it is final."""
        return self.status_transitions.finalized_at or self.created


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    start_date: int
    items: Items = Items()
    trial_end: int | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    ended_at: int | None = None
    pause_collection: dict[str, Any] | None = None
    latest_invoice: Invoice | str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout."""

    id: str
    status: str | None = None
    client_reference_id: str | None = None
    metadata: Mapping[str, str] | None = None
