"""Stripe's objects of former versions in the shape of the pinned one: a webhook has that of its endpoint's version.

Back to that of 2014. Until 2025-03-31 the period stood on the subscription, and an invoice named its subscription.
https://docs.stripe.com/changelog, /upgrades.
"""

from collections.abc import Mapping
from typing import Any, cast

Shape = Mapping[str, Any]

PERIOD = ("current_period_start", "current_period_end")


def subscription_as_pinned(subscription: Shape) -> Shape:
    """The period stood on the subscription, an item might have a plan in place of a price, or be no item but a plan."""
    items = subscription.get("items")
    data = items.get("data") if isinstance(items, dict) else None
    if items is None and isinstance(subscription.get("plan"), dict):
        data = [{name: subscription[name] for name in ("plan", "quantity") if name in subscription}]
    if not isinstance(data, list):
        return subscription
    period = {name: subscription[name] for name in PERIOD if name in subscription}
    pinned = [
        {**period, **item, "price": item.get("price") or _price_of(item)}
        for item in cast("list[object]", data)
        if isinstance(item, dict)
    ]
    start = {"start_date": subscription["start"]} if "start" in subscription else {}
    return {**start, **subscription, "items": {"data": pinned}}


def _price_of(item: Shape) -> Shape | None:
    plan = item.get("plan")
    if not isinstance(plan, dict):
        return None
    interval = {"interval": plan.get("interval"), "interval_count": plan.get("interval_count", 1)}
    return {
        "id": plan.get("id"),
        "currency": plan.get("currency"),
        "unit_amount": plan.get("amount"),
        "recurring": interval,
    }


def invoice_as_pinned(invoice: Shape) -> Shape:
    """It named its subscription; once it had `paid`, `closed` and `forgiven` for a status, `date` for `created`."""
    pinned: dict[str, Any] = {
        "created": invoice.get("date"),
        "amount_paid": invoice.get("amount_due") if invoice.get("paid") else 0,
        "status": _status_of(invoice),
        **invoice,
    }
    if "parent" not in invoice and invoice.get("subscription"):
        pinned["parent"] = {"subscription_details": {"subscription": invoice["subscription"]}}
    return pinned


def _status_of(invoice: Shape) -> str:
    if invoice.get("paid"):
        return "paid"
    if invoice.get("forgiven"):
        return "uncollectible"
    return "void" if invoice.get("closed") else "open"
