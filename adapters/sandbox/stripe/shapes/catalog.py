"""The shapes of what is sold: products, prices, and the legacy plan that a subscription item still carries."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls


def product(id: str, *, at: int, name: str, metadata: dict[str, str]) -> StripeObject:
    return {
        "id": id,
        "object": "product",
        **nulls("default_price", "description", "package_dimensions", "shippable", "statement_descriptor"),
        **nulls("tax_code", "unit_label", "url"),
        "active": True,
        "created": at,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": metadata,
        "name": name,
        "type": "service",
        "updated": at,
    }


def price(
    id: str,
    *,
    at: int,
    product: str,
    currency: str,
    unit_amount: int,
    cycle: tuple[str, int] | None,
    metadata: dict[str, str],
) -> StripeObject:
    """A price of `unit_amount` minor units, every `cycle` (interval and count), or once where that is None."""
    return {
        "id": id,
        "object": "price",
        **nulls("custom_unit_amount", "lookup_key", "nickname", "tiers_mode", "transform_quantity"),
        "active": True,
        "billing_scheme": "per_unit",
        "created": at,
        "currency": currency,
        "livemode": False,
        "metadata": metadata,
        "product": product,
        "recurring": _recurring(cycle) if cycle else None,
        "tax_behavior": "unspecified",
        "type": "recurring" if cycle else "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def _recurring(cycle: tuple[str, int]) -> StripeObject:
    interval, count = cycle
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def plan(price: StripeObject) -> StripeObject:
    """The plan that stands for a recurring price in older integrations."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        **nulls("meter", "nickname", "tiers_mode", "transform_usage", "trial_period_days"),
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "product": price["product"],
        "usage_type": "licensed",
    }
