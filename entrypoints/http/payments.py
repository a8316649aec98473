"""Payments: one's own, and everybody's for those who look after them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, get
from msgspec.structs import asdict

from application.projections.payments import Billed, Refund
from domain.shared.money import Money
from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenPayments
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.texts import AskedId, id_in

# The read model works it out as text; the document names its words.
STATUSES = ["pending", "paid", "failed", "refunded", "partly_refunded", "disputed"]
StatusWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": STATUSES}, examples=["paid"])]


class PaymentRefundView(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back, or there; `failed`: it did not get there. `at`: when that was heard of."""

    amount: Money
    status: Literal["refunded", "failed"]
    provider_reference: Annotated[str, msgspec.Meta(examples=["re_1Nispe2eZvKYlo2Cd31jOCgZ"])]
    at: datetime


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. `failed`: the newest attempt; the provider may try again.

    `disputed`: as long as the money may be gone, or is. `provider_reference` names the invoice or the payment there.
    """

    id: UUID
    amount: Money
    status: StatusWord
    provider: Annotated[str, msgspec.Meta(examples=["stripe"])]
    provider_reference: Annotated[str, msgspec.Meta(examples=["in_1MtHbELkdIwHu7ixl4OzzPMv"])]
    paid_at: datetime | None
    receipt_url: Annotated[str | None, msgspec.Meta(examples=["https://invoice.stripe.com/i/acct_1/live_1"])]
    refunds: tuple[PaymentRefundView, ...]


class AccountPaymentView(PaymentView, frozen=True, kw_only=True):
    """A payment, and whose it is."""

    account_id: UUID


class PaymentController(Controller):
    path = "/me/payments"
    tags = ("Payments",)
    guards = (SignedInAs(),)

    @get(operation_id="list_my_payments", summary="My payments", refuses=(INVALID_CURSOR,))
    async def listing(
        self, viewer: Viewer, payments: GivenPayments, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[PaymentView]:
        """What was paid, failed and went back; the newest first, by when each was first heard of."""
        found = await payments.of_account(viewer.account_id, before=position_after(cursor), limit=limit + 1)
        return page_of(found, limit, view=payment_view, key=lambda payment: payment.first_position)


class AdminPaymentController(Controller):
    path = "/admin/payments"
    tags = ("Payments",)
    guards = (SignedInAs("admin", "support"),)

    @get(operation_id="list_payments", summary="Payments", refuses=(INVALID_CURSOR,))
    async def listing(
        self, payments: GivenPayments, account: AskedId = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[AccountPaymentView]:
        """Everybody's, or those of one `account`; the newest first, by when each was first heard of."""
        before, whose = position_after(cursor), id_in(account)
        if whose is None:
            found = await payments.page(before=before, limit=limit + 1)
        else:
            found = await payments.of_account(whose, before=before, limit=limit + 1)
        return page_of(found, limit, view=account_payment_view, key=lambda payment: payment.first_position)


def payment_view(payment: Billed) -> PaymentView:
    return PaymentView(
        id=payment.payment_id,
        amount=Money(payment.amount, payment.currency),
        status=payment.status,
        provider=payment.provider,
        provider_reference=payment.provider_reference,
        paid_at=payment.paid_at,
        receipt_url=payment.receipt_url,
        refunds=tuple(_refund_view(refund, payment.currency) for refund in payment.refunds),
    )


def account_payment_view(payment: Billed) -> AccountPaymentView:
    return AccountPaymentView(**asdict(payment_view(payment)), account_id=payment.account_id)


def _refund_view(refund: Refund, currency: str) -> PaymentRefundView:
    return PaymentRefundView(
        amount=Money(refund.amount, currency),
        status="failed" if refund.failed else "refunded",
        provider_reference=refund.reference,
        at=refund.at,
    )
