"""What a customer may use: the features of the products in their subscriptions, followed after every change."""

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.shapes import StripeObject, entitlements

GIVING = ("active", "past_due", "trialing")
KIND = "entitlements.active_entitlement"


def follow(moment: Moment, customer: str) -> None:
    """Makes and drops entitlements, and announces the summary where it is another one now."""
    before = moment.all(KIND, _customer=customer)
    wanted = _features(moment, customer)
    had = {one["feature"] for one in before}
    if had == wanted.keys():
        return
    for one in before:
        if one["feature"] not in wanted:
            moment.drop(one)
    for id, feature in wanted.items():
        if id not in had:
            moment.keep(
                entitlements.active_entitlement(new_id("ent"), at=moment.at, customer=customer, feature=feature)
            )
    moment.announce(
        "entitlements.active_entitlement_summary.updated",
        entitlements.summary(customer, moment.all(KIND, _customer=customer)),
        before=entitlements.summary(customer, before),
    )


def _features(moment: Moment, customer: str) -> dict[str, StripeObject]:
    """By id."""
    products = {
        item["price"]["product"]
        for subscription in moment.all("subscription", customer=customer)
        if subscription["status"] in GIVING
        for item in subscription["items"]["data"]
    }
    given = [link["entitlement_feature"] for id in products for link in moment.all("product_feature", _product=id)]
    return {feature["id"]: feature for feature in sorted(given, key=lambda feature: str(feature["id"]))}


def follow_product(moment: Moment, product: str) -> None:
    """The product gives other features now: all who have it get them."""
    holders = {
        subscription["customer"]
        for subscription in moment.all("subscription")
        if any(item["price"]["product"] == product for item in subscription["items"]["data"])
    }
    for customer in sorted(holders):
        follow(moment, customer)
