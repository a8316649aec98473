"""The shape of a refund (https://docs.stripe.com/api/refunds/object)."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls


def refund(id: str, *, at: int, charge: StripeObject, amount: int, reason: str | None) -> StripeObject:
    """A refund of `amount` minor units of a charge; with a card it succeeds at once, and may still fail later."""
    return {
        "id": id,
        "object": "refund",
        **nulls("balance_transaction", "payment_method", "receipt_number"),
        **nulls("source_transfer_reversal", "transfer_reversal"),
        "amount": amount,
        "charge": charge["id"],
        "created": at,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {
            "type": "card",
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
        },
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "succeeded",
    }
