"""The shapes of payment intents and charges: neither names an invoice any more (see `invoice_payment`)."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls

DECLINED = "Your card was declined."


def payment_intent(id: str, *, at: int, amount: int, currency: str, secret: str, customer: str | None) -> StripeObject:
    return {
        "id": id,
        "object": "payment_intent",
        **nulls("application", "application_fee_amount", "automatic_payment_methods", "canceled_at"),
        **nulls("cancellation_reason", "customer_account", "description", "excluded_payment_method_types"),
        **nulls("last_payment_error", "latest_charge", "managed_payments", "next_action", "on_behalf_of"),
        **nulls("payment_method", "payment_method_configuration_details", "processing", "receipt_email", "review"),
        **nulls("setup_future_usage", "shipping", "source", "statement_descriptor", "statement_descriptor_suffix"),
        **nulls("transfer_data", "transfer_group"),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic",
        "client_secret": f"{id}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": at,
        "currency": currency,
        "customer": customer,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def charge(id: str, *, at: int, intent: StripeObject, succeeded: bool) -> StripeObject:
    """One attempt at the whole amount of `intent`: taken, or declined by the issuer."""
    return {
        "id": id,
        "object": "charge",
        **nulls("application", "application_fee", "application_fee_amount", "balance_transaction"),
        **nulls("calculated_statement_descriptor", "failure_balance_transaction", "on_behalf_of", "payment_method"),
        **nulls("receipt_email", "receipt_number", "receipt_url", "review", "shipping", "source", "source_transfer"),
        **nulls("statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group"),
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if succeeded else 0,
        "amount_refunded": 0,
        "billing_details": nulls("address", "email", "name", "phone", "tax_id"),
        "captured": succeeded,
        "created": at,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": None if succeeded else "card_declined",
        "failure_message": None if succeeded else DECLINED,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": _outcome(succeeded=succeeded),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method_details": {"type": "card", "card": _card(succeeded=succeeded)},
        "refunded": False,
        "status": "succeeded" if succeeded else "failed",
    }


def _outcome(*, succeeded: bool) -> StripeObject:
    return {
        **nulls("advice_code", "network_advice_code", "network_decline_code"),
        "network_status": "approved_by_network" if succeeded else "declined_by_network",
        "reason": None if succeeded else "generic_decline",
        "risk_level": "normal",
        "seller_message": "Payment complete." if succeeded else "The bank did not return any further details.",
        "type": "authorized" if succeeded else "issuer_declined",
    }


def _card(*, succeeded: bool) -> StripeObject:
    """Stripe's own test numbers: 4242 is good for ever, 0341 can be attached and is then declined."""
    return {
        "brand": "visa",
        "country": "US",
        "exp_month": 12,
        "exp_year": 2040,
        "funding": "credit",
        "last4": "4242" if succeeded else "0341",
        "network": "visa",
    }


def to_be_confirmed(intent: StripeObject) -> StripeObject:
    """A payment intent's `next_action`: the bank's page, through which the browser is led."""
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": intent["id"]}}


def declined(charge: str | None) -> StripeObject:
    """A payment intent's `last_payment_error`."""
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": DECLINED,
    }
    return error | ({"charge": charge} if charge else {})
