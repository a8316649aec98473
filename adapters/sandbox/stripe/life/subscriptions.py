"""A subscription's life: it starts, is billed at each period's end, falls behind or ends.

The status machine is the one in the docstring of the SDK's `Subscription.status`. What Stripe does after a first failed
renewal (retries, unpaid) is not simulated: the next period's invoice is the next attempt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import invoices
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.life.periods import DAY_SECONDS, next_boundary
from adapters.sandbox.stripe.shapes import StripeObject, catalog, subscriptions

ENDED = ("canceled", "incomplete_expired")
FIRST_PAYMENT_SECONDS = 23 * 3600
TRIAL_NOTICE_SECONDS = 3 * DAY_SECONDS


@dataclass(frozen=True)
class Chosen:
    """A recurring price, and how many of it."""

    price: StripeObject
    quantity: int
    metadata: dict[str, str] = field(default_factory=dict)


def start(
    moment: Moment,
    customer: StripeObject,
    chosen: Sequence[Chosen],
    *,
    about: StripeObject,
    trial_days: int | None,
    card_is_good: bool,
) -> StripeObject:
    """Begins trialing, or is billed at once: paid, it is active; declined, it stays incomplete for 23 hours.

    `about` holds further fields of the subscription (metadata, description).
    """
    id = new_id("sub")
    trial_end = moment.at + trial_days * DAY_SECONDS if trial_days else None
    items = [_new_item(moment, id, one, trial_end) for one in chosen]
    currency = items[0]["price"]["currency"]
    made = subscriptions.subscription(id, at=moment.at, customer=customer["id"], currency=currency, items=items) | about
    if trial_end:
        made |= _trial(moment.at, trial_end)
    bill = invoices.draft(moment, made, items, reason="subscription_create", since=moment.at)
    started = moment.keep({**made, "latest_invoice": bill["id"]})
    moment.announce("customer.subscription.created", started)
    moment.announce("invoice.created", bill)
    if trial_end and trial_end - TRIAL_NOTICE_SECONDS <= moment.at:
        moment.announce("customer.subscription.trial_will_end", started)
    return _settle(moment, started, bill, card_is_good=card_is_good)


def _new_item(moment: Moment, subscription: str, chosen: Chosen, trial_end: int | None) -> StripeObject:
    item = subscriptions.item(
        new_id("si"),
        at=moment.at,
        subscription=subscription,
        price=chosen.price,
        quantity=chosen.quantity,
        period_end=trial_end or _period_end(chosen.price, anchor=moment.at, after=moment.at),
    )
    return item | {"metadata": chosen.metadata}


def _period_end(price: StripeObject, *, anchor: int, after: int) -> int:
    recurring = price["recurring"]
    return next_boundary(anchor, after=after, interval=recurring["interval"], count=recurring["interval_count"])


def _trial(start: int, end: int) -> StripeObject:
    return {"status": "trialing", "trial_start": start, "trial_end": end, "billing_cycle_anchor": end}


def _settle(moment: Moment, subscription: StripeObject, bill: StripeObject, *, card_is_good: bool) -> StripeObject:
    """Asks for the money of a fresh invoice, and lets the subscription's status follow from what comes of it."""
    outcome = invoices.collect(moment, invoices.finalize(moment, bill), card_is_good=card_is_good)
    settled = moment.change(subscription, status=_status_after(subscription["status"], outcome["status"] == "paid"))
    moment.announce("customer.subscription.updated", settled, before=subscription)
    plan_ahead(moment, settled)
    return settled


def _status_after(status: str, paid: bool) -> str:  # noqa: FBT001 - the second half of a table's key
    if status in ("trialing", "incomplete") and not paid:
        return status
    if status == "trialing":
        return "trialing"
    return "active" if paid else "past_due"


def plan_ahead(moment: Moment, subscription: StripeObject) -> None:
    """Puts on the agenda what will happen to the subscription by itself, in place of what stood there."""
    moment.forget_plans(subscription)
    if subscription["status"] in ENDED:
        return
    if subscription["status"] == "incomplete":
        moment.plan("first_payment_lapses", subscription, at=subscription["created"] + FIRST_PAYMENT_SECONDS)
        return
    period_end = min(item["current_period_end"] for item in subscription["items"]["data"])
    cancel_at = subscription["cancel_at"]
    if cancel_at is not None and cancel_at <= period_end:
        moment.plan("subscription_ends", subscription, at=cancel_at)
    else:
        moment.plan("period_ends", subscription, at=period_end)
    notice_at = (subscription["trial_end"] or 0) - TRIAL_NOTICE_SECONDS
    if notice_at > moment.at:
        moment.plan("trial_will_end", subscription, at=notice_at)


