"""A change of plan that waits for its payment: applied once that is there, dropped after 23 hours or for another."""

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
        items={**pending["items"], "data": [_caught_up(item, subscription) for item in pending["items"]["data"]]},
        billing_cycle_anchor=pending["billing_cycle_anchor"],
        pending_update=None,
        _pending=None,
    )
    moment.announce("customer.subscription.updated", applied, before=subscription)
    moment.announce("customer.subscription.pending_update_applied", applied)
    return changed(moment, applied)


def _caught_up(item: StripeObject, subscription: StripeObject) -> StripeObject:
    """In the item's period of today, where it was renewed while the change waited."""
    periods = [
        {name: now[name] for name in ("current_period_start", "current_period_end")}
        for now in subscription["items"]["data"]
        if now["id"] == item["id"] and now["current_period_start"] > item["current_period_start"]
    ]
    return {**item, **periods[0]} if periods else item


def withdraw(moment: Moment, subscription: StripeObject) -> StripeObject:
    """Another change or the end comes in its place: nobody can pay its invoice any more."""
    waiting = subscription.get("_pending")
    if not waiting:
        return subscription
    _void(moment, waiting["invoice"])
    return moment.change(subscription, pending_update=None, _pending=None)


def expire(moment: Moment, subscription: StripeObject) -> StripeObject:
    """Nobody paid in time: the invoice is void, and the change is forgotten."""
    dropped = moment.change(subscription, pending_update=None, _pending=None)
    moment.announce("customer.subscription.updated", dropped, before=subscription)
    moment.announce("customer.subscription.pending_update_expired", dropped)
    _void(moment, subscription["_pending"]["invoice"])
    return changed(moment, dropped)


def _void(moment: Moment, invoice_id: str) -> None:
    invoice = moment.need("invoice", invoice_id)
    if invoice["status"] == "open":
        invoices.void(moment, invoice)
