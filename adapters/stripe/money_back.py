"""What went back of what a customer has paid: refunds and disputes, and the payment that each belongs to.

A charge names neither its invoice nor its disputes. From a refund or a dispute the way leads over the payment intent to
the invoice that it paid (`GET /v1/invoice_payments`), from there to the subscription. That list cannot be asked by a
charge, so of one without an intent (before March 2019, or made elsewhere) the customer's invoices say which it paid.
https://docs.stripe.com/api/invoice-payment, /api/charges/object, /api/disputes/object.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import stripe

from adapters.stripe.objects import Subscription, id_of
from adapters.stripe.paid import Charge, Dispute, InvoicePayment, PaidInvoice, Refund

AT_ONCE = 4
"""Payments that are asked about at the same time; Stripe allows some 100 requests a second altogether."""

T = TypeVar("T")

AllPages = Callable[[Awaitable["stripe.ListObject[Any]"], type[T]], Awaitable[list[T]]]


class GoneBack(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one payment."""

    paid_by: str
    """The payment intent; the charge, where there is none."""
    invoice_payment: InvoicePayment | None
    """None where it paid no invoice: something that was sold once."""
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    @property
    def payment_reference(self) -> str:
        """Of the payment, by the id under which we know it."""
        paid = self.invoice_payment
        return self.paid_by if paid is None else id_of(paid.invoice) or self.paid_by


class MoneyBack:
    """Asks only about payments that have something to tell: of most customers no question is asked."""

    def __init__(self, services: stripe.V1Services, all_pages: Callable[..., Awaitable[list[Any]]]) -> None:
        self._stripe = services
        self._all_pages = all_pages
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def of(
        self, charges: Iterable[Charge], subscriptions: Iterable[Subscription], *, customer: str, seen: frozenset[str]
    ) -> Sequence[GoneBack]:
        """Of the charges of a customer; and of latest invoices that are not among those `seen`."""
        telling = [charge for charge in charges if charge.amount_refunded or charge.disputed or _has_refunds(charge)]
        by_intent: dict[str, list[Charge]] = {}
        for charge in telling:
            if charge.payment_intent_id:
                by_intent.setdefault(charge.payment_intent_id, []).append(charge)
        latest = {one.latest_invoice_id for one in subscriptions} - seen - {None}
        return [
            *await asyncio.gather(*(self.of_intent(intent, some) for intent, some in by_intent.items())),
            *await self._of_charges([charge for charge in telling if not charge.payment_intent_id], customer),
            *[gone for some in await asyncio.gather(*map(self._of_invoice, latest)) for gone in some],
        ]

    async def of_intent(self, intent: str, charges: Sequence[Charge]) -> GoneBack:
        """Of all charges of one payment intent."""
        async with self._at_once:
            paid = await self._invoice_payments({"payment": {"type": "payment_intent", "payment_intent": intent}})
            refunds = [refund for charge in charges for refund in await self._refunds(charge)]
            disputed = any(charge.disputed for charge in charges)
            disputes = await self._disputes({"payment_intent": intent}) if disputed else []
        return GoneBack(
            paid_by=intent,
            invoice_payment=paid[0] if paid else None,
            refunds=tuple(refunds),
            disputes=tuple(disputes),
        )

    async def _of_charges(self, charges: Sequence[Charge], customer: str) -> Sequence[GoneBack]:
        """Those without a payment intent."""
        if not charges:
            return ()
        asked: Any = {"customer": customer, "limit": 100, "expand": ["data.payments"]}
        invoices: list[PaidInvoice] = await self._all_pages(self._stripe.invoices.list_async(asked), PaidInvoice)
        paid = {one.paid_by: one for invoice in invoices for one in invoice.payments.data}
        return await asyncio.gather(*(self._of_charge(charge, paid.get(charge.id)) for charge in charges))

    async def _of_charge(self, charge: Charge, paid: InvoicePayment | None) -> GoneBack:
        async with self._at_once:
            refunds = await self._refunds(charge)
            disputes = await self._disputes({"charge": charge.id}) if charge.disputed else []
        return GoneBack(paid_by=charge.id, invoice_payment=paid, refunds=tuple(refunds), disputes=tuple(disputes))

    async def _of_invoice(self, invoice: str | None) -> list[GoneBack]:
        async with self._at_once:
            return [
                GoneBack(
                    paid_by=one.paid_by,
                    invoice_payment=one,
                    disputes=tuple(await self._disputes({one.paid_by_kind: one.paid_by})),
                )
                for one in await self._invoice_payments({"invoice": invoice})
                if one.paid_by
            ]

    async def _refunds(self, charge: Charge) -> Sequence[Refund]:
        """With a charge the ten newest come."""
        if charge.refunds is not None and charge.refunds.data and not charge.refunds.has_more:
            return charge.refunds.data
        found: list[Refund] = await self._all_pages(
            self._stripe.refunds.list_async({"charge": charge.id, "limit": 100}), Refund
        )
        if found or not charge.amount_refunded:
            return found
        return [Refund(id=charge.id, amount=charge.amount_refunded, currency=charge.currency, status="succeeded")]

    async def _disputes(self, which: Mapping[str, str]) -> list[Dispute]:
        asked: Any = {**which, "limit": 100}
        return await self._all_pages(self._stripe.disputes.list_async(asked), Dispute)

    async def _invoice_payments(self, which: Any) -> list[InvoicePayment]:
        asked: Any = {**which, "limit": 100}
        return await self._all_pages(self._stripe.invoice_payments.list_async(asked), InvoicePayment)


def _has_refunds(charge: Charge) -> bool:
    return charge.refunds is not None and bool(charge.refunds.data)
