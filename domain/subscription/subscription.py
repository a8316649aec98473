"""A subscription: one at the provider, one here; its facts are the differences that were seen."""

from datetime import datetime
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from domain.shared.fact import Refusal
from domain.subscription.differences import Known, first_seen
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    FurtherItemsChanged,
    GraceStarted,
    PlanChanged,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.truth import BillingPolicy, ProviderSubscription


class SubscriptionOver(Refusal):
    """An ended subscription can be neither cancelled nor changed."""


class AlreadySubscribed(Refusal):
    """There is a live subscription already."""


class SubscriptionAmbiguous(Refusal):
    """Several subscriptions are live; say which one."""


class NoSubscription(Refusal):
    """There is no live subscription to do that with."""


class Subscription(Known, frozen=True, kw_only=True):
    """The state of a subscription, folded from its facts."""

    @classmethod
    def observe(
        cls,
        state: Self | None,
        truth: ProviderSubscription,
        *,
        subscription_id: UUID,
        account_id: UUID,
        policy: BillingPolicy,
        now: datetime,
    ) -> list[SubscriptionEvent]:
        """The facts by which what the provider says differs from what the ledger holds; none when they agree."""
        if state is not None:
            return state.differences(truth, policy, now)
        started = first_seen(truth, subscription_id, account_id, policy)
        return [started, *cls.evolve(None, started).differences(truth, policy, now)]

    def request_cancellation(self, *, at_period_end: bool, idempotency_key: str) -> list[SubscriptionEvent]:
        if self.ended_at is not None:
            raise SubscriptionOver("This subscription has ended.")
        if at_period_end and self.ends_at is not None:
            return []
        return [
            CancellationRequested(
                subscription_id=self.id,
                account_id=self.account_id,
                at_period_end=at_period_end,
                idempotency_key=idempotency_key,
            )
        ]

    @classmethod
    def evolve(cls, state: Self | None, fact: SubscriptionEvent) -> "Subscription":
        if isinstance(fact, SubscriptionStarted):
            return cls(
                id=fact.subscription_id,
                account_id=fact.account_id,
                provider=fact.provider,
                provider_reference=fact.provider_reference,
                plan=fact.plan,
                price_id=fact.price_id,
                status=fact.status,
                period_end=fact.period_end,
                ends_at=fact.ends_at,
            )
        assert state is not None, "a subscription starts first"
        match fact:
            case StatusChanged():
                grace_since = state.grace_since if fact.after == "past_due" else None
                return replace(state, status=fact.after, grace_since=grace_since)
            case SubscriptionRenewed():
                return replace(state, period_end=fact.period_end)
            case PlanChanged():
                return replace(state, plan=fact.after, price_id=fact.after_price_id)
            case FurtherItemsChanged():
                return replace(state, further=fact.after)
            case GraceStarted():
                return replace(state, grace_since=fact.since)
            case CancellationRequested():
                return state
            case CancellationScheduled():
                return replace(state, ends_at=fact.ends_at)
            case CancellationWithdrawn():
                return replace(state, ends_at=None)
            case AccessRevoked():
                return replace(state, revoked=fact.why)
            case AccessRestored():
                return replace(state, revoked=None)
            case CollectionPaused():
                return replace(state, collection_paused=True)
            case CollectionResumed():
                return replace(state, collection_paused=False)
            case SubscriptionEnded():
                return replace(state, status=fact.status, ended_at=fact.ended_at)
            case _:
                assert_never(fact)
