"""An invoice's life: drafted, finalized, and paid or left open by a declined card.

Stripe lets a renewal's draft rest for an hour before it is finalized and charged; here that happens at once.
"""

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import payments
from adapters.sandbox.stripe.shapes import StripeObject, invoices


def draft(
    moment: Moment, subscription: StripeObject, items: list[StripeObject], *, reason: str, since: int
) -> StripeObject:
    """An invoice over the current periods of `items`; while a trial runs they cost nothing. Not announced yet.

    `since` is when the period before this billing began: what Stripe calls the invoice's own period.
    """
    id = new_id("in")
    trial = subscription["status"] == "trialing"
    lines = [_line(moment, id, item, free=trial) for item in items]
    customer = moment.need("customer", subscription["customer"])
    return moment.keep(
        invoices.invoice(
            id,
            at=moment.at,
            customer=customer,
            subscription=subscription,
            reason=reason,
            period=(since, moment.at),
            lines=lines,
        )
    )


def _line(moment: Moment, invoice: str, item: StripeObject, *, free: bool) -> StripeObject:
    price, quantity = item["price"], item["quantity"]
    product = moment.need("product", price["product"])["name"]
    return invoices.line(
        new_id("il"),
        invoice=invoice,
        item=item,
        amount=0 if free else price["unit_amount"] * quantity,
        description=f"Trial period for {product}" if free else f"{quantity} x {product}",
    )


def finalize(moment: Moment, invoice: StripeObject) -> StripeObject:
    """From a draft to a debt, with a number, and with the payment intent that is to settle it."""
    number = _next_number(moment, invoice["customer"])
    transitions = {**invoice["status_transitions"], "finalized_at": moment.at}
    opened = moment.change(
        invoice,
        status="open",
        number=number,
        effective_at=moment.at,
        ending_balance=0,
        hosted_invoice_url=f"{moment.public_url}/stripe/invoices/{invoice['id']}",
        status_transitions=transitions,
    )
    moment.announce("invoice.finalized", opened)
    if opened["amount_due"] > 0:
        _ask_for_payment(moment, opened)
    return opened


def _next_number(moment: Moment, customer_id: str) -> str:
    customer = moment.need("customer", customer_id)
    sequence = customer["next_invoice_sequence"]
    moment.change(customer, next_invoice_sequence=sequence + 1)
    return f"{customer['invoice_prefix']}-{sequence:04}"


def _ask_for_payment(moment: Moment, invoice: StripeObject) -> None:
    about = {"description": "Payment for Invoice", "setup_future_usage": "off_session"}
    intent = payments.open_intent(
        moment,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        about=about,
    )
    moment.keep(invoices.invoice_payment(new_id("inpay"), at=moment.at, invoice=invoice, payment_intent=intent["id"]))


def collect(moment: Moment, invoice: StripeObject, *, card_is_good: bool) -> StripeObject:
    """One attempt at what an open invoice asks for: it ends paid, or stays open with one more failure counted."""
    if invoice["amount_due"] == 0:
        return _paid(moment, invoice)
    [link] = moment.all("invoice_payment", invoice=invoice["id"])
    intent = moment.need("payment_intent", link["payment"]["payment_intent"])
    if not card_is_good:
        return _failed(moment, invoice, intent)
    payments.take(moment, intent)
    settled = moment.change(
        link,
        status="paid",
        amount_paid=invoice["amount_due"],
        status_transitions={"canceled_at": None, "paid_at": moment.at},
    )
    paid = _paid(moment, {**invoice, "attempt_count": invoice["attempt_count"] + 1})
    moment.announce("invoice_payment.paid", settled)
    return paid


def _paid(moment: Moment, invoice: StripeObject) -> StripeObject:
    """Stripe says it twice, by two event types with ids of their own: a receiver must not count two payments."""
    paid = moment.change(
        invoice,
        status="paid",
        attempted=True,
        auto_advance=False,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": moment.at},
    )
    _note_debt(moment, invoice["customer"], owes=False)
    moment.announce("invoice.paid", paid)
    moment.announce("invoice.payment_succeeded", paid)
    return paid


def _failed(moment: Moment, invoice: StripeObject, intent: StripeObject) -> StripeObject:
    payments.decline(moment, intent)
    failed = moment.change(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1)
    _note_debt(moment, invoice["customer"], owes=True)
    moment.announce("invoice.payment_failed", failed)
    return failed


def _note_debt(moment: Moment, customer_id: str, *, owes: bool) -> None:
    customer = moment.need("customer", customer_id)
    noted = moment.change(customer, delinquent=owes)
    moment.announce("customer.updated", noted, before=customer)
