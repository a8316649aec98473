"""Events as an endpoint gets them: at the pinned version, at an old one, as thin notifications, as live ones."""

from datetime import UTC, datetime

from adapters.sandbox.stripe.shapes import StripeObject, public

OLD_VERSION = "2024-06-20"
# Where the objects of an event can be read; the others are named by their own path in lower case.
PLACES = {"checkout.session": "checkout/sessions", "entitlements.active_entitlement_summary": "customers"}


def live(event: StripeObject) -> StripeObject:
    """As from an account in live mode."""
    data = event["data"]
    return {**event, "livemode": True, "data": {**data, "object": {**data["object"], "livemode": True}}}


def thin(event: StripeObject) -> StripeObject:
    """The notification (`v2.core.event`) of the same change: which object it is about, and nothing of its state."""
    obj = event["data"]["object"]
    id = obj.get("id", obj.get("customer"))
    place = PLACES.get(obj["object"], f"{obj['object']}s")
    return {
        "id": event["id"].replace("evt_", "evt_thin_", 1),
        "object": "v2.core.event",
        "type": f"v1.{event['type']}",
        "created": timestamp(event["created"]),
        "livemode": event["livemode"],
        "related_object": {"id": id, "type": obj["object"], "url": f"/v1/{place}/{id}"},
    }


def timestamp(at: int) -> str:
    """As the second version of Stripe's API writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def at_old_version(event: StripeObject, payment: StripeObject | None) -> StripeObject:
    """In the shape of 2024-06-20; `payment` is the payment intent of an invoice, where there is one."""
    data = event["data"]
    obj = _old(data["object"], payment)
    return {**event, "api_version": OLD_VERSION, "data": {**data, "object": obj}}


def _old(obj: StripeObject, payment: StripeObject | None) -> StripeObject:
    if obj["object"] == "subscription":
        return _old_subscription(obj)
    if obj["object"] == "invoice":
        return _old_invoice(obj, payment)
    return obj


def _old_subscription(subscription: StripeObject) -> StripeObject:
    """The period is the subscription's own, and a single item's plan and quantity stand beside it."""
    items = subscription["items"]["data"]
    first = items[0]
    kept = {key: value for key, value in subscription.items() if key not in ("billing_mode", "status_details")}
    without = ("current_period_end", "current_period_start")
    return kept | {
        "current_period_end": first["current_period_end"],
        "current_period_start": first["current_period_start"],
        "items": {
            **subscription["items"],
            "data": [{key: value for key, value in item.items() if key not in without} for item in items],
        },
        "plan": first["plan"] if len(items) == 1 else None,
        "quantity": first["quantity"] if len(items) == 1 else None,
    }


def _old_invoice(invoice: StripeObject, payment: StripeObject | None) -> StripeObject:
    kept = {key: value for key, value in public(invoice).items() if key not in ("parent", "status_details")}
    return kept | {
        "charge": payment["latest_charge"] if payment else None,
        "paid": invoice["status"] == "paid",
        "payment_intent": payment["id"] if payment else None,
        "subscription": invoice["parent"]["subscription_details"]["subscription"],
    }
