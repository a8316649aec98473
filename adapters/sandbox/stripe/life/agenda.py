"""What will happen to a subscription by itself, put down anew after each change."""

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import entitlements
from adapters.sandbox.stripe.life.periods import DAY_SECONDS
from adapters.sandbox.stripe.shapes import StripeObject

ENDED = ("canceled", "incomplete_expired")
FIRST_PAYMENT_SECONDS = 23 * 3600
TRIAL_NOTICE_SECONDS = 3 * DAY_SECONDS


def changed(moment: Moment, subscription: StripeObject) -> StripeObject:
    """Follows up on a change: the agenda in place of what stood there, and the customer's entitlements."""
    moment.forget_plans(subscription)
    if subscription["status"] not in ENDED:
        _plan(moment, subscription)
    entitlements.follow(moment, subscription["customer"])
    return subscription


def _plan(moment: Moment, subscription: StripeObject) -> None:
    if subscription["status"] == "incomplete":
        moment.plan("first_payment_lapses", subscription, at=subscription["created"] + FIRST_PAYMENT_SECONDS)
        return
    _plan_boundary(moment, subscription)
    if subscription["pending_update"]:
        moment.plan("pending_update_expires", subscription, at=subscription["pending_update"]["expires_at"])
    collection = subscription["pause_collection"] or {}
    if collection.get("resumes_at"):
        moment.plan("collection_resumes", subscription, at=collection["resumes_at"])
    notice_at = (subscription["trial_end"] or 0) - TRIAL_NOTICE_SECONDS
    if notice_at > moment.at:
        moment.plan("trial_will_end", subscription, at=notice_at)


def _plan_boundary(moment: Moment, subscription: StripeObject) -> None:
    """The first period that ends, or the end of it all; while it is paused no period follows."""
    period_end = min(item["current_period_end"] for item in subscription["items"]["data"])
    cancel_at = subscription["cancel_at"]
    paused = subscription["status"] == "paused"
    if cancel_at is not None and (paused or cancel_at <= period_end):
        moment.plan("subscription_ends", subscription, at=cancel_at)
    elif not paused:
        moment.plan("period_ends", subscription, at=period_end)
