"""The billing provider, played by Stripe through stripe-python: commands with keys of their own, truth page by page."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import stripe
from msgspec.structs import replace

from adapters.stripe.asking import PAGE_SIZE, all_pages, asking
from adapters.stripe.commands import StripeCommands
from adapters.stripe.customers import find_customer, objects_named, said
from adapters.stripe.money_back import GoneBack, MoneyBack
from adapters.stripe.objects import Invoice, Item, Items, Price, Session, Subscription
from adapters.stripe.paid import Charge
from adapters.stripe.payloads import told_by
from adapters.stripe.payments import PROVIDER
from adapters.stripe.payments_by_id import PaymentsById
from adapters.stripe.reading import customer_truth, payer, seen_price
from adapters.stripe.refusals import translated
from adapters.stripe.sweeping import buyers_page, raw_answer, subscribers_page, undelivered_page
from adapters.stripe.transport import Transport, is_here
from adapters.stripe.waiting import waiting_for_customer
from adapters.stripe.webhooks import Signatures, delivery
from application.ports.billing import CustomerPage, CustomerTruth, SeenPrice, SeenSubscription, UndeliveredPage
from application.ports.deliveries import Delivery
from application.ports.pacing import Pace
from domain.payment.truth import ProviderPayment

# Passed to the client explicitly: where nothing is passed it makes one attempt only.
RETRIES = 2

T = TypeVar("T")


class StripeBilling(StripeCommands):
    """Every call has a timeout and is tried three times; close it when it is done with."""

    name = PROVIDER
    deletions = frozenset({"customer.deleted"})

    def __init__(
        self,
        secret_key: str,
        webhook_secrets: Sequence[str],
        *,
        api_base: str | None = None,
        livemode: bool,
        pace: Pace,
        timeout_seconds: float = 10.0,
        tolerance_seconds: float = 300.0,
    ) -> None:
        """`api_base` is where another server plays Stripe; `livemode` says whose events concern us,
        `pace` when each request may be sent.

        `timeout_seconds` is the patience with one request, `tolerance_seconds` how old or how early a signature may be.

        Raises:
            ValueError: the key or a webhook secret is empty.
        """
        if not secret_key.strip():
            raise ValueError("the secret key is empty")
        self._signatures = Signatures(webhook_secrets, tolerance=timedelta(seconds=tolerance_seconds))
        self._livemode = livemode
        through_proxy = api_base is None or not is_here(api_base)
        self._transport = Transport(timeout_seconds=timeout_seconds, through_proxy=through_proxy, pace=pace)
        self._client = stripe.StripeClient(
            secret_key.strip(),
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            max_network_retries=RETRIES,
            http_client=self._transport,
        )
        super().__init__(self._client.v1)

    async def close(self) -> None:
        """Give the connections back."""
        await self._transport.close_async()

    async def price(self, price_id: str) -> SeenPrice:
        async with asking():
            seen = await self._stripe.prices.retrieve_async(price_id)
            return seen_price(msgspec.convert(seen.to_dict(), Price))

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        """Of subscriptions, invoices, checkouts and charges the newest 1,000 each."""
        own, services = {"customer": customer_id, "limit": PAGE_SIZE}, self._stripe
        with_invoices = {**own, "status": "all", "expand": ["data.latest_invoice"]}
        async with self._as(customer_id, within_seconds):
            sold, asked_for, opened, charged = await asyncio.gather(
                _every(services.subscriptions.list_async, with_invoices, Subscription),
                _every(services.invoices.list_async, own, Invoice),
                _every(services.checkout.sessions.list_async, {**own, "expand": ["data.line_items"]}, Session),
                _every(services.charges.list_async, {**own, "expand": ["data.refunds"]}, Charge),
            )
            sold = await asyncio.gather(*map(self._with_all_items, sold))
            seen = frozenset(invoice.id for invoice in asked_for)
            gone_back, waiting = await asyncio.gather(
                MoneyBack(self._stripe, all_pages).of(charged, sold, customer=customer_id, seen=seen),
                waiting_for_customer(self._stripe, asked_for),
            )
            return replace(
                customer_truth(sold, asked_for, opened, gone_back, charged, waiting=waiting),
                objects=_objects(charged, asked_for, gone_back),
            )

    async def payments_by(
        self, references: Sequence[str], *, within_seconds: float | None = None
    ) -> Sequence[ProviderPayment]:
        async with asking(within_seconds):
            return await PaymentsById(self._stripe).of(references)

    async def _with_all_items(self, subscription: Subscription) -> Subscription:
        """Ten come with it."""
        if not subscription.items.has_more:
            return subscription
        items = self._stripe.subscription_items.list_async({"subscription": subscription.id, "limit": PAGE_SIZE})
        return replace(subscription, items=Items(tuple(await all_pages(items, Item))))

    def told_by(self, bodies: Sequence[bytes]) -> Sequence[SeenSubscription]:
        return told_by(bodies)

    async def payer_of(self, customer_id: str) -> UUID | None:
        sessions = self._stripe.checkout.sessions.list_async(
            {"customer": customer_id, "status": "complete", "limit": PAGE_SIZE}
        )
        async with asking():
            return payer(await all_pages(sessions, Session))

    def objects_named(self, body: bytes) -> Sequence[str]:
        return objects_named(said(body))

    async def customer_of(self, body: bytes) -> str | None:
        """Nobody, where it is of the other mode."""
        if delivery(body, livemode=self._livemode).livemode != self._livemode:
            return None
        event = said(body)
        async with asking():
            return event.customer_id or await find_customer(event, self._retrieved)

    async def _retrieved(self, path: str) -> bytes:
        """An object as it came, in the shape of the SDK's version."""
        try:
            return await raw_answer(self._client, path)
        except stripe.StripeError as error:
            raise translated(error) from error

    async def undelivered_events(self, *, since: datetime, after: str | None) -> UndeliveredPage:
        async with asking():
            return await undelivered_page(self._client, since=since, after=after, livemode=self._livemode)

    async def subscribers(self, *, after: str | None) -> CustomerPage:
        async with asking():
            return await subscribers_page(self._client, after=after)

    async def buyers(self, *, after: str | None) -> CustomerPage:
        async with asking():
            return await buyers_page(self._client, after=after)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        """A thin event (`v2.core.event`) is a delivery as well, about nobody whom we could ask about."""
        self._signatures.check(body, headers, now=now.astimezone(UTC))
        return delivery(body, livemode=self._livemode)


async def _every(
    listed: Callable[[Any], Awaitable[stripe.ListObject[Any]]], asked: Mapping[str, object], kind: type[T]
) -> list[T]:
    """Asked for only when its turn comes: who is cancelled before then leaves no coroutine that nobody awaits."""
    return await all_pages(listed(asked), kind)


def _objects(charges: Sequence[Charge], invoices: Sequence[Invoice], gone_back: Sequence[GoneBack]) -> tuple[str, ...]:
    """What a refund, a dispute or an invoice's payment names, the newest of each kind first."""
    return tuple(
        dict.fromkeys(
            [
                *(intent for charge in charges if (intent := charge.payment_intent_id)),
                *(charge.id for charge in charges),
                *(invoice.id for invoice in invoices),
                *(gone.paid_by for gone in gone_back),
                *(gone.payment_reference for gone in gone_back),
            ]
        )
    )
