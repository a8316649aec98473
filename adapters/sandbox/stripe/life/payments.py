"""Taking money: a payment intent, and the charges that are tried for it."""

from adapters.sandbox.stripe.books.identifiers import letters, new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.shapes import StripeObject, payments


def open_intent(
    moment: Moment, *, amount: int, currency: str, customer: str | None, about: StripeObject
) -> StripeObject:
    """An amount to be paid; `about` holds further fields of the intent (description, metadata)."""
    intent = payments.payment_intent(
        new_id("pi"), at=moment.at, amount=amount, currency=currency, secret=letters(24), customer=customer
    )
    return moment.keep(intent | about)


def take(moment: Moment, intent: StripeObject) -> StripeObject:
    """The issuer pays."""
    charge = moment.keep(payments.charge(new_id("ch"), at=moment.at, intent=intent, succeeded=True))
    paid = moment.change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
    )
    moment.announce("charge.succeeded", charge)
    moment.announce("payment_intent.succeeded", paid)
    return paid


def decline(moment: Moment, intent: StripeObject) -> StripeObject:
    """The issuer does not pay; the intent may be tried again. Stripe's charge.failed says no more, and is not sent."""
    charge = moment.keep(payments.charge(new_id("ch"), at=moment.at, intent=intent, succeeded=False))
    failed = moment.change(
        intent,
        status="requires_payment_method",
        latest_charge=charge["id"],
        last_payment_error=payments.declined(charge["id"]),
        next_action=None,
    )
    moment.announce("payment_intent.payment_failed", failed)
    return failed


def wait_for_customer(moment: Moment, intent: StripeObject) -> StripeObject:
    """The bank wants her to confirm it (3-D Secure): no money moves before she has, and no charge is made."""
    waiting = moment.change(intent, status="requires_action", next_action=payments.to_be_confirmed(intent))
    moment.announce("payment_intent.requires_action", waiting)
    return waiting


def card_is_good(moment: Moment, customer_id: str) -> bool:
    return bool(moment.need("customer", customer_id)["_card"] == "ok")


def card_asks(moment: Moment, customer_id: str) -> bool:
    """Its bank wants every payment confirmed that is made without the customer."""
    return bool(moment.need("customer", customer_id)["_card"] == "authenticate")


def has_card(moment: Moment, customer_id: str) -> bool:
    return bool(moment.need("customer", customer_id)["_card"] != "none")
