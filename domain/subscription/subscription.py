"""A subscription: one at the provider, one here; its facts are the differences that were seen."""

from datetime import datetime
from typing import Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import Refusal
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import (
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    GraceStarted,
    PlanChanged,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.truth import TERMINAL, BillingPolicy, ProviderSubscription


class SubscriptionOver(Refusal):
    """An ended subscription can be neither cancelled nor changed."""


class AlreadySubscribed(Refusal):
    """There is a live subscription already."""


class SubscriptionAmbiguous(Refusal):
    """Several subscriptions are live; say which one."""


class NoSubscription(Refusal):
    """There is no live subscription to do that with."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a subscription, folded from its facts."""

    id: UUID
    account_id: UUID
    provider: str
    provider_reference: str
    plan: PlanTerms
    price_id: str
    status: str
    period_end: datetime
    ends_at: datetime | None
    grace_since: datetime | None = None
    collection_paused: bool = False
    ended_at: datetime | None = None

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
        started = _first_seen(truth, subscription_id, account_id, policy)
        return [started, *cls.evolve(None, started).differences(truth, policy, now)]

    def differences(self, truth: ProviderSubscription, policy: BillingPolicy, now: datetime) -> list[SubscriptionEvent]:
        if self.ended_at is not None:
            return []
        if truth.status in TERMINAL:
            return [self._ended(truth, now)]
        return [
            *self._plan(truth),
            *self._period(truth, policy),
            *self._cancellation(truth, policy),
            *self._status(truth, now),
            *self._grace(truth, policy, now),
            *self._collection(truth, policy),
        ]

    def _ended(self, truth: ProviderSubscription, now: datetime) -> SubscriptionEvent:
        return SubscriptionEnded(
            subscription_id=self.id,
            account_id=self.account_id,
            before=self.status,
            status=truth.status,
            ended_at=truth.ended_at or now,
        )

    def _plan(self, truth: ProviderSubscription) -> list[SubscriptionEvent]:
        if truth.price_id == self.price_id:
            return []
        return [
            PlanChanged(
                subscription_id=self.id,
                account_id=self.account_id,
                before=self.plan,
                after=truth.plan,
                before_price_id=self.price_id,
                after_price_id=truth.price_id,
            )
        ]

    def _period(self, truth: ProviderSubscription, policy: BillingPolicy) -> list[SubscriptionEvent]:
        if truth.period_end == self.period_end:
            return []
        return [
            SubscriptionRenewed(
                subscription_id=self.id,
                account_id=self.account_id,
                period_start=truth.period_start,
                period_end=truth.period_end,
                before_period_end=self.period_end,
                trial_end=truth.trial_end,
                lease_until=policy.lease_until(period_end=truth.period_end, ends_at=truth.ends_at),
            )
        ]

    def _cancellation(self, truth: ProviderSubscription, policy: BillingPolicy) -> list[SubscriptionEvent]:
        if truth.ends_at == self.ends_at:
            return []
        lease_until = policy.lease_until(period_end=truth.period_end, ends_at=truth.ends_at)
        if truth.ends_at is not None:
            return [
                CancellationScheduled(
                    subscription_id=self.id,
                    account_id=self.account_id,
                    before_ends_at=self.ends_at,
                    ends_at=truth.ends_at,
                    lease_until=lease_until,
                )
            ]
        assert self.ends_at is not None, "one of the two is set, since they differ"
        return [
            CancellationWithdrawn(
                subscription_id=self.id,
                account_id=self.account_id,
                before_ends_at=self.ends_at,
                lease_until=lease_until,
            )
        ]

    def _status(self, truth: ProviderSubscription, now: datetime) -> list[SubscriptionEvent]:
        if truth.status == self.status:
            return []
        return [
            StatusChanged(
                subscription_id=self.id,
                account_id=self.account_id,
                before=self.status,
                after=truth.status,
                changed_at=_changed_at(truth, now),
            )
        ]

    def _grace(self, truth: ProviderSubscription, policy: BillingPolicy, now: datetime) -> list[SubscriptionEvent]:
        """Anchored at the first failure, never at now: a retry or a redelivery does not lengthen it.

        Another anchor than the known one is the failure of another payment: what was owed before has been settled.
        """
        since = truth.failing_since or self.grace_since or now
        if truth.status != "past_due" or since == self.grace_since:
            return []
        return [
            GraceStarted(subscription_id=self.id, account_id=self.account_id, since=since, until=since + policy.grace)
        ]

    def _collection(self, truth: ProviderSubscription, policy: BillingPolicy) -> list[SubscriptionEvent]:
        if truth.collection_paused == self.collection_paused:
            return []
        if truth.collection_paused:
            return [
                CollectionPaused(
                    subscription_id=self.id,
                    account_id=self.account_id,
                    grants_access=policy.pause_collection_grants,
                )
            ]
        return [CollectionResumed(subscription_id=self.id, account_id=self.account_id)]

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
            case GraceStarted():
                return replace(state, grace_since=fact.since)
            case CancellationRequested():
                return state
            case CancellationScheduled():
                return replace(state, ends_at=fact.ends_at)
            case CancellationWithdrawn():
                return replace(state, ends_at=None)
            case CollectionPaused():
                return replace(state, collection_paused=True)
            case CollectionResumed():
                return replace(state, collection_paused=False)
            case SubscriptionEnded():
                return replace(state, status=fact.status, ended_at=fact.ended_at)
            case _:
                assert_never(fact)


def _changed_at(truth: ProviderSubscription, now: datetime) -> datetime:
    """A debt began when the payment failed; of anything else we know when we heard of it."""
    return truth.failing_since or now if truth.status == "past_due" else now


def _first_seen(
    truth: ProviderSubscription, subscription_id: UUID, account_id: UUID, policy: BillingPolicy
) -> SubscriptionStarted:
    return SubscriptionStarted(
        subscription_id=subscription_id,
        account_id=account_id,
        provider=truth.provider,
        provider_reference=truth.reference,
        customer_id=truth.customer_id,
        plan=truth.plan,
        price_id=truth.price_id,
        status=truth.status,
        started_at=truth.started_at,
        period_start=truth.period_start,
        period_end=truth.period_end,
        trial_end=truth.trial_end,
        ends_at=truth.ends_at,
        lease_until=policy.lease_until(period_end=truth.period_end, ends_at=truth.ends_at),
    )
