"""What is done to `/v1/invoices`: finalized, paid, voided, given up."""

from adapters.sandbox.stripe.api.parameters import EXPAND, fields, flag
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import DeclinedPayment, StripeRefusal
from adapters.sandbox.stripe.life import debts, invoices
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.shapes import StripeObject
from adapters.sandbox.stripe.shapes.payments import DECLINED

KIND = "invoice"
PAY = fields(expand=EXPAND, off_session=flag)
FINALIZE = fields(auto_advance=flag, expand=EXPAND)


def finalize(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    invoice = moment.need(KIND, id)
    if invoice["status"] != "draft":
        raise StripeRefusal("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    return invoices.finalize(moment, invoice)


def pay(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    """With the customer's card; where it is declined the attempt counts, and 402 says so."""
    invoice = moment.need(KIND, id)
    paid = debts.pay(moment, invoice, good=card_is_good(moment, invoice["customer"]))
    if paid["status"] != "paid":
        raise DeclinedPayment(DECLINED)
    return paid


def void(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    return invoices.void(moment, moment.need(KIND, id))


def give_up(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    return debts.give_up(moment, moment.need(KIND, id))
