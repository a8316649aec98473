"""`/v1/disputes`: read, answered with evidence, or given up; they are opened and decided by the controls."""

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import EXPAND, ID, fields, flag, text
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import disputes
from adapters.sandbox.stripe.shapes import StripeObject

KIND, URL = "dispute", "/v1/disputes"

EVIDENCE = fields(product_description=text, uncategorized_text=text)
ANSWER = fields(evidence=EVIDENCE, expand=EXPAND, submit=flag)
FILTERS = listed_by(charge=ID, payment_intent=ID)


def update(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    """Evidence is submitted to the bank unless told otherwise, as in Stripe's API."""
    dispute = moment.need(KIND, id)
    return disputes.answer(moment, dispute, evidence=given.get("evidence", {}), submit=given.get("submit", True))


def close(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    """The merchant concedes: the dispute is lost."""
    return disputes.lose(moment, moment.need(KIND, id))


def listing(moment: Moment, given: StripeObject) -> StripeObject:
    return page(moment, given, kind=KIND, url=URL, where=filters(given, "charge", "payment_intent"))
