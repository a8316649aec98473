"""What somebody may watch, by the words of the policy and what Stripe's API says: nothing of the program is used here.

- Who may watch nothing is told of a subscription that is not over, where there is one; of one that is over else.
- A subscription that is active or on trial gives what it sells until its end, if one is announced, else until its
  period's end and so much longer (`LEASE_SLACK_DAYS`); an end announced for later than that does not lengthen it.
- One whose renewal failed gives it for `GRACE_DAYS_PAST_DUE` from the first failure of the oldest invoice that is owed
  of those since money last came, and no longer than above. What is written off, and then what was made void, counts
  only where nothing else is owed. One in any other status gives nothing.
- While collection is paused it gives nothing if `PAUSE_COLLECTION_GRANTS` is off.
- An item whose price is 0 is never closed by money that went back, and none is while the subscription is on trial.
- An item is billed by the lines that name it; where none does that ever, by those of its price; where none does that
  either, by all lines of the subscription's items. A line that is for no item, or that credits, bills nothing. An
  invoice counts that is paid: with money, or, for what it bills anew and not in part, as the first one of a
  subscription or one of a renewal.
- When all money that was paid for an item's current period went back, it gives nothing (`FULL_REFUND_REVOKES`); where
  nothing was paid for that, so with the last period that was. A refund that failed is none.
- When a payment that decides so is disputed, and that is lost (`DISPUTE_LOST_REVOKES`) or open
  (`DISPUTE_OPEN_SUSPENDS`), it gives nothing, until money is paid for it after the dispute was opened and stays. From
  then on only what was paid after the dispute counts.

Times are Unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple

from tests.lives.stripe import Stripe

DAY = 86_400
PAID = ("active", "trialing")
OVER = ("canceled", "incomplete_expired")
VOID = ("failed", "canceled")
OPEN = ("needs_response", "under_review")
BEGINS = ("subscription_create", "subscription_cycle")

Thing = dict[str, Any]


@dataclass(frozen=True)
class Policy:
    """The operator's choices, by the names of their settings."""

    grace_days_past_due: int = 7
    lease_slack_days: int = 2
    pause_collection_grants: bool = True
    full_refund_revokes: bool = True
    dispute_open_suspends: bool = False
    dispute_lost_revokes: bool = True


class Bill(NamedTuple):
    """What was paid for an item, and until when."""

    invoice: Thing
    until: int


@dataclass(frozen=True)
class Books:
    """What Stripe has about one customer."""

    subscriptions: list[Thing]
    invoices: list[Thing]
    paying: list[Thing]
    refunds: list[Thing]
    disputes: list[Thing]


async def books_of(stripe: Stripe, customer: str | None) -> Books:
    if customer is None:
        return Books([], [], [], [], [])
    return Books(
        subscriptions=await stripe.all("subscriptions", customer=customer, status="all"),
        invoices=await stripe.all("invoices", customer=customer),
        paying=await stripe.all("invoice_payments"),
        refunds=await stripe.all("refunds"),
        disputes=await stripe.all("disputes"),
    )


