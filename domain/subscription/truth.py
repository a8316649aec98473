"""What a payment provider says of a subscription, in our words, and the policy by which we read it."""

from datetime import datetime, timedelta

import msgspec

from domain.shared.plan_terms import PlanTerms

PAID = frozenset({"active", "trialing"})
TERMINAL = frozenset({"canceled", "incomplete_expired"})


class ProviderSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """One subscription as the provider's API answers now; `status` is an open list and may be a word we do not know."""

    provider: str
    reference: str
    customer_id: str
    status: str
    plan: PlanTerms
    price_id: str
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


class BillingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's choices; what they decide is written into the facts, so that history replays the same."""

    grace: timedelta = timedelta(days=7)
    """How long a viewer whose renewal failed may go on watching, from the first failure."""
    lease_slack: timedelta = timedelta(days=2)
    """How long past a period's end access lasts while news of the expected renewal is missing."""
    pause_collection_grants: bool = True

    def lease_until(self, *, period_end: datetime, ends_at: datetime | None) -> datetime:
        """Access stops here if nothing more is heard; an announced end gets no slack."""
        expected = period_end + self.lease_slack
        return expected if ends_at is None else min(ends_at, expected)
