"""The shapes of a Checkout Session and its lines (https://docs.stripe.com/api/checkout/sessions/object)."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls


def session(id: str, *, at: int, url: str, mode: str, currency: str, subtotal: int, total: int) -> StripeObject:
    """An open session; `subtotal` is the price of its lines, `total` what is due today, in minor units."""
    return {
        "id": id,
        "object": "checkout.session",
        **nulls("adaptive_pricing", "after_expiration", "allow_promotion_codes", "billing_address_collection"),
        **nulls("cancel_url", "client_reference_id", "client_secret", "collected_information", "consent"),
        **nulls("consent_collection", "currency_conversion", "customer", "customer_account", "customer_creation"),
        **nulls("customer_details", "customer_email", "integration_identifier", "invoice", "invoice_creation"),
        **nulls("locale", "managed_payments", "origin_context", "payment_intent", "payment_link"),
        **nulls("payment_method_configuration_details", "permissions", "presentment_details", "recovered_from"),
        **nulls("saved_payment_method_options", "setup_intent", "shipping_address_collection", "shipping_cost"),
        **nulls("submit_type", "subscription", "success_url", "wallet_options"),
        "amount_subtotal": subtotal,
        "amount_total": total,
        "automatic_tax": {"enabled": False, **nulls("liability", "provider", "status")},
        "created": at,
        "currency": currency,
        "custom_fields": [],
        "custom_text": nulls("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"),
        "discounts": [],
        "expires_at": at,
        "livemode": False,
        "metadata": {},
        "mode": mode,
        "payment_method_collection": "always" if mode == "subscription" else "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": url,
        "_declined": False,
        "_lines": [],
        "_payment": {},
        "_subscription": {},
    }


def line(id: str, *, price: StripeObject, quantity: int, description: str, total: int) -> StripeObject:
    """One line of a session; `total` is what is due for it today (nothing while a trial runs)."""
    return {
        "id": id,
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": description,
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def payer(email: str | None) -> StripeObject:
    """A session's `customer_details`: what the payer would have typed into the page."""
    return {
        "email": email,
        "tax_exempt": "none",
        **nulls("address", "business_name", "individual_name", "name", "phone", "tax_ids"),
    }
