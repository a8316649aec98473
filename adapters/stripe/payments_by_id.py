"""Payments by their ids: of a customer who was deleted Stripe lists nothing any more, and still has what was paid.

https://docs.stripe.com/api/customers/delete, /api/charges/list, /api/invoices/retrieve.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import stripe

from adapters.stripe.asking import PAGE_SIZE, all_pages
from adapters.stripe.money_back import AT_ONCE, MoneyBack
from adapters.stripe.objects import Invoice
from adapters.stripe.paid import Charge, InvoicePayment
from adapters.stripe.payments import PROVIDER, less, seen_payment
from adapters.stripe.units import Unsayable, at, money
from domain.payment.truth import ProviderPayment

log = logging.getLogger(__name__)

INVOICE, INTENT = "in_", "pi_"


class PaymentsById:
    """Asks for invoices and payment intents by themselves, some at a time."""

    def __init__(self, services: stripe.V1Services) -> None:
        self._stripe = services
        self._money_back = MoneyBack(services, all_pages)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def of(self, references: Sequence[str]) -> Sequence[ProviderPayment]:
        """Each payment once. What Stripe refuses to tell, or no fact can hold, is left out with a line in the log."""
        found = await asyncio.gather(*(self._told(one) for one in dict.fromkeys(references)))
        return list({payment.reference: payment for payment in found if payment is not None}.values())

    async def _told(self, reference: str) -> ProviderPayment | None:
        try:
            async with self._at_once:
                return await self._payment(reference)
        except (stripe.InvalidRequestError, Unsayable) as why:
            log.warning("of the payment %s Stripe tells nothing that can be recorded: %s", reference, type(why))
            return None

    async def _payment(self, reference: str) -> ProviderPayment | None:
        """What cost nothing goes by the id of its checkout, and is no payment."""
        if reference.startswith(INVOICE):
            return await self._of_invoice(reference)
        return await self._of_intent(reference) if reference.startswith(INTENT) else None

    async def _of_invoice(self, reference: str) -> ProviderPayment | None:
        seen = await self._stripe.invoices.retrieve_async(reference)
        payment = seen_payment(msgspec.convert(seen.to_dict(), Invoice))
        if payment is None:
            return None
        for intent in await self._intents_of(reference):
            payment = less(payment, await self._money_back.of_intent(intent, await self._charges_of(intent)))
        return payment

    async def _of_intent(self, intent: str) -> ProviderPayment | None:
        charges = await self._charges_of(intent)
        paid = next((charge for charge in charges if charge.paid), None)
        if paid is None:
            return None
        gone = await self._money_back.of_intent(intent, charges)
        if gone.invoice_payment is not None:
            return await self._of_invoice(gone.payment_reference)
        return less(_paid_once(intent, paid), gone)

    async def _charges_of(self, intent: str) -> list[Charge]:
        """The attempts at it, of which one may have been paid."""
        asked: Any = {"payment_intent": intent, "limit": PAGE_SIZE, "expand": ["data.refunds"]}
        return await all_pages(self._stripe.charges.list_async(asked), Charge)

    async def _intents_of(self, invoice: str) -> list[str]:
        listed = self._stripe.invoice_payments.list_async({"invoice": invoice, "limit": PAGE_SIZE})
        paying = await all_pages(listed, InvoicePayment)
        return [one.paid_by for one in paying if one.paid_by_kind == "payment_intent"]


def _paid_once(intent: str, paid: Charge) -> ProviderPayment:
    """As `payment_at_once` tells it of the checkout, which is listed by its customer alone."""
    return ProviderPayment(
        provider=PROVIDER,
        reference=intent,
        subscription_reference=None,
        amount=money(paid.amount, paid.currency),
        status="paid",
        attempts=1,
        paid_at=at(paid.created) if paid.is_paid_at_once else None,
        next_attempt_at=None,
        receipt_url=None,
    )
