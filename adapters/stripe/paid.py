"""What we read of Stripe's objects about money that was paid: charges, what went back of them, and what they paid.

As in `objects`: in the shape of the SDK's pinned version, statuses are open lists of words, amounts minor units.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from adapters.stripe.objects import Reference, Transitions, id_of

REFUND_KEY = "refund_key"
"""Under which a refund's metadata hold the key of its intent."""


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    amount: int
    currency: str
    status: str | None = None
    """pending, requires_action, succeeded, failed, canceled."""
    metadata: Mapping[str, str] | None = None

    @property
    def is_void(self) -> bool:
        """The money is the operator's again."""
        return self.status in {"failed", "canceled"}


class Refunds(msgspec.Struct, frozen=True):
    data: tuple[Refund, ...] = ()
    has_more: bool = False


class PaymentMethod(msgspec.Struct, frozen=True):
    type: str
    """card, sepa_debit, ..."""


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    amount: int
    currency: str
    created: int = 0
    paid: bool = False
    payment_method_details: PaymentMethod | None = None
    payment_intent: str | Reference | None = None
    amount_refunded: int = 0
    disputed: bool = False
    refunds: Refunds | None = None
    """Where they were asked for with it."""

    @property
    def is_paid_at_once(self) -> bool:
        """With a card the money is there when it is charged; with others only some days later, if at all."""
        return self.paid and self.payment_method_details is not None and self.payment_method_details.type == "card"

    @property
    def payment_intent_id(self) -> str | None:
        return id_of(self.payment_intent)


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    amount: int
    currency: str
    created: int
    status: str
    """warning_needs_response, warning_under_review, warning_closed, needs_response, under_review, won, lost, ..."""
    reason: str = ""


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    """What ties an invoice to the payment intent or the charge that paid it: neither names the other any more."""

    id: str
    currency: str
    invoice: str | Reference
    amount_paid: int | None = None
    payment: "Paying | None" = None
    status_transitions: Transitions = Transitions()

    @property
    def paid_by(self) -> str:
        """The payment intent or, without one, the charge; empty where it is neither."""
        paying = self.payment or Paying()
        return id_of(paying.payment_intent) or id_of(paying.charge) or ""

    @property
    def paid_by_kind(self) -> Literal["payment_intent", "charge"]:
        return "payment_intent" if self.payment and self.payment.payment_intent else "charge"

    @property
    def waits_for_customer(self) -> bool:
        """Where the intent came with it."""
        intent = self.payment.payment_intent if self.payment else None
        return isinstance(intent, Intent) and intent.status == "requires_action"


class Intent(Reference, frozen=True):
    """A payment intent that was sent in the place of its id."""

    status: str = ""
    """requires_payment_method, requires_action, processing, succeeded, canceled, ..."""


class Paying(msgspec.Struct, frozen=True):
    payment_intent: str | Intent | None = None
    charge: str | Reference | None = None
    """Only where there is no payment intent."""


class InvoicePayments(msgspec.Struct, frozen=True):
    data: tuple[InvoicePayment, ...] = ()


class PaidInvoice(msgspec.Struct, frozen=True):
    """An invoice with what paid it, where that was asked for."""

    payments: InvoicePayments = InvoicePayments()
