"""The billing provider, played by Stripe through stripe-python: commands with keys of their own, truth page by page."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import stripe
from msgspec.structs import replace
from stripe.params import CustomerCreateParams, PriceCreateParams
from stripe.params.checkout import SessionCreateParams

from adapters.stripe.customers import find_customer, objects_named, said
from adapters.stripe.money_back import GoneBack, MoneyBack
from adapters.stripe.objects import Charge, Invoice, Price, Session, Subscription
from adapters.stripe.payloads import told_by
from adapters.stripe.reading import PROVIDER, at, customer_truth, payer, seen_price
from adapters.stripe.refusals import translated
from adapters.stripe.sweeping import raw_answer, subscribers_page, undelivered_page
from adapters.stripe.transport import Transport, is_here
from adapters.stripe.webhooks import Signatures, delivery
from application.errors import ProviderRefused, ProviderUnavailable
from application.ports.billing import (
    CheckoutPage,
    CustomerPage,
    CustomerTruth,
    Delivery,
    SeenPrice,
    SeenSubscription,
    UndeliveredPage,
)
from domain.shared.money import Money
from domain.shared.plan_terms import Interval

log = logging.getLogger(__name__)

# Passed to the client explicitly: where nothing is passed it makes one attempt only.
RETRIES = 2
# For one call of the port with all its requests, retries and pages.
DEADLINE_SECONDS = 60.0
PAGE_SIZE = 100
PAGES_MAX = 10
OVER = frozenset({"canceled", "incomplete_expired"})

T = TypeVar("T")


class StripeBilling:
    """Every call has a timeout and is tried three times; close it when it is done with."""

    name = PROVIDER

    def __init__(
        self,
        secret_key: str,
        webhook_secrets: Sequence[str],
        *,
        api_base: str | None = None,
        livemode: bool,
        timeout_seconds: float = 10.0,
        tolerance_seconds: float = 300.0,
    ) -> None:
        """`api_base` is where another server plays Stripe; `livemode` says whose events concern us.

        `timeout_seconds` is the patience with one request, `tolerance_seconds` how old or how early a signature may be.

        Raises:
            ValueError: the key or a webhook secret is empty.
        """
        if not secret_key.strip():
            raise ValueError("the secret key is empty")
        self._signatures = Signatures(webhook_secrets, tolerance=timedelta(seconds=tolerance_seconds))
        self._livemode = livemode
        through_proxy = api_base is None or not is_here(api_base)
        self._transport = Transport(timeout_seconds=timeout_seconds, through_proxy=through_proxy)
        client = stripe.StripeClient(
            secret_key.strip(),
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            max_network_retries=RETRIES,
            http_client=self._transport,
        )
        self._client, self._stripe = client, client.v1

    async def close(self) -> None:
        """Give the connections back."""
        await self._transport.close_async()

    async def create_price(
        self, *, plan_id: UUID, name: str, price: Money, interval: Interval, idempotency_key: str
    ) -> str:
        """Two objects at Stripe, each under a key derived from ours."""
        about = {"plan_id": str(plan_id)}
        async with _asking():
            product = await self._stripe.products.create_async(
                {"name": name, "metadata": about}, {"idempotency_key": f"{idempotency_key}-product"}
            )
            terms: PriceCreateParams = {
                "product": product.id,
                "currency": price.currency.lower(),
                "unit_amount": price.amount,
                "metadata": about,
            }
            if interval != "once":
                terms["recurring"] = {"interval": interval}
            made = await self._stripe.prices.create_async(terms, {"idempotency_key": f"{idempotency_key}-price"})
            return made.id

    async def price(self, price_id: str) -> SeenPrice:
        async with _asking():
            seen = await self._stripe.prices.retrieve_async(price_id)
            return seen_price(msgspec.convert(seen.to_dict(), Price))

    async def create_customer(self, *, account_id: UUID, email: str | None, idempotency_key: str) -> str:
        about: CustomerCreateParams = {"metadata": {"account_id": str(account_id)}}
        if email is not None:
            about["email"] = email
        async with _asking():
            return (await self._stripe.customers.create_async(about, {"idempotency_key": idempotency_key})).id

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
        about = {"checkout_id": str(checkout_id), "account_id": str(account_id)}
        wanted: SessionCreateParams = {
            "mode": "subscription" if recurring else "payment",
            "customer": customer_id,
            "client_reference_id": str(checkout_id),
            "line_items": [{"price": price_id, "quantity": 1}],
            "metadata": about,
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        if not recurring:
            wanted["payment_intent_data"] = {"metadata": about}
        elif trial_days:
            wanted["subscription_data"] = {"metadata": about, "trial_period_days": trial_days}
        else:
            wanted["subscription_data"] = {"metadata": about}
        async with _asking():
            session = await self._stripe.checkout.sessions.create_async(wanted, {"idempotency_key": idempotency_key})
        if session.url is None:
            raise ProviderRefused(f"Stripe opened {session.id} without a page to pay on.")
        return CheckoutPage(session.id, session.url, at(session.expires_at))

    async def cancel(self, reference: str, *, at_period_end: bool, idempotency_key: str) -> None:
        """A subscription that is over already is as cancelled as it can be.

        Cancelling at once is a DELETE, for which Stripe takes no key: it is the second answer that tells.
        """
        try:
            async with _asking():
                if at_period_end:
                    await self._stripe.subscriptions.update_async(
                        reference, {"cancel_at_period_end": True}, {"idempotency_key": idempotency_key}
                    )
                else:
                    await self._stripe.subscriptions.cancel_async(reference)
        except ProviderRefused:
            if not await self._is_over(reference):
                raise

    async def _is_over(self, reference: str) -> bool:
        async with _asking():
            return (await self._stripe.subscriptions.retrieve_async(reference)).status in OVER

    async def truth_of(self, customer_id: str) -> CustomerTruth:
        """Of subscriptions, invoices, checkouts and charges the newest 1,000 each."""
        subscriptions = self._stripe.subscriptions.list_async(
            {"customer": customer_id, "status": "all", "limit": PAGE_SIZE, "expand": ["data.latest_invoice"]}
        )
        invoices = self._stripe.invoices.list_async({"customer": customer_id, "limit": PAGE_SIZE})
        sessions = self._stripe.checkout.sessions.list_async({"customer": customer_id, "limit": PAGE_SIZE})
        charges = self._stripe.charges.list_async(
            {"customer": customer_id, "limit": PAGE_SIZE, "expand": ["data.refunds"]}
        )
        async with _asking():
            sold, asked_for, opened, charged = await asyncio.gather(
                _all_pages(subscriptions, Subscription),
                _all_pages(invoices, Invoice),
                _all_pages(sessions, Session),
                _all_pages(charges, Charge),
            )
            seen = frozenset(invoice.id for invoice in asked_for)
            gone_back = await MoneyBack(self._stripe, _all_pages).of(charged, sold, invoices_seen=seen)
            return replace(
                customer_truth(sold, asked_for, opened, gone_back, charged),
                objects=_objects(charged, asked_for, gone_back),
            )

    def told_by(self, bodies: Sequence[bytes]) -> Sequence[SeenSubscription]:
        return told_by(bodies)

    async def payer_of(self, customer_id: str) -> UUID | None:
        sessions = self._stripe.checkout.sessions.list_async(
            {"customer": customer_id, "status": "complete", "limit": PAGE_SIZE}
        )
        async with _asking():
            return payer(await _all_pages(sessions, Session))

    def objects_named(self, body: bytes) -> Sequence[str]:
        return objects_named(said(body))

    async def customer_of(self, body: bytes) -> str | None:
        """Nobody, where it is of the other mode."""
        if delivery(body, livemode=self._livemode).livemode != self._livemode:
            return None
        event = said(body)
        async with _asking():
            return event.customer_id or await find_customer(event, self._retrieved)

    async def _retrieved(self, path: str) -> bytes:
        """An object as it came, in the shape of the SDK's version."""
        try:
            return await raw_answer(self._client, path)
        except stripe.StripeError as error:
            raise translated(error) from error

    async def undelivered_events(self, *, since: datetime, after: str | None) -> UndeliveredPage:
        async with _asking():
            return await undelivered_page(self._client, since=since, after=after, livemode=self._livemode)

    async def subscribers(self, *, after: str | None) -> CustomerPage:
        async with _asking():
            return await subscribers_page(self._client, after=after)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        """A thin event (`v2.core.event`) is a delivery as well, about nobody whom we could ask about."""
        self._signatures.check(body, headers, now=now.astimezone(UTC))
        return delivery(body, livemode=self._livemode)


