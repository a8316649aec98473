"""A subscription: one at the provider, one here; its facts are the differences that were seen."""

from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from typing import Literal, Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from domain.shared.fact import Refusal
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.changing import ChangeUnderWay, PaymentsPaused, is_billed_now, refuse_change
from domain.subscription.differences import Known, first_seen
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    DuplicateFound,
    FurtherItem,
    FurtherItemsChanged,
    GraceStarted,
    ItemRestored,
    ItemRevoked,
    PlanChanged,
    PlanChangeRequested,
    PlanDropped,
    RequestDropped,
    ResumptionRequested,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.revocations import Revocation, carried, exchanged, exchanged_first
from domain.subscription.truth import PAID, BillingPolicy, ProviderSubscription

RENEWING = PAID | {"past_due"}


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
        begun: list[SubscriptionEvent] = []
        if state is None:
            begun.append(first_seen(truth, subscription_id, account_id, policy))
        known = state or cls.evolve(None, begun[0])
        changes = known.differences(truth, policy, now)
        then = reduce(Subscription.evolve, changes, known)
        return [*begun, *changes, *then.money_back(truth, policy, now)]

    @property
    def renews(self) -> bool:
        """Money is asked for again at the end of the period, and for a plan of ours."""
        lives = self.ended_at is None and self.status in RENEWING
        return lives and self.ends_at is None and not self.plan_dropped

    def request_cancellation(self, *, at_period_end: bool, idempotency_key: str) -> list[SubscriptionEvent]:
        self._refuse_when_over()
        is_so = at_period_end and self.ends_with_period and self.wish != "go_on"
        if idempotency_key in self.requested or is_so:
            return []
        return [
            CancellationRequested(
                subscription_id=self.id,
                account_id=self.account_id,
                at_period_end=at_period_end,
                idempotency_key=idempotency_key,
            )
        ]

    def request_resumption(self, *, idempotency_key: str, carried_out: str | None = None) -> list[SubscriptionEvent]:
        """Nothing where it goes on already, and nothing else was asked for; nor while that was asked for before.

        Raises SubscriptionOver; PaymentsPaused where nothing else keeps it from giving access.

        `carried_out` is the key of what was asked for last, where the provider has been told: then it may be again.
        """
        self._refuse_when_over()
        if idempotency_key in self.requested:
            return []
        if self.ends_at is None and self.status != "paused" and self.wish != "end":
            if self.collection_denies:
                raise PaymentsPaused("Payments for this subscription are paused: it gives access when they go on.")
            return []
        if self.wish == "go_on" and self.wished_by != carried_out:
            return []
        return [
            ResumptionRequested(subscription_id=self.id, account_id=self.account_id, idempotency_key=idempotency_key)
        ]

    def request_change(
        self,
        *,
        plan: PlanTerms,
        price_id: str,
        prices: Mapping[str, Money],
        idempotency_key: str,
        carried_out: str | None = None,
    ) -> list[SubscriptionEvent]:
        """Raises SubscriptionOver, ChangeUnderWay, and as `refuse_change`.

        `prices` are those at which the plan that it is to is or was sold, by their ids; `carried_out` is the key of the
        change that was asked for last, where nobody waits for what comes of it.
        """
        self._refuse_when_over()
        if idempotency_key in self.requested:
            return []
        if self.change_asked not in {None, carried_out}:
            raise ChangeUnderWay("Another change of the plan is under way: try again when it is done.")
        refuse_change(self, plan)
        return [
            PlanChangeRequested(
                subscription_id=self.id,
                account_id=self.account_id,
                before=self.plan,
                after=plan,
                before_price_id=self.price_id,
                after_price_id=price_id,
                upgrade=is_billed_now(self, plan, prices.get(self.price_id)),
                idempotency_key=idempotency_key,
            )
        ]

    def drop_request(self, *, idempotency_key: str, reason: str) -> list[SubscriptionEvent]:
        return [
            RequestDropped(
                subscription_id=self.id, account_id=self.account_id, idempotency_key=idempotency_key, reason=reason
            )
        ]

    def after_asking(self, fact: CancellationRequested | ResumptionRequested | PlanChangeRequested) -> "Subscription":
        """It was asked for; whether it is so is for the provider to say."""
        requested = self.requested | {fact.idempotency_key}
        if isinstance(fact, PlanChangeRequested):
            return replace(self, requested=requested, change_asked=fact.idempotency_key)
        wish: Literal["end", "go_on"] = "end" if isinstance(fact, CancellationRequested) else "go_on"
        return replace(self, requested=requested, wish=wish, wished_by=fact.idempotency_key)

    def after_moving_to(self, price_id: str) -> "Subscription":
        """The plan's item at another price, or another item in its place, with what is known of the money for that."""
        exchanges = exchanged_first(self.price_id, price_id, self.prices[1:])
        return replace(self, price_id=price_id, revoked_for=carried(self.revoked_for, exchanges))

    def after_selling(self, further: tuple[FurtherItem, ...]) -> "Subscription":
        before = [price_id for price_id in self.prices[1:] if price_id != self.price_id]
        exchanges = exchanged(before, [item.price_id for item in further])
        return replace(self, further=further, revoked_for=carried(self.revoked_for, exchanges))

    def after_money_moved(self, fact: Revocation) -> "Subscription":
        """Of one thing that is sold, or of all that are."""
        concerned = [fact.price_id] if isinstance(fact, ItemRevoked | ItemRestored) else self.prices
        others = {price_id: why for price_id, why in self.revoked_for.items() if price_id not in concerned}
        if isinstance(fact, AccessRevoked | ItemRevoked):
            return replace(self, revoked_for=others | dict.fromkeys(concerned, fact.why))
        return replace(self, revoked_for=others)

    def _refuse_when_over(self) -> None:
        if self.ended_at is not None:
            raise SubscriptionOver("This subscription has ended.")

    @classmethod
    def _as_started(cls, fact: SubscriptionStarted) -> Self:
        return cls(
            id=fact.subscription_id,
            account_id=fact.account_id,
            provider=fact.provider,
            provider_reference=fact.provider_reference,
            customer_id=fact.customer_id,
            plan=fact.plan,
            price_id=fact.price_id,
            status=fact.status,
            started_at=fact.started_at,
            period_end=fact.period_end,
            ends_at=fact.ends_at,
        )

    @classmethod
    def evolve(cls, state: Self | None, fact: SubscriptionEvent) -> "Subscription":
        if isinstance(fact, SubscriptionStarted):
            return cls._as_started(fact)
        assert state is not None, "a subscription starts first"
        match fact:
            case StatusChanged():
                grace_since = state.grace_since if fact.after == "past_due" else None
                return replace(state, status=fact.after, grace_since=grace_since)
            case SubscriptionRenewed():
                return replace(state, period_end=fact.period_end)
            case PlanChanged():
                return replace(state.after_moving_to(fact.after_price_id), plan=fact.after, plan_dropped=False)
            case PlanDropped():
                return replace(state.after_moving_to(fact.price_id), plan_dropped=True)
            case FurtherItemsChanged():
                return state.after_selling(fact.after)
            case GraceStarted():
                return replace(state, grace_since=fact.since)
            case CancellationRequested() | ResumptionRequested() | PlanChangeRequested():
                return state.after_asking(fact)
            case RequestDropped():
                return replace(state, wish=None, wished_by=None)
            case DuplicateFound():
                return replace(state, duplicate_of=fact.of_subscription_id)
            case CancellationScheduled():
                return replace(state, ends_at=fact.ends_at, wish=None, wished_by=None)
            case CancellationWithdrawn():
                return replace(state, ends_at=None, wish=None, wished_by=None)
            case AccessRevoked() | AccessRestored() | ItemRevoked() | ItemRestored():
                return state.after_money_moved(fact)
            case CollectionPaused():
                return replace(state, collection_paused=True, collection_denies=not fact.grants_access)
            case CollectionResumed():
                return replace(state, collection_paused=False, collection_denies=False)
            case SubscriptionEnded():
                lost_as = fact.before if fact.lost else None
                return replace(state, status=fact.status, ended_at=fact.ended_at, lost_as=lost_as)
            case SubscriptionFoundAgain():
                return state.after_finding(fact)
            case _:
                assert_never(fact)
