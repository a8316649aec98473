"""A Checkout Session's life: open until it is paid or expires; declined and left, it stays open."""

from adapters.sandbox.stripe.books.identifiers import letters, new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import payments, subscriptions
from adapters.sandbox.stripe.life.periods import DAY_SECONDS
from adapters.sandbox.stripe.life.subscriptions import Chosen
from adapters.sandbox.stripe.shapes import StripeObject, checkout, customers


def pay(moment: Moment, session: StripeObject) -> StripeObject:
    """The open session is completed: a subscription begins, or a one-time payment is taken."""
    customer = _customer(moment, session)
    if session["mode"] == "subscription":
        assert customer is not None, "A subscription always has a customer."
        bought = _subscribe(moment, session, customer)
    else:
        bought = _pay_once(moment, session, customer)
    email = customer["email"] if customer else session["customer_email"]
    complete = moment.change(
        session,
        **bought,
        customer=customer["id"] if customer else None,
        customer_details=checkout.payer(email),
        status="complete",
        url=None,
    )
    moment.forget_plans(complete)
    moment.announce("checkout.session.completed", complete)
    return complete


def _customer(moment: Moment, session: StripeObject) -> StripeObject | None:
    """Stripe makes a customer where there is none; for a one-time payment only when it was asked to."""
    if session["customer"]:
        return moment.need("customer", session["customer"])
    if session["mode"] == "payment" and session["customer_creation"] != "always":
        return None
    return new_customer(moment, email=session["customer_email"])


def new_customer(moment: Moment, *, email: str | None, about: StripeObject | None = None) -> StripeObject:
    prefix = letters(8, among="ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    shape = customers.customer(new_id("cus", 14), at=moment.at, prefix=prefix, email=email, metadata={})
    made = moment.keep(shape | (about or {}))
    moment.announce("customer.created", made)
    return made


def _subscribe(moment: Moment, session: StripeObject, customer: StripeObject) -> StripeObject:
    given = session["_subscription"]
    trial_end = _trial_end(moment, given.get("trial_period_days"))
    subscription = subscriptions.start(
        moment,
        customer,
        [Chosen(line["price"], line["quantity"]) for line in session["_lines"]],
        about={key: value for key, value in given.items() if key != "trial_period_days"},
        trial_end=trial_end,
        card_is_good=True,
    )
    return {
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
        "payment_status": "no_payment_required" if trial_end else "paid",
    }


def _trial_end(moment: Moment, days: int | None) -> int | None:
    return moment.at + days * DAY_SECONDS if days else None


def _pay_once(moment: Moment, session: StripeObject, customer: StripeObject | None) -> StripeObject:
    if session["amount_total"] == 0:
        return {"payment_status": "no_payment_required"}
    intent = _intent(moment, session, customer["id"] if customer else None)
    return {"payment_intent": payments.take(moment, intent)["id"], "payment_status": "paid"}


def decline(moment: Moment, session: StripeObject) -> StripeObject:
    """The issuer refuses the card; nothing is bought, and the session may be tried again."""
    if session["amount_total"] > 0:
        payments.decline(moment, _intent(moment, session, session["customer"]))
    return moment.change(session, _declined=True)


def _intent(moment: Moment, session: StripeObject, customer: str | None) -> StripeObject:
    return payments.open_intent(
        moment,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        about=session["_payment"],
    )


def expire(moment: Moment, session: StripeObject) -> StripeObject:
    expired = moment.change(session, status="expired", url=None)
    moment.forget_plans(expired)
    moment.announce("checkout.session.expired", expired)
    return expired
