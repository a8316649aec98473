"""The shapes of invoices, their lines and their payments: what an invoice is for stands in its `parent`."""

from adapters.sandbox.stripe.shapes import StripeObject, list_of, nulls

_EMPTY = nulls(
    *("account_country", "account_name", "account_tax_ids", "application", "automatically_finalizes_at"),
    *("custom_fields", "customer_account", "customer_address", "customer_phone", "customer_shipping"),
    *("default_payment_method", "default_source", "description", "due_date", "effective_at"),
    *("ending_balance", "footer", "from_invoice", "hosted_invoice_url", "invoice_pdf"),
    *("last_finalization_error", "latest_revision", "next_payment_attempt", "number", "on_behalf_of"),
    *("receipt_number", "rendering", "shipping_cost", "shipping_details", "statement_descriptor"),
    *("status_details", "test_clock", "webhooks_delivered_at"),
)


def invoice(
    id: str,
    *,
    at: int,
    customer: StripeObject,
    subscription: StripeObject,
    reason: str,
    period: tuple[int, int],
    lines: list[StripeObject],
) -> StripeObject:
    """A draft of the sum of `lines`. `period` is the time before the billing, as Stripe has it: the period that is
    paid for stands on the lines. What the customer has to their credit is taken off.
    """
    total = sum(line["amount"] for line in lines)
    lines = [{**line, "invoice": id} for line in lines]
    return {
        "id": id,
        "object": "invoice",
        **_EMPTY,
        **_amounts(total, balance=customer["balance"]),
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {"enabled": False, **nulls("disabled_reason", "liability", "provider", "status")},
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": at,
        "currency": subscription["currency"],
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": list_of(f"/v1/invoices/{id}/lines", lines),
        "livemode": False,
        "metadata": {},
        "parent": _parent(subscription),
        "payment_settings": nulls("default_mandate", "payment_method_options", "payment_method_types"),
        "period_end": period[1],
        "period_start": period[0],
        "status": "draft",
        "status_transitions": nulls("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"),
    }


def _amounts(total: int, *, balance: int) -> StripeObject:
    """`balance` is the customer's, in minor units: below zero it is a credit."""
    due = max(0, total + balance)
    return {
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": due,
        "amount_shipping": 0,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": balance,
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _parent(subscription: StripeObject) -> StripeObject:
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    return {"type": "subscription_details", "quote_details": None, "subscription_details": details}


def line(
    id: str, *, item: StripeObject, amount: int, description: str, period: tuple[int, int], proration: bool = False
) -> StripeObject:
    """What one subscription item costs for a period, or, prorated, for what is left of it (as a credit: below zero)."""
    price = item["price"]
    details = {
        "invoice_item": None,
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": item["subscription"],
        "subscription_item": item["id"],
    }
    return {
        "id": id,
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": details,
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": item["subscription"],
        "subtotal": amount,
        "taxes": [],
    }


def invoice_payment(id: str, *, at: int, invoice: StripeObject, payment_intent: str) -> StripeObject:
    """The link between an invoice and the payment that is to settle it: refunds and disputes are traced by it."""
    return {
        "id": id,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": at,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": payment_intent},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
