"""Stripe's long lists, page by page: events that it could not deliver, everybody's subscriptions and checkouts.

https://docs.stripe.com/webhooks/process-undelivered-events, /api/subscriptions/list, /api/checkout/sessions/list.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import stripe

from adapters.stripe.objects import Reference, id_of
from adapters.stripe.webhooks import delivery
from application.ports.billing import CustomerPage, UndeliveredPage
from application.ports.deliveries import Delivery, EventMalformed

log = logging.getLogger(__name__)

PAGE_SIZE = 100


class RawPage(msgspec.Struct, frozen=True):
    data: tuple[msgspec.Raw, ...]
    has_more: bool = False


class Listed(msgspec.Struct, frozen=True):
    id: str


class OfCustomer(msgspec.Struct, frozen=True):
    customer: str | Reference | None = None
    mode: str = "subscription"
    """Of a checkout: payment where it sells something once."""


async def raw_answer(client: stripe.StripeClient, path: str, **parameters: Any) -> bytes:
    """What a GET of the path answers, before the SDK makes objects of it. Raises stripe.StripeError."""
    answer = await client.raw_request_async("get", path, **parameters)
    return str(answer.body).encode()


async def undelivered_page(
    client: stripe.StripeClient, *, since: datetime, after: str | None, livemode: bool
) -> UndeliveredPage:
    """Events as if they had come; those that could not have been kept then are passed over."""
    page = await _page(client, "/v1/events", after, delivery_success=False, created={"gte": int(since.timestamp())})
    deliveries = [known for event in page.data if (known := _delivery(bytes(event), livemode=livemode)) is not None]
    return UndeliveredPage(tuple(deliveries), _following(page))


def _delivery(body: bytes, *, livemode: bool) -> Delivery | None:
    try:
        return delivery(body, livemode=livemode)
    except EventMalformed as malformed:
        log.warning("an undelivered event cannot be kept: %s", malformed)
        return None


async def subscribers_page(client: stripe.StripeClient, *, after: str | None) -> CustomerPage:
    """Ended subscriptions too: what was paid for them may have been lost as well."""
    page = await _page(client, "/v1/subscriptions", after, status="all")
    return CustomerPage(_customers(_named(page)), _following(page))


async def buyers_page(client: stripe.StripeClient, *, after: str | None) -> CustomerPage:
    """Those of subscriptions are in the same list, and left aside: the subscription tells whose it is."""
    page = await _page(client, "/v1/checkout/sessions", after, status="complete")
    return CustomerPage(_customers(one for one in _named(page) if one.mode == "payment"), _following(page))


def _named(page: RawPage) -> list[OfCustomer]:
    return [msgspec.json.decode(each, type=OfCustomer) for each in page.data]


def _customers(named: Iterable[OfCustomer]) -> tuple[str, ...]:
    """A guest who buys something is no customer."""
    return tuple(customer for one in named if (customer := id_of(one.customer)) is not None)


async def _page(client: stripe.StripeClient, path: str, after: str | None, **filters: Any) -> RawPage:
    if after is not None:
        filters["starting_after"] = after
    return msgspec.json.decode(await raw_answer(client, path, limit=PAGE_SIZE, **filters), type=RawPage)


def _following(page: RawPage) -> str | None:
    return msgspec.json.decode(page.data[-1], type=Listed).id if page.has_more and page.data else None
