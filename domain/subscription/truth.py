"""What a payment provider says of a subscription, in our words, and the policy by which we read it."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import RevokedFor

PAID = frozenset({"active", "trialing"})
TERMINAL = frozenset({"canceled", "incomplete_expired"})


class MoneyBack(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the money for the current period of one item, where it is not simply the operator's."""

    how: Literal["refunded", "dispute_open", "dispute_lost"]
    payment_reference: str
    since: datetime

    @property
    def why(self) -> RevokedFor:
        """As facts say it of whoever loses access by it."""
        return "refunded" if self.how == "refunded" else "disputed"


class SoldItem(msgspec.Struct, frozen=True, kw_only=True):
    """One of several things that a subscription sells, beside the plan that it is of."""

    price_id: str
    plan: PlanTerms
    period_end: datetime
    money_back: tuple[MoneyBack, ...] | None = ()
    """As that of the plan's own item."""


class ProviderSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """One subscription as the provider's API answers now; `status` is an open list and may be a word we do not know."""

    provider: str
    reference: str
    customer_id: str
    status: str
    plan: PlanTerms
    price_id: str
    sells_no_plan: bool = False
    """What it sells belongs to none of our plans; `plan` is the last one that it was of."""
    started_at: datetime
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None = None
    ends_at: datetime | None = None
    """The announced end, however it was announced; None while a renewal is expected."""
    ended_at: datetime | None = None
    collection_paused: bool = False
    failing_since: datetime | None = None
    """When the first attempt at the unpaid invoice failed."""
    further: tuple[SoldItem, ...] = ()
    money_back: tuple[MoneyBack, ...] | None = ()
    """What happened to that for the plan, the weightiest first; None where nothing is known of it."""


class BillingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's choices; what they decide is written into the facts, so that history replays the same."""

    grace: timedelta = timedelta(days=7)
    """How long a viewer whose renewal failed may go on watching, from the first failure."""
    lease_slack: timedelta = timedelta(days=2)
    """How long past a period's end access lasts while news of the expected renewal is missing."""
    pause_collection_grants: bool = True
    full_refund_revokes: bool = True
    """Of all that was paid for the current period of an item."""
    dispute_open_suspends: bool = False
    dispute_lost_revokes: bool = True
    double_checkout: Literal["report", "refund_newer"] = "report"
    """What is done about a second live subscription to the same plan, beside telling of it."""

    def lease_until(self, *, period_end: datetime, ends_at: datetime | None) -> datetime:
        """Access stops here if nothing more is heard; an announced end gets no slack."""
        expected = period_end + self.lease_slack
        return expected if ends_at is None else min(ends_at, expected)

    def revokes(self, money_back: MoneyBack) -> bool:
        """Whether somebody whose money took this way has no access for it."""
        match money_back.how:
            case "refunded":
                return self.full_refund_revokes
            case "dispute_open":
                return self.dispute_open_suspends
            case "dispute_lost":
                return self.dispute_lost_revokes