def roll_over(moment: Moment, subscription: StripeObject) -> None:
    """A period, or the trial, is over: the next one begins and is billed."""
    items = subscription["items"]["data"]
    over = [item for item in items if item["current_period_end"] <= moment.at]
    renewed = [_next_period(subscription, item) if item in over else item for item in items]
    status = "active" if subscription["status"] == "trialing" else subscription["status"]
    rolled = {**subscription, "status": status, "items": {**subscription["items"], "data": renewed}}
    _bill(moment, subscription, rolled, [new for new in renewed if new not in items], reason="subscription_cycle")


def _next_period(subscription: StripeObject, item: StripeObject) -> StripeObject:
    end = _period_end(item["price"], anchor=subscription["billing_cycle_anchor"], after=item["current_period_end"])
    return {**item, "current_period_start": item["current_period_end"], "current_period_end": end}


def _bill(
    moment: Moment, before: StripeObject, after: StripeObject, items: list[StripeObject], *, reason: str
) -> StripeObject:
    since = min(item["current_period_start"] for item in before["items"]["data"])
    bill = invoices.draft(moment, after, items, reason=reason, since=since)
    billed = moment.change(after, latest_invoice=bill["id"])
    moment.announce("invoice.created", bill)
    moment.announce("customer.subscription.updated", billed, before=before)
    return _settle(moment, billed, bill, card_is_good=card_is_good(moment, billed["customer"]))


def amend(
    moment: Moment, subscription: StripeObject, fields: StripeObject, changes: Mapping[str, Chosen]
) -> StripeObject:
    """New field values, and other prices or quantities by item id; what they cost is not prorated.

    A price with another cycle begins a new period of the whole subscription today and is billed at once; with the same
    cycle it counts from the next invoice on.
    """
    items = [_exchanged(item, changes.get(item["id"])) for item in subscription["items"]["data"]]
    amended = {**subscription, **fields, "items": {**subscription["items"], "data": items}}
    if subscription["status"] in ("active", "past_due") and _cycles(items) != _cycles(subscription["items"]["data"]):
        return _restart(moment, subscription, amended)
    moment.keep(amended)
    moment.announce("customer.subscription.updated", amended, before=subscription)
    plan_ahead(moment, amended)
    return amended


def _exchanged(item: StripeObject, chosen: Chosen | None) -> StripeObject:
    if chosen is None:
        return item
    return {**item, "price": chosen.price, "plan": catalog.plan(chosen.price), "quantity": chosen.quantity}


def _cycles(items: list[StripeObject]) -> list[tuple[str, int]]:
    return [(item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"]) for item in items]


def _restart(moment: Moment, before: StripeObject, amended: StripeObject) -> StripeObject:
    items = [
        {
            **item,
            "current_period_start": moment.at,
            "current_period_end": _period_end(item["price"], anchor=moment.at, after=moment.at),
        }
        for item in amended["items"]["data"]
    ]
    restarted = {**amended, "billing_cycle_anchor": moment.at, "items": {**amended["items"], "data": items}}
    return _bill(moment, before, restarted, items, reason="subscription_update")


def end(moment: Moment, subscription: StripeObject, *, details: StripeObject) -> StripeObject:
    """Canceled for good, now; `details` are its cancellation details."""
    ended = moment.change(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or moment.at,
        ended_at=moment.at,
        cancellation_details=details,
    )
    moment.forget_plans(ended)
    moment.announce("customer.subscription.deleted", ended)
    return ended


def lapse(moment: Moment, subscription: StripeObject) -> None:
    """The first invoice was not paid in time: the subscription never began."""
    lapsed = moment.change(subscription, status="incomplete_expired", ended_at=moment.at)
    moment.announce("customer.subscription.updated", lapsed, before=subscription)
    invoice = moment.need("invoice", subscription["latest_invoice"])
    transitions = {**invoice["status_transitions"], "voided_at": moment.at}
    voided = moment.change(invoice, status="void", auto_advance=False, status_transitions=transitions)
    moment.announce("invoice.voided", voided)
