"""The shape of a dispute (https://docs.stripe.com/api/disputes/object)."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls

INQUIRY_CASE, CHARGEBACK_CASE = "inquiry", "chargeback"


def dispute(
    id: str, *, at: int, charge: StripeObject, amount: int, reason: str, inquiry: bool, due_by: int
) -> StripeObject:
    """A dispute of `amount` minor units that awaits the merchant's evidence until `due_by`.

    The entries of the account's balance, which the simulator does not keep, are left out.
    """
    return {
        "id": id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": at,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": _no_evidence(),
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": "visa",
                "case_type": INQUIRY_CASE if inquiry else CHARGEBACK_CASE,
                "network": "visa",
                "network_reason_code": "10.4",
            },
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def _no_evidence() -> StripeObject:
    return {
        "enhanced_evidence": {},
        **nulls("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
        **nulls("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
        **nulls("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation"),
        **nulls("duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt"),
        **nulls("refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date"),
        **nulls("service_documentation", "shipping_address", "shipping_carrier", "shipping_date"),
        **nulls("shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
    }
