"""Payments that wait for their customer: the bank wants to hear from her (3-D Secure) before it pays.

An invoice does not say it: its payment intent does, to which `GET /v1/invoice_payments` leads.
https://docs.stripe.com/billing/subscriptions/overview#requires-action, /api/payment_intents/object.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import stripe

from adapters.stripe.asking import PAGE_SIZE, all_pages
from adapters.stripe.objects import Invoice
from adapters.stripe.paid import InvoicePayment

ASKED_MAX = 4
"""Open invoices of one customer that are asked about, the newest: few have more than one."""


async def waiting_for_customer(services: stripe.V1Services, invoices: Iterable[Invoice]) -> frozenset[str]:
    """The ids of these invoices, newest first, whose payment waits; of who owes nothing no question is asked."""
    asked = [invoice.id for invoice in invoices if invoice.may_wait_for_customer][:ASKED_MAX]
    waits = await asyncio.gather(*(_waits(services, one) for one in asked))
    return frozenset(one for one, does in zip(asked, waits, strict=True) if does)


async def _waits(services: stripe.V1Services, invoice_id: str) -> bool:
    wanted: Any = {"invoice": invoice_id, "limit": PAGE_SIZE, "expand": ["data.payment.payment_intent"]}
    paying = await all_pages(services.invoice_payments.list_async(wanted), InvoicePayment)
    return any(one.waits_for_customer for one in paying)
