"""Changes that are asked for while a subscription runs: other prices, quantities and items, and what they cost now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life import invoices, pending, prorations, standing
from adapters.sandbox.stripe.life.agenda import changed
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.life.subscriptions import Chosen, bill, new_item, period_end, refuse_repeated, trial
from adapters.sandbox.stripe.shapes import StripeObject, catalog
from adapters.sandbox.stripe.shapes.payments import DECLINED

BILLED = ("active", "past_due")


@dataclass(frozen=True)
class Exchange:
    """`changed` by item id, `removed` item ids, and `added` ones; prorated and paid as the two behaviours say."""

    changed: Mapping[str, Chosen] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    added: Sequence[Chosen] = ()
    proration: str = "create_prorations"
    payment: str = "allow_incomplete"


def amend(moment: Moment, subscription: StripeObject, fields: StripeObject, exchange: Exchange) -> StripeObject:
    """New field values and other items.

    A price with another cycle begins a new period of the whole subscription today and is billed at once. With the same
    cycle the difference is billed now (`always_invoice`), with the next invoice (`create_prorations`) or never. Other
    items come in the place of those that an earlier change waits to be paid for.
    """
    before = subscription["items"]["data"]
    items = _items(moment, subscription, exchange)
    if items != before:
        refuse_repeated(item["price"] for item in items)
        subscription = pending.withdraw(moment, subscription)
    amended = {**subscription, **fields, "items": {**subscription["items"], "data": items}}
    if subscription["status"] in BILLED and items != before:
        return _charge(moment, subscription, amended, exchange)
    return _take_over(moment, subscription, amended)


def give_trial(moment: Moment, subscription: StripeObject, until: int, *, prorated: bool) -> StripeObject:
    """From now on it costs nothing until then, when its cycle begins anew; prorated, what was paid of it comes back."""
    if subscription["status"] not in (*BILLED, "trialing"):
        raise StripeRefusal(f"A subscription that is {subscription['status']} can be given no trial.")
    subscription = pending.withdraw(moment, subscription)
    items = subscription["items"]["data"]
    credits = prorations.credits(moment, items) if prorated and subscription["status"] in BILLED else []
    given = [{**item, "current_period_start": moment.at, "current_period_end": until} for item in items]
    after = {**subscription, **trial(moment.at, until), "items": {**subscription["items"], "data": given}}
    lines = credits + invoices.lines_of(moment, given, free=True)
    return bill(moment, subscription, after, lines, reason="subscription_update")


def _items(moment: Moment, subscription: StripeObject, exchange: Exchange) -> list[StripeObject]:
    kept = [item for item in subscription["items"]["data"] if item["id"] not in exchange.removed]
    items = [_exchanged(item, exchange.changed.get(item["id"])) for item in kept]
    anchor = min(subscription["billing_cycle_anchor"], moment.at)
    end = subscription["trial_end"] if subscription["status"] == "trialing" else None
    added = [new_item(subscription["id"], one, at=moment.at, anchor=anchor, end=end) for one in exchange.added]
    return items + added


def _exchanged(item: StripeObject, chosen: Chosen | None) -> StripeObject:
    if chosen is None:
        return item
    exchanged = {"price": chosen.price, "plan": catalog.plan(chosen.price), "quantity": chosen.quantity}
    return {**item, **exchanged, "metadata": chosen.metadata}


def _charge(moment: Moment, before: StripeObject, amended: StripeObject, exchange: Exchange) -> StripeObject:
    """What the exchange costs: now, later or nothing."""
    prorated = exchange.proration != "none"
    if _restarts(before, amended):
        credits = prorations.credits(moment, before["items"]["data"]) if prorated else []
        after = _from_today(moment, amended)
        return _bill(moment, before, after, credits + invoices.lines_of(moment, after["items"]["data"]), exchange)
    lines = prorations.lines(moment, before["items"]["data"], amended["items"]["data"]) if prorated else []
    if exchange.proration == "always_invoice" and lines:
        return _bill(moment, before, amended, lines, exchange)
    return _take_over(moment, before, {**amended, "_lines": [*amended.get("_lines", []), *lines]})


def _restarts(before: StripeObject, after: StripeObject) -> bool:
    """Whether an item that stays has another cycle now."""
    cycles = {item["id"]: _cycle(item) for item in before["items"]["data"]}
    return any(cycles.get(item["id"], _cycle(item)) != _cycle(item) for item in after["items"]["data"])


def _cycle(item: StripeObject) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _from_today(moment: Moment, subscription: StripeObject) -> StripeObject:
    items = [
        {
            **item,
            "current_period_start": moment.at,
            "current_period_end": period_end(item["price"], anchor=moment.at, after=moment.at),
        }
        for item in subscription["items"]["data"]
    ]
    return {**subscription, "billing_cycle_anchor": moment.at, "items": {**subscription["items"], "data": items}}


def _bill(
    moment: Moment, before: StripeObject, after: StripeObject, lines: list[StripeObject], exchange: Exchange
) -> StripeObject:
    good = card_is_good(moment, before["customer"])
    if not good and exchange.payment == "error_if_incomplete":
        raise StripeRefusal(DECLINED, status=402, type="card_error", code="card_declined")
    if good or exchange.payment != "pending_if_incomplete":
        return bill(moment, before, after, lines, reason="subscription_update")
    since = min(item["current_period_start"] for item in before["items"]["data"])
    drafted = invoices.draft(moment, before, lines, reason="subscription_update", since=since)
    moment.announce("invoice.created", drafted)
    if drafted["amount_due"] == 0:
        return bill(moment, before, after, lines, reason="subscription_update")
    waiting = pending.put_off(moment, before, after, drafted)
    return standing.settle(moment, waiting, drafted, card_is_good=False)


def _take_over(moment: Moment, before: StripeObject, amended: StripeObject) -> StripeObject:
    moment.keep(amended)
    moment.announce("customer.subscription.updated", amended, before=before)
    return changed(moment, amended)
