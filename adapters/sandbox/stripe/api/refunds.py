"""`/v1/refunds`."""

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import (
    EXPAND,
    ID,
    fields,
    merged_metadata,
    metadata,
    one_of,
    whole,
)
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal, invalid, missing_parameter
from adapters.sandbox.stripe.life import refunds
from adapters.sandbox.stripe.shapes import StripeObject

KIND, URL = "refund", "/v1/refunds"

NEW = fields(
    amount=whole(1, 10**12),
    charge=ID,
    expand=EXPAND,
    metadata=metadata,
    payment_intent=ID,
    reason=one_of("duplicate", "fraudulent", "requested_by_customer"),
)
CHANGES = fields(expand=EXPAND, metadata=metadata)
FILTERS = listed_by(charge=ID, payment_intent=ID)


def create(moment: Moment, given: StripeObject) -> StripeObject:
    return refunds.give(
        moment,
        _charge(moment, given),
        amount=given.get("amount"),
        reason=given.get("reason"),
        metadata=merged_metadata({}, given.get("metadata", {})),
    )


def _charge(moment: Moment, given: StripeObject) -> StripeObject:
    if "charge" in given and "payment_intent" in given:
        raise StripeRefusal("You may only specify one of these parameters: charge, payment_intent.")
    if "charge" in given:
        return moment.need("charge", given["charge"], param="charge", status=400)
    if "payment_intent" not in given:
        raise missing_parameter("payment_intent")
    intent = moment.need("payment_intent", given["payment_intent"], param="payment_intent", status=400)
    if intent["status"] != "succeeded":
        raise invalid("payment_intent", "This PaymentIntent does not have a successful charge to refund.")
    return moment.need("charge", intent["latest_charge"])


def update(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    before = moment.need(KIND, id)
    after = moment.change(before, metadata=merged_metadata(before["metadata"], given.get("metadata", {})))
    moment.announce("refund.updated", after, before=before)
    return after


def listing(moment: Moment, given: StripeObject) -> StripeObject:
    return page(moment, given, kind=KIND, url=URL, where=filters(given, "charge", "payment_intent"))
