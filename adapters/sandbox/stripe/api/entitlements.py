"""`/v1/entitlements`, and the features that products give."""

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import EXPAND, ID, fields, filled, flag, merged_metadata, metadata
from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal, no_such
from adapters.sandbox.stripe.life.entitlements import follow_product
from adapters.sandbox.stripe.shapes import StripeObject, entitlements

FEATURE, ACTIVE, LINK = "entitlements.feature", "entitlements.active_entitlement", "product_feature"
FEATURES_URL, ACTIVE_URL = "/v1/entitlements/features", "/v1/entitlements/active_entitlements"

NEW_FEATURE = fields(
    "lookup_key",
    "name",
    expand=EXPAND,
    lookup_key=filled,
    metadata=metadata,
    name=filled,
)
FEATURE_FILTERS = listed_by(archived=flag, lookup_key=filled)
ACTIVE_FILTERS = listed_by(customer=ID)
NEW_LINK = fields(
    "entitlement_feature",
    entitlement_feature=ID,
    expand=EXPAND,
)
LINK_FILTERS = listed_by()


def create_feature(moment: Moment, given: StripeObject) -> StripeObject:
    if moment.all(FEATURE, lookup_key=given["lookup_key"]):
        raise StripeRefusal(
            f"A feature with the lookup key {given['lookup_key']} exists.",
            code="resource_already_exists",
            param="lookup_key",
        )
    feature = entitlements.feature(
        new_id("feat"),
        at=moment.at,
        name=given["name"],
        lookup_key=given["lookup_key"],
        metadata=merged_metadata({}, given.get("metadata", {})),
    )
    return moment.keep(feature)


def list_features(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "lookup_key")
    return page(moment, given, kind=FEATURE, url=FEATURES_URL, where=where)


def list_active(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, customer="_customer")
    return page(moment, given, kind=ACTIVE, url=ACTIVE_URL, where=where)


def attach(moment: Moment, given: StripeObject, product: str) -> StripeObject:
    moment.need("product", product)
    feature = moment.need(FEATURE, given["entitlement_feature"], param="entitlement_feature", status=400)
    if any(link["entitlement_feature"]["id"] == feature["id"] for link in moment.all(LINK, _product=product)):
        raise StripeRefusal("The product gives this feature already.", code="resource_already_exists")
    link = moment.keep(entitlements.product_feature(new_id("prodft"), at=moment.at, product=product, feature=feature))
    follow_product(moment, product)
    return link


def list_attached(moment: Moment, given: StripeObject, product: str) -> StripeObject:
    moment.need("product", product)
    return page(moment, given, kind=LINK, url=f"/v1/products/{product}/features", where={"_product": product})


def retrieve_attached(moment: Moment, _: StripeObject, product: str, id: str) -> StripeObject:
    link = moment.need(LINK, id)
    if link["_product"] != product:
        raise no_such(LINK, id)
    return link


def detach(moment: Moment, given: StripeObject, product: str, id: str) -> StripeObject:
    moment.drop(retrieve_attached(moment, given, product, id))
    follow_product(moment, product)
    return {"id": id, "object": LINK, "deleted": True}
