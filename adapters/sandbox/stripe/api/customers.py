"""`/v1/customers`."""

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import EXPAND, fields, filled, merged_metadata, metadata, text
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life.checkout import new_customer
from adapters.sandbox.stripe.shapes import StripeObject

KIND, URL = "customer", "/v1/customers"

CHANGES = fields(description=text, email=text, expand=EXPAND, metadata=metadata, name=text, phone=text)
FILTERS = listed_by(email=filled)


def create(moment: Moment, given: StripeObject) -> StripeObject:
    return new_customer(moment, email=given.get("email"), about=_described(given, {}))


def update(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    before = moment.need(KIND, id)
    after = moment.change(before, **_described(given, before["metadata"]))
    moment.announce("customer.updated", after, before=before)
    return after


def _described(given: StripeObject, before: dict[str, str]) -> StripeObject:
    plain = {name: given[name] for name in ("description", "email", "name", "phone") if name in given}
    return plain | {"metadata": merged_metadata(before, given.get("metadata", {}))}


def listing(moment: Moment, given: StripeObject) -> StripeObject:
    return page(moment, given, kind=KIND, url=URL, where=filters(given, "email"))
