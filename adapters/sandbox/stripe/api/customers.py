"""`/v1/customers`."""

import re

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import EXPAND, fields, filled, merged_metadata, metadata, text, whole
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import invalid
from adapters.sandbox.stripe.life import standing
from adapters.sandbox.stripe.life.agenda import ENDED
from adapters.sandbox.stripe.life.checkout import new_customer
from adapters.sandbox.stripe.shapes import StripeObject

KIND, URL = "customer", "/v1/customers"
DELETED = "deleted_customer"
"""The kind under which the books have a customer that was deleted."""

CLAUSE = re.compile(r"""\s*metadata\[(['"])([\w-]+)\1\]:(['"])([^'"]*)\3\s*""")

SEARCH = fields("query", expand=EXPAND, limit=whole(1, 100), query=filled)
CHANGES = fields(
    balance=whole(-99_999_999, 99_999_999),
    description=text,
    email=text,
    expand=EXPAND,
    metadata=metadata,
    name=text,
    phone=text,
)
FILTERS = listed_by(email=filled)


def create(moment: Moment, given: StripeObject) -> StripeObject:
    return new_customer(moment, email=given.get("email"), about=_described(given, {}))


def update(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    before = moment.need(KIND, id)
    after = moment.change(before, **_described(given, before["metadata"]))
    moment.announce("customer.updated", after, before=before)
    return after


def _described(given: StripeObject, before: dict[str, str]) -> StripeObject:
    plain = {name: given[name] for name in ("balance", "description", "email", "name", "phone") if name in given}
    return plain | {"metadata": merged_metadata(before, given.get("metadata", {}))}


def retrieve(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    """Of one that was deleted little more than that it was."""
    return _deleted(id) if moment.find(DELETED, id) else moment.need(KIND, id)


def delete(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    """What is going on ends at once; lists by the customer, and all that names it, are refused from now on."""
    customer = moment.need(KIND, id)
    for subscription in moment.all("subscription", customer=id):
        if subscription["status"] not in ENDED:
            details = subscription["cancellation_details"] | {"reason": "cancellation_requested"}
            standing.end(moment, subscription, details=details)
    moment.announce("customer.deleted", moment.need(KIND, id))
    moment.drop(customer)
    moment.keep({"id": id, "object": DELETED, "created": moment.at})
    return _deleted(id)


def _deleted(id: str) -> StripeObject:
    return {"id": id, "object": KIND, "deleted": True}


def listing(moment: Moment, given: StripeObject) -> StripeObject:
    return page(moment, given, kind=KIND, url=URL, where=filters(given, "email"))


def search(moment: Moment, given: StripeObject) -> StripeObject:
    """By metadata alone, `metadata['plan']:'gold' AND metadata['of']:'anna'`; Stripe knows more, and later."""
    clauses = [CLAUSE.fullmatch(clause) for clause in re.split(r"\bAND\b", given["query"])]
    where = {f"metadata.{clause[2]}": clause[4] for clause in clauses if clause}
    if not all(clauses):
        raise invalid("query", "The simulator searches by metadata['name']:'value' alone, joined by AND.")
    found = page(moment, given, kind=KIND, url=f"{URL}/search", where=where)
    return found | {"object": "search_result", "next_page": None}
