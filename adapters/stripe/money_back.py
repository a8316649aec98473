"""What went back of what a customer has paid: refunds and disputes, and the payment that each belongs to.

A charge names neither its invoice nor its disputes. From a refund or a dispute the way leads over the payment intent to
the invoice that it paid (`GET /v1/invoice_payments`), from there to the subscription.
https://docs.stripe.com/api/invoice-payment, /api/charges/object, /api/disputes/object.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import stripe

from adapters.stripe.objects import Charge, Dispute, InvoicePayment, Refund, Subscription, id_of

AT_ONCE = 4
"""Payments that are asked about at the same time; Stripe allows some 100 requests a second altogether."""

T = TypeVar("T")

AllPages = Callable[[Awaitable["stripe.ListObject[Any]"], type[T]], Awaitable[list[T]]]


class GoneBack(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one payment intent."""

    payment_intent_id: str
    invoice_payment: InvoicePayment | None
    """None where it paid no invoice: something that was sold once."""
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    @property
    def payment_reference(self) -> str:
        """Of the payment, by the id under which we know it."""
        paid = self.invoice_payment
        return self.payment_intent_id if paid is None else id_of(paid.invoice) or self.payment_intent_id


class MoneyBack:
    """Asks only about payments that have something to tell: of most customers no question is asked."""

    def __init__(self, services: stripe.V1Services, all_pages: Callable[..., Awaitable[list[Any]]]) -> None:
        self._stripe = services
        self._all_pages = all_pages
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def of(
        self, charges: Iterable[Charge], subscriptions: Iterable[Subscription], *, invoices_seen: frozenset[str]
    ) -> Sequence[GoneBack]:
        """Of the charges of a customer; and of latest invoices that did not come with the others."""
        by_intent: dict[str, list[Charge]] = {}
        for charge in charges:
            if (charge.amount_refunded or charge.disputed or _has_refunds(charge)) and charge.payment_intent_id:
                by_intent.setdefault(charge.payment_intent_id, []).append(charge)
        latest = {one.latest_invoice_id for one in subscriptions} - invoices_seen - {None}
        return [
            *await asyncio.gather(*(self._of_intent(intent, some) for intent, some in by_intent.items())),
            *[gone for some in await asyncio.gather(*map(self._of_invoice, latest)) for gone in some],
        ]

    async def _of_intent(self, intent: str, charges: Sequence[Charge]) -> GoneBack:
        async with self._at_once:
            paid = await self._invoice_payments({"payment": {"type": "payment_intent", "payment_intent": intent}})
            refunds = [refund for charge in charges for refund in await self._refunds(charge)]
            disputes = await self._disputes(intent) if any(charge.disputed for charge in charges) else []
        return GoneBack(
            payment_intent_id=intent,
            invoice_payment=paid[0] if paid else None,
            refunds=tuple(refunds),
            disputes=tuple(disputes),
        )

    async def _of_invoice(self, invoice: str | None) -> list[GoneBack]:
        async with self._at_once:
            paid = await self._invoice_payments({"invoice": invoice})
            return [
                GoneBack(payment_intent_id=intent, invoice_payment=one, disputes=tuple(await self._disputes(intent)))
                for one in paid
                if (intent := id_of(one.payment.payment_intent) if one.payment else None)
            ]

    async def _refunds(self, charge: Charge) -> Sequence[Refund]:
        if charge.refunds is not None and charge.refunds.data:
            return charge.refunds.data
        found: list[Refund] = await self._all_pages(
            self._stripe.refunds.list_async({"charge": charge.id, "limit": 100}), Refund
        )
        if found or not charge.amount_refunded:
            return found
        return [Refund(id=charge.id, amount=charge.amount_refunded, currency=charge.currency, status="succeeded")]

    async def _disputes(self, intent: str) -> list[Dispute]:
        asked: Any = {"payment_intent": intent, "limit": 100}
        return await self._all_pages(self._stripe.disputes.list_async(asked), Dispute)

    async def _invoice_payments(self, which: Any) -> list[InvoicePayment]:
        asked: Any = {**which, "limit": 100}
        return await self._all_pages(self._stripe.invoice_payments.list_async(asked), InvoicePayment)


def _has_refunds(charge: Charge) -> bool:
    return charge.refunds is not None and bool(charge.refunds.data)
