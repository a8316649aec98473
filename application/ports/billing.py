"""The payment provider: what we ask of it, and what it says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.deliveries import Delivery
from domain.payment.truth import ProviderPayment
from domain.shared.money import Money
from domain.shared.plan_terms import Interval


class SeenPrice(msgspec.Struct, frozen=True):
    """A price as the provider tells it."""

    price: Money
    interval: Interval


class CheckoutPage(msgspec.Struct, frozen=True):
    """Where the viewer pays."""

    reference: str
    url: str
    expires_at: datetime


class SeenItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a subscription sells; which plan its price belongs to is for us to know."""

    reference: str = ""
    price_id: str
    price: Money | None
    """Of all that is sold of it; None where that is no amount in whole minor units, as of a price in tiers."""
    period_start: datetime
    period_end: datetime
    is_free: bool = False
    """By its price, however many of it are sold."""


class SeenSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as the provider tells it, with at least one item."""

    reference: str
    status: str
    items: tuple[SeenItem, ...]
    started_at: datetime
    trial_end: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    collection_paused: bool
    failing_since: datetime | None
    ends_with_period: bool = False
    """It is to end with the current period, whose end is not said by itself: that of its plan's item."""

    @property
    def first(self) -> SeenItem:
        """The item that says which plan it is of."""
        return self.items[0]


class PaidAtOnce(msgspec.Struct, frozen=True):
    """The money for something that is sold once: it is there."""

    payment_reference: str
    paid_at: datetime | None
    """None where the provider does not tell it: then it was when we heard of it, at the latest."""


class SeenCheckout(msgspec.Struct, frozen=True):
    """A checkout as the provider tells it; `checkout_id` is ours, given when it was opened."""

    reference: str
    checkout_id: UUID
    status: Literal["open", "completed", "expired"]
    paid: PaidAtOnce | None = None
    """Of one that begins no subscription, as soon as the money is there."""
    page: CheckoutPage | None = None
    """Where it can be paid, as long as it is open."""


class SoldOnce(msgspec.Struct, frozen=True):
    """So many of one price."""

    price_id: str
    price: Money
    """Of all that is sold of it."""
    quantity: int


class SeenPurchase(msgspec.Struct, frozen=True):
    """What was sold once and paid on a page that is not ours, as a payment link's; all that it sold."""

    reference: str
    paid: PaidAtOnce
    sold: tuple[SoldOnce, ...]


class CustomerTruth(msgspec.Struct, frozen=True):
    """All that the provider knows of one customer, at one moment; the newest of each kind first."""

    subscriptions: tuple[SeenSubscription, ...]
    payments: tuple[ProviderPayment, ...]
    checkouts: tuple[SeenCheckout, ...]
    objects: tuple[str, ...] = ()
    """The ids of what else the provider may tell of without saying whose it is: payments and invoices."""
    purchases: tuple[SeenPurchase, ...] = ()
    settled: tuple[ProviderPayment, ...] = ()
    """What began a period of a subscription and is paid, though no money was asked for: credit, or a coupon, paid it.

    These are no payments: nothing is recorded of them by itself.
    """
    held_up: tuple[str, ...] = ()
    """Why some objects are not among these: they hold what no fact can hold. In whole sentences, each with its id."""


class UndeliveredPage(msgspec.Struct, frozen=True):
    """Events that the provider could not deliver; `following` is where the next page begins, None after the last."""

    deliveries: tuple[Delivery, ...]
    following: str | None


class CustomerPage(msgspec.Struct, frozen=True):
    """Whose subscriptions or purchases these are, a customer as often as it has some; `following` as above."""

    customer_ids: tuple[str, ...]
    following: str | None


