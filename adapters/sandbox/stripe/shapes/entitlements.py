"""The shapes of features and of what gives them (https://docs.stripe.com/api/entitlements/active-entitlement)."""

from collections.abc import Sequence

from adapters.sandbox.stripe.shapes import StripeObject, list_of, public

SUMMARY_HOLDS = 10


def feature(id: str, *, at: int, name: str, lookup_key: str, metadata: dict[str, str]) -> StripeObject:
    return {
        "id": id,
        "object": "entitlements.feature",
        "active": True,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": metadata,
        "name": name,
        "_created": at,
    }


def product_feature(id: str, *, at: int, product: str, feature: StripeObject) -> StripeObject:
    """The link by which a product gives a feature."""
    return {
        "id": id,
        "object": "product_feature",
        "entitlement_feature": public(feature),
        "livemode": False,
        "_created": at,
        "_product": product,
    }


def active_entitlement(id: str, *, at: int, customer: str, feature: StripeObject) -> StripeObject:
    return {
        "id": id,
        "object": "entitlements.active_entitlement",
        "feature": feature["id"],
        "livemode": False,
        "lookup_key": feature["lookup_key"],
        "_created": at,
        "_customer": customer,
    }


def summary(customer: str, entitlements: Sequence[StripeObject]) -> StripeObject:
    """All that a customer may use, of which at most ten are shown."""
    shown = [public(one) for one in entitlements[:SUMMARY_HOLDS]]
    more = len(entitlements) > SUMMARY_HOLDS
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": list_of(f"/v1/customer/{customer}/entitlements", shown, has_more=more),
        "livemode": False,
    }
