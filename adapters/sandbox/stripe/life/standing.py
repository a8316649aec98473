"""How a subscription stands: what a paid or a failed invoice makes of it, and how it ends."""

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import dunning, invoices, pending
from adapters.sandbox.stripe.life.agenda import ENDED, changed
from adapters.sandbox.stripe.shapes import StripeObject
from adapters.sandbox.stripe.shapes.subscriptions import paused

RETRIED = ("active", "past_due")
RESUMPTION_SECONDS = 23 * 3600
"""For how long an invoice is good with which a subscription is to go on."""
OWING = ("incomplete", "past_due", "unpaid")


def settle(moment: Moment, subscription: StripeObject, bill: StripeObject, *, card_is_good: bool) -> StripeObject:
    """Asks for the money of an invoice; the subscription as what comes of it leaves it."""
    opened = invoices.finalize(moment, bill) if bill["status"] == "draft" else bill
    retried = subscription["status"] in RETRIED and not _is_pending(subscription, bill)
    retry_at = dunning.next_attempt(moment, opened) if retried else None
    outcome = invoices.collect(moment, opened, card_is_good=card_is_good, retry_at=retry_at)
    if outcome["status"] == "paid":
        return _paid(moment, subscription, outcome)
    if retried:
        return _failed(moment, subscription, tried_again=retry_at is not None)
    if subscription.get("_resuming") == outcome["id"]:
        moment.plan("resumption_lapses", outcome, at=outcome["created"] + RESUMPTION_SECONDS)
    return changed(moment, subscription)


def _is_pending(subscription: StripeObject, invoice: StripeObject) -> bool:
    waiting = subscription.get("_pending")
    return bool(waiting and waiting["invoice"] == invoice["id"])


def _paid(moment: Moment, subscription: StripeObject, invoice: StripeObject) -> StripeObject:
    """The latest invoice decides: an older one that is paid settles only itself."""
    if subscription["status"] in ENDED:
        return subscription
    subscription = pending.apply_when_paid(moment, subscription, invoice)
    latest = subscription["latest_invoice"] == invoice["id"]
    if subscription.get("_resuming") == invoice["id"]:
        return resumed(moment, subscription, status="active")
    if subscription["status"] in OWING and latest:
        return become(moment, subscription, "active")
    return changed(moment, subscription)


def _failed(moment: Moment, subscription: StripeObject, *, tried_again: bool) -> StripeObject:
    overdue = become(moment, subscription, "past_due")
    if tried_again:
        return overdue
    then = dunning.setting(moment).then
    if then == "cancel":
        return end(moment, overdue, details=overdue["cancellation_details"] | {"reason": "payment_failed"})
    if then == "unpaid":
        return become(moment, overdue, "unpaid")
    return pause(moment, overdue, why="final_payment_failure") if then == "pause" else overdue


def become(moment: Moment, subscription: StripeObject, status: str) -> StripeObject:
    after = moment.change(subscription, status=status)
    moment.announce("customer.subscription.updated", after, before=subscription)
    return changed(moment, after)


def pause(moment: Moment, subscription: StripeObject, *, why: str) -> StripeObject:
    """No service and no invoices until it is resumed."""
    resting = moment.change(subscription, status="paused", status_details=paused(why, at=moment.at))
    moment.announce("customer.subscription.updated", resting, before=subscription)
    moment.announce("customer.subscription.paused", resting)
    return changed(moment, resting)


def resumed(moment: Moment, subscription: StripeObject, *, status: str) -> StripeObject:
    going = moment.change(subscription, status=status, status_details=None, _resuming=None)
    moment.announce("customer.subscription.updated", going, before=subscription)
    moment.announce("customer.subscription.resumed", going)
    return changed(moment, going)


def end(moment: Moment, subscription: StripeObject, *, details: StripeObject) -> StripeObject:
    """Canceled for good, now; `details` are its cancellation details."""
    ended = moment.change(
        pending.withdraw(moment, subscription),
        status="canceled",
        canceled_at=subscription["canceled_at"] or moment.at,
        ended_at=moment.at,
        cancellation_details=details,
        pause_collection=None,
        status_details=None,
        _resuming=None,
    )
    invoices.stop_retries(moment, ended["id"])
    moment.announce("customer.subscription.deleted", ended)
    return changed(moment, ended)
