"""What somebody may watch, by the words of the policy and what Stripe's API says: nothing of the program is used here.

- A subscription that is active or on trial gives what it sells until its end, if one is announced, else until its
  period's end and so much longer (`LEASE_SLACK_DAYS`); an end announced for later than that does not lengthen it.
- One whose renewal failed gives it for `GRACE_DAYS_PAST_DUE` from the first failure of the oldest invoice that is owed,
  and no longer than above. One in any other status gives nothing.
- While collection is paused it gives nothing if `PAUSE_COLLECTION_GRANTS` is off.
- When all that was paid for the last period of an item that anything was paid for went back, that item gives nothing
  (`FULL_REFUND_REVOKES`); so with a payment for it whose dispute is lost (`DISPUTE_LOST_REVOKES`) or open
  (`DISPUTE_OPEN_SUSPENDS`). The next that is paid opens it again, and none that is owed, void or for nothing, save of
  an item that is free by its price. A refund that failed is none. An item is paid for by the invoices that charge for
  it until its period's end: by its id; where none does that ever, by its price; where none does that either, by all
  that the subscription is charged for. What is settled
  of the past in an invoice that charges for the item anew, and what is credited, pays for nothing.

Times are Unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.lives.stripe import Stripe

DAY = 86_400
PAID = ("active", "trialing")
VOID = ("failed", "canceled")
OPEN = ("needs_response", "under_review")

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
        paid = self._paying(subscription, item)
        disputes = [dispute["status"] for invoice in paid for dispute in self._disputes(invoice)]
        return (
            (self.policy.full_refund_revokes and bool(paid) and all(self._is_refunded(invoice) for invoice in paid))
            or (self.policy.dispute_lost_revokes and "lost" in disputes)
            or (self.policy.dispute_open_suspends and any(status in OPEN for status in disputes))
        )

    def _paying(self, subscription: Thing, item: Thing) -> list[Thing]:
        """The invoices that paid for the item's current period, or else for the newest that was ever paid."""
        charged = [
            (invoice, line)
            for invoice in self.books.invoices
            if _is_of(invoice, subscription) and invoice["status"] == "paid" and invoice["amount_paid"]
            for line in _charges(invoice)
        ]
        own = [(invoice, line) for invoice, line in charged if _item_of(line) == item["id"]]
        alike = [(invoice, line) for invoice, line in charged if _price_of(line) == item["price"]["id"]]
        own_lines = own or alike or charged
        current = [one for one in own_lines if one[1]["period"]["end"] >= item["current_period_end"]]
        newest = max((line["period"]["end"] for _, line in own_lines), default=0)
        is_free = item["price"]["unit_amount"] == 0
        counted = current if is_free else current or [one for one in own_lines if one[1]["period"]["end"] == newest]
        lasting = {invoice["id"] for invoice, _ in counted}
        return [invoice for invoice in self.books.invoices if invoice["id"] in lasting]

    def _lease(self, subscription: Thing, item: Thing) -> int:
        end = int(item["current_period_end"])
        expected = end + self.policy.lease_slack_days * DAY
        if subscription["cancel_at"] is not None:
            return min(int(subscription["cancel_at"]), expected)
        return end if subscription["cancel_at_period_end"] else expected

    def _grace(self, subscription: Thing) -> int:
        owed = self._owed(subscription)
        assert owed, f"{subscription['id']} is past due, and owes nothing"
        first = min(invoice["status_transitions"]["finalized_at"] for invoice in owed)
        return int(first) + self.policy.grace_days_past_due * DAY

    def _owed(self, subscription: Thing) -> list[Thing]:
        return [
            invoice
            for invoice in self.books.invoices
            if _is_of(invoice, subscription) and invoice["attempted"] and invoice["status"] in {"open", "uncollectible"}
        ]

    def _is_refunded(self, invoice: Thing) -> bool:
        intents = self._intents(invoice)
        back = [one for one in self.books.refunds if one["payment_intent"] in intents and one["status"] not in VOID]
        return bool(sum(one["amount"] for one in back) >= invoice["amount_paid"])

    def _disputes(self, invoice: Thing) -> list[Thing]:
        intents = self._intents(invoice)
        return [dispute for dispute in self.books.disputes if dispute["payment_intent"] in intents]

    def _intents(self, invoice: Thing) -> set[str]:
        return {one["payment"]["payment_intent"] for one in self.books.paying if one["invoice"] == invoice["id"]}


def _is_of(invoice: Thing, subscription: Thing) -> bool:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return bool(details.get("subscription") == subscription["id"])


def _charges(invoice: Thing) -> list[Thing]:
    """The lines that cost something, less those of the past of what the invoice charges for anew."""
    lines = [line for line in invoice["lines"]["data"] if line["amount"] > 0]
    anew = {_item_of(line) for line in lines if not _is_of_the_past(line)}
    return [line for line in lines if not (_is_of_the_past(line) and _item_of(line) in anew)]


def _item_of(line: Thing) -> str:
    return str(line["parent"]["subscription_item_details"]["subscription_item"])


def _price_of(line: Thing) -> str:
    return str(line["pricing"]["price_details"]["price"])


def _is_of_the_past(line: Thing) -> bool:
    """What is left to be paid of a change inside a period."""
    return bool(line["parent"]["subscription_item_details"]["proration"])