def _objects(charges: Sequence[Charge], invoices: Sequence[Invoice], gone_back: Sequence[GoneBack]) -> tuple[str, ...]:
    """What a refund, a dispute or an invoice's payment names, the newest of each kind first."""
    return tuple(
        dict.fromkeys(
            [
                *(intent for charge in charges if (intent := charge.payment_intent_id)),
                *(charge.id for charge in charges),
                *(invoice.id for invoice in invoices),
                *(gone.payment_intent_id for gone in gone_back),
                *(gone.payment_reference for gone in gone_back),
            ]
        )
    )


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """Whatever the SDK raises inside becomes ProviderUnavailable or ProviderRefused."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield
    except stripe.StripeError as error:
        raise translated(error) from error
    except TimeoutError:
        raise ProviderUnavailable(f"Stripe did not answer within {DEADLINE_SECONDS:.0f} s.") from None
    except (msgspec.ValidationError, AttributeError) as error:
        # AttributeError is how the SDK's objects say that an answer lacks a field.
        raise ProviderUnavailable(f"Stripe's answer cannot be read: {error}") from error


async def _all_pages(first: Awaitable[stripe.ListObject[Any]], kind: type[T]) -> list[T]:
    """The newest of a kind, made of the maps in the SDK's objects: those are no dicts, and typed for one version."""
    page = await first
    found = [*page.data]
    for _ in range(PAGES_MAX - 1):
        if not page.has_more:
            break
        page = await page.next_page_async()
        found += page.data
    if page.has_more:
        log.warning("of a customer's %s only the newest %d were read", page.url, len(found))
    return [msgspec.convert(one.to_dict(), kind) for one in found]
