"""A change of plan that waits for its payment: applied once the invoice is paid, dropped after 23 hours."""

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import invoices
from adapters.sandbox.stripe.life.agenda import FIRST_PAYMENT_SECONDS, changed
from adapters.sandbox.stripe.shapes import StripeObject, subscriptions


def put_off(moment: Moment, before: StripeObject, after: StripeObject, bill: StripeObject) -> StripeObject:
    """The subscription `before` stays as it is; `after` is what it becomes when `bill` is paid."""
    items = after["items"]["data"]
    waiting = moment.change(
        before,
        latest_invoice=bill["id"],
        pending_update=subscriptions.pending_update(expires_at=moment.at + FIRST_PAYMENT_SECONDS, items=items),
        _pending={
            "invoice": bill["id"],
            "items": after["items"],
            "billing_cycle_anchor": after["billing_cycle_anchor"],
        },
    )
    moment.announce("customer.subscription.updated", waiting, before=before)
    return changed(moment, waiting)


def apply_when_paid(moment: Moment, subscription: StripeObject, invoice: StripeObject) -> StripeObject:
    """The subscription, changed where this invoice was what its pending update waited for."""
    pending = subscription.get("_pending")
    if not pending or pending["invoice"] != invoice["id"]:
        return subscription
    applied = moment.change(
        subscription,
        items=pending["items"],
        billing_cycle_anchor=pending["billing_cycle_anchor"],
        pending_update=None,
        _pending=None,
    )
    moment.announce("customer.subscription.updated", applied, before=subscription)
    moment.announce("customer.subscription.pending_update_applied", applied)
    return changed(moment, applied)


def expire(moment: Moment, subscription: StripeObject) -> StripeObject:
    """Nobody paid in time: the invoice is void, and the change is forgotten."""
    invoice = moment.need("invoice", subscription["_pending"]["invoice"])
    dropped = moment.change(subscription, pending_update=None, _pending=None)
    moment.announce("customer.subscription.updated", dropped, before=subscription)
    moment.announce("customer.subscription.pending_update_expired", dropped)
    if invoice["status"] == "open":
        invoices.void(moment, invoice)
    return changed(moment, dropped)
