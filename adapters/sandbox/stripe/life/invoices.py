"""An invoice's life: drafted, finalized, and paid, left open by a declined card, voided or given up.

Stripe lets a renewal's draft rest for an hour before it is finalized and charged; here that happens at once.
"""

from collections.abc import Sequence

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life import payments
from adapters.sandbox.stripe.shapes import StripeObject, invoices


def draft(
    moment: Moment, subscription: StripeObject, lines: Sequence[StripeObject], *, reason: str, since: int
) -> StripeObject:
    """An invoice over `lines`. Not announced yet.

    `since` is when the period before this billing began: what Stripe calls the invoice's own period.
    """
    customer = moment.need("customer", subscription["customer"])
    return moment.keep(
        invoices.invoice(
            new_id("in"),
            at=moment.at,
            customer=customer,
            subscription=subscription,
            reason=reason,
            period=(since, moment.at),
            lines=list(lines),
        )
    )


def lines_of(moment: Moment, items: Sequence[StripeObject], *, free: bool = False) -> list[StripeObject]:
    """A line for the current period of each item; while a trial runs they cost nothing."""
    return [_line(moment, item, free=free) for item in items]


def _line(moment: Moment, item: StripeObject, *, free: bool) -> StripeObject:
    price, quantity = item["price"], item["quantity"]
    product = moment.need("product", price["product"])["name"]
    return invoices.line(
        new_id("il"),
        item=item,
        amount=0 if free else price["unit_amount"] * quantity,
        description=f"Trial period for {product}" if free else f"{quantity} x {product}",
        period=(item["current_period_start"], item["current_period_end"]),
    )


def finalize(moment: Moment, invoice: StripeObject) -> StripeObject:
    """From a draft to a debt, with a number, and with the payment intent that is to settle it."""
    number = _next_number(moment, invoice["customer"])
    balance = _settle_balance(moment, invoice)
    transitions = {**invoice["status_transitions"], "finalized_at": moment.at}
    opened = moment.change(
        invoice,
        status="open",
        number=number,
        effective_at=moment.at,
        ending_balance=balance,
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


def _settle_balance(moment: Moment, invoice: StripeObject) -> int:
    """The customer's credit after this invoice: used up, or more where the invoice itself is one."""
    balance = min(0, int(invoice["total"] + invoice["starting_balance"]))
    customer = moment.need("customer", invoice["customer"])
    moment.announce("customer.updated", moment.change(customer, balance=balance), before=customer)
    return balance


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


def collect(moment: Moment, invoice: StripeObject, *, card_is_good: bool, retry_at: int | None = None) -> StripeObject:
    """One attempt at what an open invoice asks for: it ends paid, or stays open with one more failure counted.

    `retry_at` is when it would be tried again.
    """
    if invoice["amount_due"] == 0:
        return _paid(moment, invoice)
    link = _payment(moment, invoice)
    intent = moment.need("payment_intent", link["payment"]["payment_intent"])
    if not card_is_good:
        return _failed(moment, invoice, intent, retry_at)
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


def _payment(moment: Moment, invoice: StripeObject) -> StripeObject:
    [link] = moment.all("invoice_payment", invoice=invoice["id"])
    return link


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
    moment.forget_plans(paid)
    _note_debt(moment, invoice["customer"], owes=False)
    moment.announce("invoice.paid", paid)
    moment.announce("invoice.payment_succeeded", paid)
    return paid


def _failed(moment: Moment, invoice: StripeObject, intent: StripeObject, retry_at: int | None) -> StripeObject:
    waits = payments.card_asks(moment, invoice["customer"])
    (payments.wait_for_customer if waits else payments.decline)(moment, intent)
    failed = moment.change(
        invoice,
        attempted=True,
        attempt_count=invoice["attempt_count"] + 1,
        auto_advance=retry_at is not None,
        next_payment_attempt=retry_at,
    )
    moment.forget_plans(failed)
    if retry_at is not None:
        moment.plan("payment_retry", failed, at=retry_at)
    _note_debt(moment, invoice["customer"], owes=True)
    moment.announce("invoice.payment_failed", failed)
    if waits:
        moment.announce("invoice.payment_action_required", failed)
    return failed


def _note_debt(moment: Moment, customer_id: str, *, owes: bool) -> None:
    customer = moment.need("customer", customer_id)
    noted = moment.change(customer, delinquent=owes)
    moment.announce("customer.updated", noted, before=customer)


def void(moment: Moment, invoice: StripeObject) -> StripeObject:
    """As if it had never asked for anything. Refused for what is paid or void."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise StripeRefusal(f"You can only void open or uncollectible invoices; this one is {invoice['status']}.")
    return _closed(moment, invoice, "void", "voided_at", "invoice.voided")


def give_up(moment: Moment, invoice: StripeObject) -> StripeObject:
    """A debt that nobody expects to be paid. Refused for what is not open."""
    if invoice["status"] != "open":
        raise StripeRefusal(f"You can only mark open invoices as uncollectible; this one is {invoice['status']}.")
    return _closed(moment, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def _closed(moment: Moment, invoice: StripeObject, status: str, transition: str, event: str) -> StripeObject:
    closed = moment.change(
        invoice,
        status=status,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], transition: moment.at},
    )
    moment.forget_plans(closed)
    moment.announce(event, closed)
    return closed


def stop_retries(moment: Moment, subscription_id: str) -> None:
    """The open invoices of a subscription stay open; nothing asks for them any more."""
    for invoice in moment.all("invoice", **{"parent.subscription_details.subscription": subscription_id}):
        if invoice["status"] in ("draft", "open"):
            stopped = moment.change(invoice, auto_advance=False, next_payment_attempt=None)
            moment.forget_plans(stopped)
            moment.announce("invoice.updated", stopped, before=invoice)
