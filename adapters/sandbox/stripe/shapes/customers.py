"""The shape of a customer (https://docs.stripe.com/api/customers/object)."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls


def customer(id: str, *, at: int, prefix: str, email: str | None, metadata: dict[str, str]) -> StripeObject:
    """A customer whose card is good; `prefix` begins the numbers of the customer's invoices."""
    return {
        "id": id,
        "object": "customer",
        **nulls("address", "currency", "default_source", "description", "discount", "name", "phone", "shipping"),
        **nulls("test_clock"),
        "balance": 0,
        "created": at,
        "delinquent": False,
        "email": email,
        "invoice_prefix": prefix,
        "invoice_settings": nulls("custom_fields", "default_payment_method", "footer", "rendering_options"),
        "livemode": False,
        "metadata": metadata,
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        "_card": "ok",
    }
