"""Pausing a subscription, so that it gives no service, and resuming it; and the end of a pause of its collection."""

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life import invoices, standing
from adapters.sandbox.stripe.life.agenda import changed
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.life.subscriptions import bill, period_end
from adapters.sandbox.stripe.shapes import StripeObject

PAUSABLE = ("active", "past_due", "trialing")


def pause(moment: Moment, subscription: StripeObject) -> StripeObject:
    if subscription["status"] not in PAUSABLE:
        raise StripeRefusal(f"A subscription that is {subscription['status']} cannot be paused.")
    invoices.stop_retries(moment, subscription["id"])
    return standing.pause(moment, subscription, why="pause_requested")


def resume(moment: Moment, subscription: StripeObject, *, anchor_now: bool, only_when_paid: bool) -> StripeObject:
    """A new period begins today and is billed; with the anchor unchanged the old one goes on where it is not over.

    With `only_when_paid` it stays paused until the invoice is paid.
    """
    if subscription["status"] != "paused":
        raise StripeRefusal("Only paused subscriptions can be resumed.")
    items = [_resumed(moment, subscription, item, anchor_now=anchor_now) for item in subscription["items"]["data"]]
    anchor = moment.at if anchor_now else subscription["billing_cycle_anchor"]
    after = {
        **subscription,
        "billing_cycle_anchor": anchor,
        "items": {**subscription["items"], "data": items},
    }
    owed = items if anchor_now else [item for item in items if item not in subscription["items"]["data"]]
    if not owed:
        return standing.resumed(moment, subscription, status="active")
    if only_when_paid and not card_is_good(moment, subscription["customer"]):
        return _await_payment(moment, subscription, after, owed)
    going = standing.resumed(moment, subscription, status="active")
    billed = {**after, "status": going["status"], "status_details": None, "_resuming": None}
    return bill(moment, going, billed, invoices.lines_of(moment, owed), reason="subscription_update")


def _resumed(moment: Moment, subscription: StripeObject, item: StripeObject, *, anchor_now: bool) -> StripeObject:
    if anchor_now:
        end = period_end(item["price"], anchor=moment.at, after=moment.at)
        return {**item, "current_period_start": moment.at, "current_period_end": end}
    if item["current_period_end"] > moment.at:
        return item
    end = period_end(item["price"], anchor=subscription["billing_cycle_anchor"], after=moment.at)
    return {**item, "current_period_start": moment.at, "current_period_end": end}


def _await_payment(moment: Moment, before: StripeObject, after: StripeObject, owed: list[StripeObject]) -> StripeObject:
    since = min(item["current_period_start"] for item in before["items"]["data"])
    lines = invoices.lines_of(moment, owed)
    drafted = invoices.draft(moment, after, lines, reason="subscription_update", since=since)
    waiting = moment.change(after, latest_invoice=drafted["id"], _resuming=drafted["id"])
    moment.announce("invoice.created", drafted)
    moment.announce("customer.subscription.updated", waiting, before=before)
    return standing.settle(moment, waiting, drafted, card_is_good=False)


def lapse(moment: Moment, invoice: StripeObject) -> None:
    """It was not paid in time: the subscription stays paused."""
    if invoice["status"] == "open":
        invoices.void(moment, invoice)


def collect_again(moment: Moment, subscription: StripeObject) -> None:
    """The pause of the collection is over; what it has kept back stays as it is."""
    after = moment.change(subscription, pause_collection=None)
    moment.announce("customer.subscription.updated", after, before=subscription)
    changed(moment, after)
