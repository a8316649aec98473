"""How the provider's word on a subscription differs from what the ledger holds of it."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import (
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    FurtherItem,
    FurtherItemsChanged,
    GraceStarted,
    PlanChanged,
    PlanDropped,
    RevokedFor,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.revocations import Item, revocations
from domain.subscription.truth import TERMINAL, BillingPolicy, ProviderSubscription


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger holds of a subscription."""

    id: UUID
    account_id: UUID
    provider: str
    provider_reference: str
    customer_id: str
    """Whose it is at the provider."""
    plan: PlanTerms
    price_id: str
    plan_dropped: bool = False
    """It sells nothing that is a plan's; `plan` is the last one."""
    status: str
    period_end: datetime
    ends_at: datetime | None
    grace_since: datetime | None = None
    collection_paused: bool = False
    collection_denies: bool = False
    """It gives no access while its collection is paused, by the policy of when that was heard of."""
    further: tuple[FurtherItem, ...] = ()
    revoked_for: dict[str, RevokedFor] = {}
    """Why what is sold at a price gives no access, where the money for it went back; also of what was sold before."""
    ended_at: datetime | None = None
    lost_as: str | None = None
    """The status that it had when it was taken to be over, since the provider did not know it any more."""
    started_at: datetime
    duplicate_of: UUID | None = None
    """The older subscription that it was found to double."""
    requested: frozenset[str] = frozenset()
    """The keys of all that was asked of it."""
    wish: Literal["end", "go_on"] | None = None
    """What was asked for last and has not been seen to be so yet."""
    wished_by: str | None = None
    """The key of that."""
    change_asked: str | None = None
    """The key of the change of plan that was asked for last."""

    @property
    def revoked(self) -> RevokedFor | None:
        """Why its plan gives no access, where the money for that went back."""
        return self.revoked_for.get(self.price_id)

    @property
    def prices(self) -> list[str]:
        """At which it sells: its plan, and what is beside that."""
        return [self.price_id, *(item.price_id for item in self.further)]

    @property
    def ends_with_period(self) -> bool:
        """With the period of what is paid the longest, or before; an end that is set for later may come to be that."""
        last = max([self.period_end, *(item.period_end for item in self.further)])
        return self.ends_at is not None and self.ends_at <= last

    @property
    def plans(self) -> list[PlanTerms]:
        """What it sells, in the same order."""
        return [self.plan, *(item.plan for item in self.further)]

    def differences(self, truth: ProviderSubscription, policy: BillingPolicy, now: datetime) -> list[SubscriptionEvent]:
        """The facts that are missing on the ledger, but those of money that went back; none when it is over."""
        if self.ended_at is not None:
            return self._found_again(self.ended_at, truth, policy, now)
        if truth.status in TERMINAL:
            return [self._ended(truth.status, truth.ended_at or now)]
        return [
            *self._plan(truth),
            *self._period(truth, policy),
            *self._further(truth, policy),
            *self._cancellation(truth, policy),
            *self._status(truth, now),
            *self._grace(truth, policy, now),
            *self._collection(truth, policy),
        ]

    def _found_again(
        self, ended_at: datetime, truth: ProviderSubscription, policy: BillingPolicy, now: datetime
    ) -> list[SubscriptionEvent]:
        """What the provider said is over it never takes back; what it did not know for a while may live."""
        if self.lost_as is None or truth.status in TERMINAL:
            return []
        found = SubscriptionFoundAgain(
            subscription_id=self.id, account_id=self.account_id, before_ended_at=ended_at, status=self.lost_as
        )
        return [found, *self.after_finding(found).differences(truth, policy, now)]

    def after_finding(self, fact: SubscriptionFoundAgain) -> Self:
        return replace(self, status=fact.status, ended_at=None, lost_as=None)

    def end_unlisted(self, *, at: datetime, lost: bool) -> list[SubscriptionEvent]:
        """The provider has it no more, with its customer or, `lost`, alone: what was not over is over."""
        return [] if self.ended_at is not None else [self._ended("canceled", at, lost=lost)]

    def _ended(self, status: str, at: datetime, *, lost: bool = False) -> SubscriptionEvent:
        return SubscriptionEnded(
            subscription_id=self.id,
            account_id=self.account_id,
            before=self.status,
            status=status,
            ended_at=at,
            lost=lost,
        )

    def _plan(self, truth: ProviderSubscription) -> list[SubscriptionEvent]:
        if truth.sells_no_plan:
            return self._without_plan(truth)
        if not self.plan_dropped and (truth.price_id, truth.plan) == (self.price_id, self.plan):
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

    def _without_plan(self, truth: ProviderSubscription) -> list[SubscriptionEvent]:
        if self.plan_dropped and truth.price_id == self.price_id:
            return []
        return [
            PlanDropped(
                subscription_id=self.id,
                account_id=self.account_id,
                before=self.plan,
                before_price_id=self.price_id,
                price_id=truth.price_id,
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

    def _further(self, truth: ProviderSubscription, policy: BillingPolicy) -> list[SubscriptionEvent]:
        further = _further_items(truth, policy)
        if further == self.further:
            return []
        return [
            FurtherItemsChanged(subscription_id=self.id, account_id=self.account_id, before=self.further, after=further)
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

    def money_back(self, truth: ProviderSubscription, policy: BillingPolicy, now: datetime) -> list[SubscriptionEvent]:
        """What became of the money for what it sells now, where that is news."""
        if self.ended_at is not None:
            return []
        sold = [(truth.price_id, truth.plan, truth.money_back)]
        sold += [(one.price_id, one.plan, one.money_back) for one in truth.further]
        items = [Item(price_id, plan, back, self.revoked_for.get(price_id)) for price_id, plan, back in sold]
        return [*revocations({"subscription_id": self.id, "account_id": self.account_id}, items, policy, now)]


def first_seen(
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


def _changed_at(truth: ProviderSubscription, now: datetime) -> datetime:
    """A debt began when the payment failed; of anything else we know when we heard of it."""
    return truth.failing_since or now if truth.status == "past_due" else now


def _further_items(truth: ProviderSubscription, policy: BillingPolicy) -> tuple[FurtherItem, ...]:
    return tuple(
        FurtherItem(
            price_id=item.price_id,
            plan=item.plan,
            period_end=item.period_end,
            lease_until=policy.lease_until(period_end=item.period_end, ends_at=truth.ends_at),
        )
        for item in truth.further
    )
