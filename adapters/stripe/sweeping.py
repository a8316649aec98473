"""Stripe's long lists, page by page as they come: events that it could not deliver, and everybody's subscriptions.

https://docs.stripe.com/webhooks/process-undelivered-events, /api/subscriptions/list.
"""

import logging
from datetime import datetime
from typing import Any

import msgspec
import stripe

from adapters.stripe.objects import Reference
from adapters.stripe.webhooks import delivery
from application.ports.billing import CustomerPage, Delivery, EventMalformed, UndeliveredPage

log = logging.getLogger(__name__)

PAGE_SIZE = 100


class RawPage(msgspec.Struct, frozen=True):
    data: tuple[msgspec.Raw, ...]
    has_more: bool = False


class Listed(msgspec.Struct, frozen=True):
    id: str


class OfCustomer(msgspec.Struct, frozen=True):
    customer: str | Reference


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
    named = [msgspec.json.decode(each, type=OfCustomer).customer for each in page.data]
    customer_ids = tuple(one.id if isinstance(one, Reference) else one for one in named)
    return CustomerPage(customer_ids, _following(page))


async def _page(client: stripe.StripeClient, path: str, after: str | None, **filters: Any) -> RawPage:
    if after is not None:
        filters["starting_after"] = after
    return msgspec.json.decode(await raw_answer(client, path, limit=PAGE_SIZE, **filters), type=RawPage)


def _following(page: RawPage) -> str | None:
    return msgspec.json.decode(page.data[-1], type=Listed).id if page.has_more and page.data else None
