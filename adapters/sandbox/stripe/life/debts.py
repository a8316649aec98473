"""Paying an invoice outside its schedule: by a retry, by the API, or by the customer on a hosted page."""

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life import invoices, standing
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.shapes import StripeObject

PAYABLE = ("draft", "open", "uncollectible")


def pay(moment: Moment, invoice: StripeObject, *, good: bool) -> StripeObject:
    """One attempt, after which the subscription follows; the invoice as it is then."""
    if invoice["status"] not in PAYABLE:
        raise StripeRefusal(f"Invoice is already {invoice['status']}.", code="invoice_not_payable")
    subscription = moment.need("subscription", invoice["parent"]["subscription_details"]["subscription"])
    standing.settle(moment, subscription, invoice, card_is_good=good)
    return moment.need("invoice", invoice["id"])


def give_up(moment: Moment, invoice: StripeObject) -> StripeObject:
    """A subscription that was to go on with this invoice does, as if it were paid."""
    given_up = invoices.give_up(moment, invoice)
    subscription = moment.need("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if subscription.get("_resuming") == invoice["id"]:
        standing.resumed(moment, subscription, status="active")
    return given_up


def retry(moment: Moment, invoice: StripeObject) -> None:
    """Dunning: the next attempt with whatever card the customer has now."""
    if invoice["status"] == "open":
        pay(moment, invoice, good=card_is_good(moment, invoice["customer"]))