class BillingProvider(Protocol):
    """Every call may raise ProviderUnavailable or ProviderRefused, has a timeout, and is done once per key."""

    name: str
    deletions: frozenset[str]
    """The types of the deliveries that say that a customer was deleted, and its subscriptions with it."""

    async def create_price(
        self,
        *,
        plan_id: UUID,
        name: str,
        price: Money,
        interval: Interval,
        beside: str | None = None,
        idempotency_key: str,
    ) -> str:
        """Make a price of the plan's one product; the price's id.

        `beside` is a price that the plan has already, and whose product it is. Without one the product is made, once.
        """
        ...

    async def price(self, price_id: str) -> SeenPrice:
        """A price that is there already. Raises ProviderRefused when it is not, or is not one amount for a period."""
        ...

    async def customers_made_for(self, account_id: UUID, *, email: str | None) -> Sequence[str]:
        """Customers that were made for the account, whether or not the answer came; a minute may be missing."""
        ...

    async def has_customer(self, customer_id: str) -> bool:
        """Whether there is such a customer; one that was deleted is there no more."""
        ...

    async def create_customer(self, *, account_id: UUID, email: str | None, idempotency_key: str) -> str:
        """The customer's id."""
        ...

    async def delete_customer(self, customer_id: str) -> None:
        """Done again, it stays so. Raises CustomerGone where the provider never had it: our key may be another's."""
        ...

    async def open_checkout(
        self,
        *,
        checkout_id: UUID,
        account_id: UUID,
        customer_id: str,
        price_id: str,
        recurring: bool,
        trial_days: int,
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
    ) -> CheckoutPage:
        """Raises CustomerGone where the provider has no such customer; what was refused stays so under its key."""
        ...

    async def cancel(self, reference: str, *, at_period_end: bool, idempotency_key: str) -> None:
        """Done again, it is still cancelled. An end with its period comes in the place of one that is set for later."""
        ...

    async def expire_checkout(self, reference: str) -> Literal["expired", "completed"]:
        """Nobody can pay on its page any more; what it is now, where it was over already."""
        ...

    async def resume(self, reference: str, *, idempotency_key: str) -> None:
        """Take back an end that is announced, and go on after a pause once its invoice is paid.

        One that goes on already stays as it is.
        """
        ...

    async def change_price(
        self, reference: str, *, before_price_id: str, price_id: str, upgrade: bool, idempotency_key: str
    ) -> None:
        """Another price in the place of the one before; where that has been done already, it stays as it is.

        Raises SubscriptionMoved where it sells neither of the two. Refused where it sells that price beside: none does
        so twice.
        An upgrade is billed now and counts when it is paid; else it counts at once, with credit for what comes.
        """
        ...

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        """The address of the provider's own page for this customer, good for a short while. Raises CustomerGone."""
        ...

    async def refund(self, payment_reference: str, *, amount: Money, idempotency_key: str) -> str:
        """Give so much of a payment back; the refund's reference. The refund carries the key."""
        ...

    async def find_refund(self, payment_reference: str, *, idempotency_key: str) -> str | None:
        """The refund of this payment that carries the key, if there is one."""
        ...

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        """Everything about one customer, all pages of it.

        With `within_seconds` each request is sent once and answered within that time; else with the provider's own
        patience. Raises ProviderUnavailable, ProviderRefused, CustomerGone where the provider has no such customer,
        with whether it was deleted.
        """
        ...

    async def payments_by(
        self, references: Sequence[str], *, within_seconds: float | None = None
    ) -> Sequence[ProviderPayment]:
        """The payments that go by these references, as `truth_of` tells them; also of a customer who was deleted.

        One that the provider does not have, or that was never paid, is not among them. Of an invoice the reference of
        what paid it will do too. `within_seconds` as in `truth_of`.
        """
        ...

    async def has_subscription(self, reference: str) -> bool:
        """Whether there is such a subscription, or has been one."""
        ...

    async def payer_of(self, customer_id: str) -> UUID | None:
        """The account that a completed checkout of this customer names; None where none does.

        That of a payment link, say, which we have not opened ourselves.
        """
        ...

    def objects_named(self, body: bytes) -> Sequence[str]:
        """The ids of the objects that a kept delivery names, where it does not say whom it is about."""
        ...

    async def customer_of(self, body: bytes) -> str | None:
        """Whom a kept delivery is about, which it does not say itself; None where it is about nobody.

        Raises ProviderRefused when the provider cannot tell either.
        """
        ...

    async def undelivered_events(self, *, since: datetime, after: str | None) -> UndeliveredPage:
        """A page of the events made since then whose delivery failed, newest first; it goes back 30 days at most."""
        ...

    async def subscribers(self, *, after: str | None) -> CustomerPage:
        """A page of all subscriptions that there are or have been, by their customers."""
        ...

    async def buyers(self, *, after: str | None) -> CustomerPage:
        """A page of all completed checkouts that began no subscription, by their customers."""
        ...

    def told_by(self, bodies: Sequence[bytes]) -> Sequence[SeenSubscription]:
        """What deliveries about one customer say by themselves: each subscription as it was told of last.

        For while the provider cannot be asked: in whichever order they came, and of whichever version they are, the
        answer is the same. What cannot be read says nothing.
        """
        ...

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        """A delivery from the very bytes that came. Raises SignatureInvalid, EventMalformed."""
        ...
