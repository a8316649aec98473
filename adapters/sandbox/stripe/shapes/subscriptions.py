"""The shape of a subscription and its items: since `basil` the period is on each item and nowhere else."""

from adapters.sandbox.stripe.shapes import StripeObject, list_of, nulls
from adapters.sandbox.stripe.shapes.catalog import plan


def subscription(id: str, *, at: int, customer: str, currency: str, items: list[StripeObject]) -> StripeObject:
    """A subscription whose first payment has not been taken yet."""
    return {
        "id": id,
        "object": "subscription",
        **nulls("application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds"),
        **nulls("cancel_at", "canceled_at", "customer_account", "days_until_due", "default_payment_method"),
        **nulls("default_source", "description", "ended_at", "latest_invoice", "managed_payments"),
        **nulls("next_pending_invoice_item_invoice", "on_behalf_of", "pause_collection", "pending_setup_intent"),
        **nulls("pending_invoice_item_interval", "pending_update", "schedule", "status_details", "test_clock"),
        **nulls("transfer_data", "trial_end", "trial_start"),
        "automatic_tax": {"enabled": False, "disabled_reason": None, "liability": None},
        "billing_cycle_anchor": at,
        "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}, "updated_at": None},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": nulls("comment", "feedback", "feedback_option", "reason"),
        "collection_method": "charge_automatically",
        "created": at,
        "currency": currency,
        "customer": customer,
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {
            "issuer": {"type": "self"},
            **nulls("account_tax_ids", "custom_fields", "description", "footer"),
        },
        "items": list_of(f"/v1/subscription_items?subscription={id}", items),
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "save_default_payment_method": "off",
            **nulls("payment_method_options", "payment_method_types"),
        },
        "start_date": at,
        "status": "incomplete",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "_lines": [],
        "_pending": None,
        "_resuming": None,
    }


def item(id: str, *, at: int, subscription: str, price: StripeObject, quantity: int, period_end: int) -> StripeObject:
    return {
        "id": id,
        "object": "subscription_item",
        **nulls("billed_until", "billing_thresholds", "current_trial"),
        "created": at,
        "current_period_end": period_end,
        "current_period_start": at,
        "discounts": [],
        "metadata": {},
        "plan": plan(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def pending_update(*, expires_at: int, items: list[StripeObject]) -> StripeObject:
    """A change that becomes true once its invoice is paid, and is dropped at `expires_at`."""
    return {
        **nulls("billing_cycle_anchor", "cancel_at_period_end", "discount", "discounts", "metadata"),
        **nulls("trial_end", "trial_from_plan"),
        "expires_at": expires_at,
        "subscription_items": items,
    }


def paused(why: str, *, at: int) -> StripeObject:
    """`status_details` of a subscription that gives no service; `why` is one of the reasons that the SDK lists."""
    return {"paused": {"type": "subscription", "subscription": {"type": why}, "transitioned_at": at}}
