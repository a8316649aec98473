"""What can only be read: invoices and their payments, payment intents, charges, and events of the last 30 days."""

from collections.abc import Callable

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import EXPAND, ID, each, fields, filled, flag, one_of
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal, no_such
from adapters.sandbox.stripe.shapes import StripeObject, public

EVENTS_KEPT_SECONDS = 30 * 86_400

ONE = fields(expand=EXPAND)
INVOICE_FILTERS = listed_by(
    customer=ID, status=one_of("draft", "open", "paid", "uncollectible", "void"), subscription=ID
)
INVOICE_PAYMENT_FILTERS = listed_by(
    invoice=ID,
    payment=fields(
        "type",
        type=one_of("payment_intent"),
        payment_intent=ID,
    ),
    status=one_of("canceled", "open", "paid"),
)
PAYMENT_INTENT_FILTERS = listed_by(customer=ID)
CHARGE_FILTERS = listed_by(customer=ID, payment_intent=ID)
EVENT_FILTERS = listed_by(delivery_success=flag, type=filled, types=each(filled))


def retrieve(kind: str) -> Callable[[Moment, StripeObject, str], StripeObject]:
    """The operation that answers one object of this kind by its id."""

    def answer(moment: Moment, _: StripeObject, id: str) -> StripeObject:
        return moment.need(kind, id)

    return answer


def list_invoices(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "customer", "status", subscription="parent.subscription_details.subscription")
    return page(moment, given, kind="invoice", url="/v1/invoices", where=where)


def list_invoice_payments(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "invoice", "status")
    where |= filters(given.get("payment", {}), payment_intent="payment.payment_intent")
    return page(moment, given, kind="invoice_payment", url="/v1/invoice_payments", where=where)


def list_payment_intents(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "customer")
    return page(moment, given, kind="payment_intent", url="/v1/payment_intents", where=where)


def list_charges(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "customer", "payment_intent")
    return page(moment, given, kind="charge", url="/v1/charges", where=where)


def retrieve_event(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    event = moment.need("event", id)
    if event["created"] < moment.at - EVENTS_KEPT_SECONDS:
        raise no_such("event", id)
    return _with_pending_webhooks(moment, event)


def list_events(moment: Moment, given: StripeObject) -> StripeObject:
    if "type" in given and "types" in given:
        raise StripeRefusal("You may only specify one of these parameters: type, types.")
    types = [given["type"]] if "type" in given else given.get("types")
    delivered = given.get("delivery_success")
    found = page(
        moment,
        given,
        kind="event",
        url="/v1/events",
        where={"type": types} if types else {},
        since=moment.at - EVENTS_KEPT_SECONDS,
        undelivered=None if delivered is None else not delivered,
    )
    return found | {"data": [_with_pending_webhooks(moment, event) for event in found["data"]]}


def _with_pending_webhooks(moment: Moment, event: StripeObject) -> StripeObject:
    delivery = moment.outbox.find(event["id"]) if moment.outbox else None
    waiting = delivery is not None and delivery.status == "pending"
    return public(event) | {"pending_webhooks": int(waiting)}
