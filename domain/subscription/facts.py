"""What can happen to a subscription, as it is kept for ever."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.shared.fact import AccountFact
from domain.shared.plan_terms import PlanTerms

RevokedFor = Literal["refunded", "disputed"]


class FurtherItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription sells beside its plan, with a period of its own: an addition, or a second plan."""

    price_id: str
    plan: PlanTerms
    period_end: datetime
    lease_until: datetime
    """When what it gives stops if nothing more is heard."""


class SubscriptionFact(AccountFact, frozen=True, kw_only=True):
    """A fact about one subscription of one account."""

    subscription_id: UUID


class SubscriptionStarted(SubscriptionFact, frozen=True, tag="subscription.started"):
    """First seen; whether it gives access is for its status to say."""

    provider: str
    provider_reference: str
    customer_id: str
    plan: PlanTerms
    price_id: str
    status: str
    started_at: datetime
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None
    ends_at: datetime | None
    lease_until: datetime


class StatusChanged(SubscriptionFact, frozen=True, tag="subscription.status_changed"):
    before: str
    after: str
    changed_at: datetime
    """At the latest: the provider does not tell when, so it is when it last spoke of it."""


class SubscriptionRenewed(SubscriptionFact, frozen=True, tag="subscription.renewed"):
    """A new period began; `lease_until` is when access stops if nothing more is heard."""

    period_start: datetime
    period_end: datetime
    before_period_end: datetime
    trial_end: datetime | None
    """A trial may have been made longer: then its end moves with the period's."""
    lease_until: datetime


class PlanDropped(SubscriptionFact, frozen=True, tag="subscription.plan_dropped"):
    """What it sells now belongs to none of our plans, so that it gives nothing; a change of its plan ends that."""

    before: PlanTerms
    before_price_id: str
    price_id: str


class PlanChanged(SubscriptionFact, frozen=True, tag="subscription.plan_changed"):
    """After its plan was dropped it may be the same as before."""

    before: PlanTerms
    after: PlanTerms
    before_price_id: str
    after_price_id: str


class FurtherItemsChanged(SubscriptionFact, frozen=True, tag="subscription.further_items_changed"):
    """Something was added to the subscription or taken out of it, or a new period of it began."""

    before: tuple[FurtherItem, ...]
    after: tuple[FurtherItem, ...]


class GraceStarted(SubscriptionFact, frozen=True, tag="subscription.grace_started"):
    """A renewal failed; access goes on until `until`, counted from the first failure."""

    since: datetime
    until: datetime


class CancellationRequested(SubscriptionFact, frozen=True, tag="subscription.cancellation_requested"):
    """The intent, before the provider is asked; done twice, it happens once."""

    at_period_end: bool
    idempotency_key: str


class ResumptionRequested(SubscriptionFact, frozen=True, tag="subscription.resumption_requested"):
    """The intent to take a cancellation back, or to go on after a pause."""

    idempotency_key: str


class PlanChangeRequested(SubscriptionFact, frozen=True, tag="subscription.plan_change_requested"):
    """The intent; an upgrade counts once its difference is paid, a downgrade at once, with credit for what comes."""

    before: PlanTerms
    after: PlanTerms
    before_price_id: str
    after_price_id: str
    upgrade: bool
    idempotency_key: str


class RequestDropped(SubscriptionFact, frozen=True, tag="subscription.request_dropped"):
    """Nothing comes of the intent with this key: the provider refused it, or too much time has passed."""

    idempotency_key: str
    reason: str


class DuplicateFound(SubscriptionFact, frozen=True, tag="subscription.duplicate_found"):
    """Beside an older subscription of the same account to the same plan, which is paid as well."""

    of_subscription_id: UUID
    plan: PlanTerms
    refund: bool
    """Whether the policy of that moment was to cancel it and to give its money back."""


class CancellationScheduled(SubscriptionFact, frozen=True, tag="subscription.cancellation_scheduled"):
    before_ends_at: datetime | None
    ends_at: datetime
    lease_until: datetime


class CancellationWithdrawn(SubscriptionFact, frozen=True, tag="subscription.cancellation_withdrawn"):
    before_ends_at: datetime
    lease_until: datetime


class AccessRevoked(SubscriptionFact, frozen=True, tag="subscription.access_revoked"):
    """What was paid for the current period went back, or may: by the policy none of what it sells then gives access."""

    why: RevokedFor
    payment_reference: str
    """The provider's id of the payment."""
    since: datetime


class AccessRestored(SubscriptionFact, frozen=True, tag="subscription.access_restored"):
    """The refund failed, the dispute was won, or another period has been paid for: all that it sells gives access."""

    before: RevokedFor
    since: datetime


class ItemRevoked(SubscriptionFact, frozen=True, tag="subscription.item_revoked"):
    """As `AccessRevoked`, of one of several things that it sells: its plan, or something beside it."""

    price_id: str
    plan: PlanTerms
    why: RevokedFor
    payment_reference: str
    since: datetime


class ItemRestored(SubscriptionFact, frozen=True, tag="subscription.item_restored"):
    """As `AccessRestored`, of one of several things that it sells."""

    price_id: str
    plan: PlanTerms
    before: RevokedFor
    since: datetime


class CollectionPaused(SubscriptionFact, frozen=True, tag="subscription.collection_paused"):
    """The provider stopped collecting money; `grants_access` is what the policy said of it then."""

    grants_access: bool


class CollectionResumed(SubscriptionFact, frozen=True, tag="subscription.collection_resumed"):
    pass


class SubscriptionEnded(SubscriptionFact, frozen=True, omit_defaults=True, tag="subscription.ended"):
    """For good, unless it was `lost`; a viewer who comes back starts another."""

    before: str
    status: str
    ended_at: datetime
    lost: bool = False
    """The provider did not say so: it did not know the subscription any more."""


class SubscriptionFoundAgain(SubscriptionFact, frozen=True, tag="subscription.found_again"):
    """The provider knows it after all, and it lives: the end that was recorded when it was lost was none."""

    before_ended_at: datetime
    status: str
    """That in which it was lost; what has changed since is told by facts of its own."""


SubscriptionEvent = (
    SubscriptionStarted
    | StatusChanged
    | SubscriptionRenewed
    | PlanChanged
    | PlanDropped
    | FurtherItemsChanged
    | GraceStarted
    | CancellationRequested
    | ResumptionRequested
    | PlanChangeRequested
    | RequestDropped
    | DuplicateFound
    | CancellationScheduled
    | CancellationWithdrawn
    | AccessRevoked
    | AccessRestored
    | ItemRevoked
    | ItemRestored
    | CollectionPaused
    | CollectionResumed
    | SubscriptionEnded
    | SubscriptionFoundAgain
)
