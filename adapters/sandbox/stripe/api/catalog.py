"""`/v1/products` and `/v1/prices`."""

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import (
    EXPAND,
    ID,
    currency,
    each,
    fields,
    filled,
    flag,
    merged_metadata,
    metadata,
    one_of,
    text,
    whole,
)
from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.shapes import StripeObject, catalog

DEAREST = 99_999_999
"""Stripe takes eight digits; more of a few currencies alone."""
INTERVALS = one_of("day", "week", "month", "year")
CYCLE = fields(
    "interval",
    interval=INTERVALS,
    interval_count=whole(1, 36),
    usage_type=one_of("licensed"),
)

NEW_PRODUCT = fields(
    "name",
    active=flag,
    description=text,
    expand=EXPAND,
    id=filled,
    metadata=metadata,
    name=filled,
)
PRODUCT_CHANGES = fields(active=flag, default_price=ID, description=text, expand=EXPAND, metadata=metadata, name=filled)
PRODUCT_FILTERS = listed_by(active=flag, ids=each(ID, most=100))

NEW_PRICE = fields(
    "currency",
    "product",
    "unit_amount",
    active=flag,
    currency=currency,
    expand=EXPAND,
    lookup_key=text,
    metadata=metadata,
    nickname=text,
    product=ID,
    recurring=CYCLE,
    unit_amount=whole(0, DEAREST),
)
PRICE_CHANGES = fields(active=flag, expand=EXPAND, lookup_key=text, metadata=metadata, nickname=text)
PRICE_FILTERS = listed_by(
    active=flag,
    currency=currency,
    lookup_keys=each(filled, most=10),
    product=ID,
    recurring=fields(interval=INTERVALS),
    type=one_of("one_time", "recurring"),
)


def create_product(moment: Moment, given: StripeObject) -> StripeObject:
    id = given.get("id") or new_id("prod", 14)
    if moment.find("product", id):
        raise StripeRefusal(f"Product already exists: {id}.", code="resource_already_exists", param="id")
    described = _described(given, {}, "active", "description")
    made = moment.keep(catalog.product(id, at=moment.at, name=given["name"], metadata={}) | described)
    moment.announce("product.created", made)
    return made


def update_product(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    before = moment.need("product", id)
    if "default_price" in given:
        moment.need("price", given["default_price"], param="default_price", status=400)
    described = _described(given, before["metadata"], "active", "default_price", "description", "name")
    after = moment.change(before, **described, updated=moment.at)
    moment.announce("product.updated", after, before=before)
    return after


def list_products(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "active", ids="id")
    return page(moment, given, kind="product", url="/v1/products", where=where)


def create_price(moment: Moment, given: StripeObject) -> StripeObject:
    moment.need("product", given["product"], param="product", status=400)
    recurring = given.get("recurring")
    shape = catalog.price(
        new_id("price"),
        at=moment.at,
        product=given["product"],
        currency=given["currency"],
        unit_amount=given["unit_amount"],
        cycle=(recurring["interval"], recurring.get("interval_count", 1)) if recurring else None,
        metadata={},
    )
    made = moment.keep(shape | _described(given, {}, "active", "lookup_key", "nickname"))
    moment.announce("price.created", made)
    return made


def update_price(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    """What a price costs never changes; a subscription keeps the price it was sold at."""
    before = moment.need("price", id)
    after = moment.change(before, **_described(given, before["metadata"], "active", "lookup_key", "nickname"))
    moment.announce("price.updated", after, before=before)
    return after


def list_prices(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "active", "currency", "product", "type", lookup_keys="lookup_key")
    where |= filters(given.get("recurring", {}), interval="recurring.interval")
    return page(moment, given, kind="price", url="/v1/prices", where=where)


def _described(given: StripeObject, before: dict[str, str], *plain: str) -> StripeObject:
    kept = {name: given[name] for name in plain if name in given}
    return kept | {"metadata": merged_metadata(before, given.get("metadata", {}))}