@dataclass(frozen=True)
class Oracle:
    books: Books
    policy: Policy
    sells: Mapping[str, frozenset[str]]
    """The features that each price gives."""

    def features(self, at: int) -> frozenset[str]:
        """What may be watched at a moment, if nothing more happens until then."""
        return frozenset[str]().union(
            *(
                self.sells.get(item["price"]["id"], ())
                for subscription in self.books.subscriptions
                for item in subscription["items"]["data"]
                if at < self._until(subscription, item)
            )
        )

    def living(self) -> frozenset[str]:
        """The statuses of what is not over; none where no plan was ever known of any of it."""
        live = [one for one in self.books.subscriptions if one["status"] not in OVER]
        sold = {item["price"]["id"] for one in live for item in one["items"]["data"]}
        return frozenset(str(one["status"]) for one in live) if sold & self.sells.keys() else frozenset()

    def turns(self) -> list[int]:
        """When something may change by itself: ends, leases, the ends of grace."""
        found = set[int]()
        for subscription in self.books.subscriptions:
            found |= {subscription["cancel_at"], subscription["trial_end"], subscription["ended_at"]} - {None}
            found |= {
                invoice["created"] + self.policy.grace_days_past_due * DAY for invoice in self._owed(subscription)
            }
            for item in subscription["items"]["data"]:
                end = item["current_period_end"]
                found |= {end, end + self.policy.lease_slack_days * DAY, self._until(subscription, item)}
        return sorted(found - {0})

    def _until(self, subscription: Thing, item: Thing) -> int:
        """0: it gives nothing."""
        status = subscription["status"]
        if self._is_stopped(subscription) or self._went_back(subscription, item):
            return 0
        if status in PAID:
            return self._lease(subscription, item)
        if status == "past_due":
            return min(self._grace(subscription), self._lease(subscription, item))
        return 0

    def _is_stopped(self, subscription: Thing) -> bool:
        return subscription["pause_collection"] is not None and not self.policy.pause_collection_grants

    def _went_back(self, subscription: Thing, item: Thing) -> bool:
        if item["price"]["unit_amount"] == 0 or subscription["status"] == "trialing":
            return False
        bills = self._bills(subscription, item)
        while True:
            deciding = _of_the_last_period(bills, int(item["current_period_end"]))
            opened = [at for bill in deciding for at in self._disputes(bill.invoice)]
            if not opened:
                gone = bool(deciding) and all(self._is_refunded(bill.invoice) for bill in deciding)
                return gone and self.policy.full_refund_revokes
            bills = [bill for bill in bills if _paid_at(bill.invoice) > max(opened)]
            if not any(bill.invoice["amount_paid"] and not self._is_refunded(bill.invoice) for bill in bills):
                return True

    def _bills(self, subscription: Thing, item: Thing) -> list[Bill]:
        every = [
            (invoice, line)
            for invoice in self.books.invoices
            if _is_of(invoice, subscription) and invoice["status"] == "paid"
            for line in _billing(invoice)
        ]
        named = [one for one in every if _item_of(one[1]) == item["id"]]
        alike = [one for one in every if _price_of(one[1]) == item["price"]["id"]]
        return [Bill(invoice, int(line["period"]["end"])) for invoice, line in named or alike or every]

    def _lease(self, subscription: Thing, item: Thing) -> int:
        end = int(item["current_period_end"])
        expected = end + self.policy.lease_slack_days * DAY
        if subscription["cancel_at"] is not None:
            return min(int(subscription["cancel_at"]), expected)
        return end if subscription["cancel_at_period_end"] else expected

    def _grace(self, subscription: Thing) -> int:
        first = [invoice["status_transitions"]["finalized_at"] for invoice in self._owed(subscription)]
        assert first, f"{subscription['id']} is past due, and has never owed anything"
        return int(min(first)) + self.policy.grace_days_past_due * DAY

    def _owed(self, subscription: Thing) -> list[Thing]:
        """The open ones; of what is written off or void the newest alone."""
        own = [invoice for invoice in self.books.invoices if _is_of(invoice, subscription)]
        tried = [one for one in own if one["attempted"]]  # Stripe lists the newest first.
        since = list(takewhile(lambda one: one["status"] != "paid" or not one["amount_paid"], tried))
        for invoices in (since, tried):
            given_up = [one for one in invoices if one["status"] == "uncollectible"]
            if owed := [one for one in invoices if one["status"] == "open"] or given_up[:1]:
                return owed
        return [one for one in tried if one["status"] == "void"][:1]

    def _is_refunded(self, invoice: Thing) -> bool:
        intents = self._intents(invoice)
        back = [one for one in self.books.refunds if one["payment_intent"] in intents and one["status"] not in VOID]
        return bool(invoice["amount_paid"]) and bool(sum(one["amount"] for one in back) >= invoice["amount_paid"])

    def _disputes(self, invoice: Thing) -> list[int]:
        """When those were opened that take access."""
        takes = ("lost",) * self.policy.dispute_lost_revokes + OPEN * self.policy.dispute_open_suspends
        intents = self._intents(invoice)
        own = [dispute for dispute in self.books.disputes if dispute["payment_intent"] in intents]
        return [dispute["created"] for dispute in own if dispute["status"] in takes]

    def _intents(self, invoice: Thing) -> set[str]:
        return {one["payment"]["payment_intent"] for one in self.books.paying if one["invoice"] == invoice["id"]}


def _is_of(invoice: Thing, subscription: Thing) -> bool:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return bool(details.get("subscription") == subscription["id"])


def _paid_at(invoice: Thing) -> int:
    return int(invoice["status_transitions"]["paid_at"])


def _of_the_last_period(bills: list[Bill], period_end: int) -> list[Bill]:
    """Those for the current one, if there are any."""
    newest = max((bill.until for bill in bills), default=0)
    return [bill for bill in bills if bill.until >= period_end] or [bill for bill in bills if bill.until == newest]


def _billing(invoice: Thing) -> list[Thing]:
    """Its lines for items; of what was left of the past only where the item is not billed anew."""
    lines = [line for line in invoice["lines"]["data"] if _item_of(line) and line["amount"] >= 0]
    anew = [line for line in lines if not _is_of_the_past(line)]
    if not invoice["amount_paid"]:
        return anew if invoice["billing_reason"] in BEGINS else []
    renewed = {_item_of(line) for line in anew}
    return anew + [line for line in lines if _is_of_the_past(line) and _item_of(line) not in renewed]


def _item_of(line: Thing) -> str | None:
    """None: it is for no item."""
    details = line["parent"]["subscription_item_details"]
    return str(details["subscription_item"]) if details else None


def _price_of(line: Thing) -> str:
    return str(line["pricing"]["price_details"]["price"])


def _is_of_the_past(line: Thing) -> bool:
    """What is left to be paid of a change inside a period."""
    return bool(line["parent"]["subscription_item_details"]["proration"])
