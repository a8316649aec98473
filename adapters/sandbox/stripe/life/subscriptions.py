"""A subscription's life: it starts, is billed at each period's end, and its first payment may lapse.

The status machine is the one in the docstring of the SDK's `Subscription.status`; `standing` has what payments make of
it, `changes` and `pauses` what is asked for in between.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life import invoices, standing
from adapters.sandbox.stripe.life.agenda import ENDED, TRIAL_NOTICE_SECONDS, changed
from adapters.sandbox.stripe.life.payments import card_is_good, has_card
from adapters.sandbox.stripe.life.periods import next_boundary
from adapters.sandbox.stripe.shapes import StripeObject, subscriptions

__all__ = [
    "ENDED",
    "Chosen",
    "bill",
    "lapse",
    "new_item",
    "next_period",
    "period_end",
    "refuse_repeated",
    "roll_over",
    "start",
]


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
    trial_end: int | None,
    card_is_good: bool,
    ask_now: bool = True,
) -> StripeObject:
    """Begins trialing, or is billed at once: paid, it is active; declined, it stays incomplete for 23 hours.

    `about` holds further fields of the subscription (metadata, description); `trial_end` is in Unix seconds. Without
    `ask_now` the first invoice stays open for somebody to pay it.
    """
    refuse_repeated(one.price for one in chosen)
    id = new_id("sub")
    items = [new_item(id, one, at=moment.at, anchor=moment.at, end=trial_end) for one in chosen]
    currency = items[0]["price"]["currency"]
    made = subscriptions.subscription(id, at=moment.at, customer=customer["id"], currency=currency, items=items) | about
    if trial_end:
        made |= trial(moment.at, trial_end)
    lines = invoices.lines_of(moment, items, free=trial_end is not None)
    first = invoices.draft(moment, made, lines, reason="subscription_create", since=moment.at)
    started = moment.keep({**made, "latest_invoice": first["id"]})
    moment.announce("customer.subscription.created", started)
    moment.announce("invoice.created", first)
    if trial_end and trial_end - TRIAL_NOTICE_SECONDS <= moment.at:
        moment.announce("customer.subscription.trial_will_end", started)
    if not ask_now and first["amount_due"] > 0:
        invoices.finalize(moment, first)
        return changed(moment, started)
    return standing.settle(moment, started, first, card_is_good=card_is_good)


def refuse_repeated(prices: Iterable[StripeObject]) -> None:
    """A subscription sells a price once, in whatever quantity; Stripe still speaks of plans there."""
    for price, times in Counter(price["id"] for price in prices).items():
        if times > 1:
            raise StripeRefusal(f"Cannot add multiple subscription items with the same plan: {price}")


def new_item(subscription: str, chosen: Chosen, *, at: int, anchor: int, end: int | None = None) -> StripeObject:
    """An item whose first period runs until `end`, or until the next boundary that is counted from `anchor`."""
    item = subscriptions.item(
        new_id("si"),
        at=at,
        subscription=subscription,
        price=chosen.price,
        quantity=chosen.quantity,
        period_end=end or period_end(chosen.price, anchor=anchor, after=at),
    )
    return item | {"metadata": chosen.metadata}


def period_end(price: StripeObject, *, anchor: int, after: int) -> int:
    recurring = price["recurring"]
    return next_boundary(anchor, after=after, interval=recurring["interval"], count=recurring["interval_count"])


def trial(start: int, end: int) -> StripeObject:
    """The fields of a subscription that say so; its cycle begins when the trial is over."""
    return {"status": "trialing", "trial_start": start, "trial_end": end, "billing_cycle_anchor": end}


def roll_over(moment: Moment, subscription: StripeObject) -> None:
    """A period, or the trial, is over: the next one begins and is billed."""
    if subscription["status"] == "trialing" and not has_card(moment, subscription["customer"]):
        missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if missing == "pause":
            standing.pause(moment, subscription, why="trial_end_without_payment_method")
            return
        if missing == "cancel":
            standing.end(moment, subscription, details=subscription["cancellation_details"])
            return
    items = subscription["items"]["data"]
    over = [item for item in items if item["current_period_end"] <= moment.at]
    renewed = [next_period(subscription, item) if item in over else item for item in items]
    status = "active" if subscription["status"] == "trialing" else subscription["status"]
    rolled = {**subscription, "status": status, "items": {**subscription["items"], "data": renewed}}
    lines = invoices.lines_of(moment, [new for new in renewed if new not in items])
    bill(moment, subscription, rolled, lines, reason="subscription_cycle")


def next_period(subscription: StripeObject, item: StripeObject) -> StripeObject:
    end = period_end(item["price"], anchor=subscription["billing_cycle_anchor"], after=item["current_period_end"])
    return {**item, "current_period_start": item["current_period_end"], "current_period_end": end}


def bill(
    moment: Moment, before: StripeObject, after: StripeObject, lines: Sequence[StripeObject], *, reason: str
) -> StripeObject:
    """The subscription `before` becomes `after`, and `lines` are asked for, with what earlier changes have left."""
    since = min(item["current_period_start"] for item in before["items"]["data"])
    every_line = [*after.get("_lines", []), *lines]
    drafted = invoices.draft(moment, after, every_line, reason=reason, since=since)
    billed = moment.change(after, latest_invoice=drafted["id"], _lines=[])
    moment.announce("invoice.created", drafted)
    moment.announce("customer.subscription.updated", billed, before=before)
    if billed["status"] == "unpaid":
        moment.change(drafted, auto_advance=False)
        return changed(moment, billed)
    if billed["pause_collection"]:
        _keep_from_collection(moment, drafted, billed["pause_collection"]["behavior"])
        return changed(moment, billed)
    return standing.settle(moment, billed, drafted, card_is_good=card_is_good(moment, billed["customer"]))


def _keep_from_collection(moment: Moment, drafted: StripeObject, behavior: str) -> None:
    """Nobody is asked to pay while collection is paused: the service goes on."""
    if behavior == "keep_as_draft":
        moment.change(drafted, auto_advance=False)
        return
    opened = invoices.finalize(moment, drafted)
    if behavior == "void":
        invoices.void(moment, opened)
    else:
        invoices.give_up(moment, opened)


def lapse(moment: Moment, subscription: StripeObject) -> None:
    """The first invoice was not paid in time: the subscription never began."""
    lapsed = moment.change(subscription, status="incomplete_expired", ended_at=moment.at)
    moment.announce("customer.subscription.updated", lapsed, before=subscription)
    invoice = moment.need("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        invoices.void(moment, invoice)
    changed(moment, lapsed)
