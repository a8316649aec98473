"""Whom an event of Stripe's is about, where the event itself does not say it: Stripe is asked, object by object.

A refund, a dispute or an early fraud warning names a payment, and the payment its customer; a thin event names an
object alone. https://docs.stripe.com/api/v2/core/events, /api/refunds/object, /api/disputes/object.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec

from adapters.stripe.objects import Reference
from application.errors import ProviderRefused

REQUESTS_MAX = 4
OWN_PATH = re.compile(r"/v1(/[a-z_]+)+/[A-Za-z0-9_]{1,255}")
ID = re.compile("[A-Za-z0-9_]{1,255}")
OF_NOBODY = frozenset({"balance", "coupon", "payout", "plan", "price", "product", "tax_rate"})
"""Kinds of objects that have no customer: news of one of these is nobody's."""
CUSTOMER_ID = re.compile("cus_[A-Za-z0-9_]{1,250}")

Retrieve = Callable[[str], Awaitable[bytes]]
"""The object at a path of the API, as it came. Raises ProviderRefused, ProviderUnavailable."""


class Payment(msgspec.Struct, frozen=True):
    """By what an invoice was paid."""

    payment_intent: str | Reference | None = None
    charge: str | Reference | None = None


class About(msgspec.Struct, frozen=True):
    """An object, as far as it leads to its customer."""

    object: str = ""
    id: str | None = None
    customer: str | Reference | None = None
    subscription: str | Reference | None = None
    invoice: str | Reference | None = None
    payment_intent: str | Reference | None = None
    charge: str | Reference | None = None
    payment: Payment | None = None
    status: str | None = None
    client_reference_id: str | None = None

    @property
    def customer_id(self) -> str | None:
        return self.id if self.object == "customer" else _id(self.customer)

    def leads(self) -> Iterator[str]:
        """The paths of what may know the customer, the likeliest first."""
        paid = self.payment or Payment()
        for place, named in (
            ("payment_intents", self.payment_intent),
            ("payment_intents", paid.payment_intent),
            ("charges", self.charge),
            ("charges", paid.charge),
            ("invoices", self.invoice),
            ("subscriptions", self.subscription),
        ):
            if (known := _id(named)) and ID.fullmatch(known):
                yield f"/v1/{place}/{known}"


class Related(msgspec.Struct, frozen=True):
    """What a thin event is about."""

    id: str = ""
    type: str = ""
    url: str = ""

    @property
    def customer_id(self) -> str | None:
        return self.id if CUSTOMER_ID.fullmatch(self.id) else None

    def leads(self) -> Iterator[str]:
        """Nothing but an object of the first version of the API, where our customers are."""
        if OWN_PATH.fullmatch(self.url):
            yield self.url


class Changed(msgspec.Struct, frozen=True):
    """What the fields were before: a payment method that was detached names its customer only there."""

    customer: str | Reference | None = None


class EventData(msgspec.Struct, frozen=True):
    object: About = About()
    previous_attributes: Changed | None = None


class Said(msgspec.Struct, frozen=True):
    """An event of either style, as far as it tells whom it is about."""

    data: EventData | None = None
    related_object: Related | None = None
    snapshot_event: str | None = None
    """Of a thin event: the same news in the other style."""

    @property
    def customer_id(self) -> str | None:
        if self.related_object and (related := self.related_object.customer_id):
            return related
        before = self.data.previous_attributes if self.data else None
        return (self.data.object.customer_id if self.data else None) or (_id(before.customer) if before else None)

    @property
    def paid_by_guest(self) -> str | None:
        """A checkout that names an account and has no customer; nor has its payment."""
        about = self.data.object if self.data else About()
        is_guests = about.object == "checkout.session" and about.status == "complete" and about.customer_id is None
        return about.id if is_guests and _is_account_id(about.client_reference_id) else None

    def leads(self) -> Iterator[str]:
        if self.related_object and self.related_object.type in OF_NOBODY:
            return
        if self.data:
            yield from self.data.object.leads()
        if self.related_object:
            yield from self.related_object.leads()
        if self.snapshot_event and ID.fullmatch(self.snapshot_event):
            yield f"/v1/events/{self.snapshot_event}"


NOTHING_SAID = Said()

GUEST = (
    "A guest paid at {id} for an account, and Stripe made no customer by whom it could be asked about. A payment link"
    " that is to give days must always create one (customer_creation=always). This one: pay it back, or grant them."
)


def objects_named(event: Said) -> list[str]:
    """The ids alone of what may know the customer."""
    return [path.rpartition("/")[2] for path in event.leads()]


def said(body: bytes) -> Said:
    """Field by field where one is not as it should be; empty where it is no event at all."""
    try:
        return msgspec.json.decode(body, type=Said)
    except (msgspec.DecodeError, RecursionError):
        return _said_in_part(body)


def _said_in_part(body: bytes) -> Said:
    """A field whose kind or version says it in another way does not take the others with it."""
    event = _map_of(body)
    data = event["data"] if isinstance(event.get("data"), dict) else {}
    told = EventData(_in_part(data.get("object"), About), _in_part(data.get("previous_attributes"), Changed))
    snapshot = event.get("snapshot_event")
    return Said(told, _in_part(event.get("related_object"), Related), snapshot if isinstance(snapshot, str) else None)


def _map_of(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


S = TypeVar("S", bound=msgspec.Struct)


def _in_part(given: object, kind: type[S]) -> S:
    """A Struct all of whose fields have a default, with those that can be read."""
    fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    read: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name in fields:
            with suppress(msgspec.ValidationError):
                read[field.name] = msgspec.convert(fields[field.name], field.type)
    return kind(**read)


async def find_customer(event: Said, retrieve: Retrieve) -> str | None:
    """From one object to the next, four of them at most; None where it leads to none, or all of them are nobody's.

    Raises ProviderRefused where more of them would have to be asked for, or one was not given; ProviderUnavailable.
    """
    if (session_id := event.paid_by_guest) is not None:
        raise ProviderRefused(GUEST.format(id=session_id))
    ahead, asked, answers = [*event.leads()], list[str](), list[str]()
    if not ahead:
        return None
    while ahead and len(asked) < REQUESTS_MAX:
        asked.append(path := ahead.pop(0))
        try:
            found = await _retrieved(path, retrieve)
        except ProviderRefused as refused:
            answers.append(str(refused))
            continue
        if found.customer_id:
            return found.customer_id
        ahead += [lead for lead in found.leads() if lead not in (*ahead, *asked)]
    if not ahead and not answers:
        # A guest's: Stripe has given all that could know the customer, and none of it has one.
        return None
    raise ProviderRefused(f"Stripe names no customer at {', '.join(asked)}. {' '.join(answers)}".rstrip())


async def _retrieved(path: str, retrieve: Retrieve) -> About | Said:
    """An event is asked for in place of the object that it tells of."""
    answer = await retrieve(path)
    if path.startswith("/v1/events/"):
        return said(answer)
    try:
        return msgspec.json.decode(answer, type=About)
    except (msgspec.DecodeError, RecursionError) as error:
        if not (found := _map_of(answer)):
            raise ProviderRefused(f"What is at {path} cannot be read: {error}") from error
        return _in_part(found, About)


def _is_account_id(given: str | None) -> bool:
    try:
        UUID(given or "")
    except ValueError:
        return False
    return True


def _id(named: str | Reference | None) -> str | None:
    return (named.id if isinstance(named, Reference) else named) or None
