"""All that one account's facts say about its access: the one row that playback reads."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.access.beside import Further, now_sold
from domain.access.by_hand import Block, Grant, follow_block, follow_grant
from domain.access.deciding import Deciding, deciding
from domain.access.gives import gives
from domain.access.prepaid import PREPAID_FACTS, PrepaidTerm, with_purchase
from domain.access.went_back import WentBack, moved
from domain.account.account import (
    AccountDisabled,
    AccountEnabled,
    AccountRegistered,
    AccountRegisteredByPhone,
    Role,
    RoleChanged,
)
from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, ByHand, GrantWithdrawn
from domain.account.erasure import ErasureRequested
from domain.account.sign_ins import PasswordChanged
from domain.facts import AnyFact
from domain.payment.payment import PaymentActionRequired, PaymentFailed, PaymentSucceeded, PaymentWithdrawn
from domain.shared.fact import AccountFact
from domain.shared.identity import derived_id
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    FurtherItemsChanged,
    GraceStarted,
    ItemRestored,
    ItemRevoked,
    PlanChanged,
    PlanDropped,
    RevokedFor,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.subscription.revocations import carried, exchanged, exchanged_first

TermChange = (
    StatusChanged
    | SubscriptionRenewed
    | PlanChanged
    | PlanDropped
    | FurtherItemsChanged
    | GraceStarted
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

TERM_CHANGES: tuple[type[TermChange], ...] = get_args(TermChange)

STANDING_FACTS: tuple[type[AccountFact], ...] = (
    AccountRegistered,
    AccountRegisteredByPhone,
    PasswordChanged,
    RoleChanged,
    AccountDisabled,
    AccountEnabled,
    ErasureRequested,
    *get_args(ByHand),
    SubscriptionStarted,
    PaymentActionRequired,
    PaymentFailed,
    PaymentSucceeded,
    PaymentWithdrawn,
    *PREPAID_FACTS,
    *TERM_CHANGES,
)
"""The facts that a standing is made of."""

Aspect = Literal[
    "start",
    "period",
    "status",
    "grace",
    "plan",
    "further",
    "cancellation",
    "collection",
    "money",
    "end",
    "account",
]


class Term(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subscription, as far as access is concerned; times are business time in UTC."""

    subscription_id: UUID
    price_id: str
    plan_id: UUID
    plan_name: str
    features: tuple[str, ...]
    stream_limit: int | None = None
    max_height: int | None = None
    plan_dropped: bool = False
    """It sells nothing that is a plan's any more."""
    status: str
    started_at: datetime
    period_end: datetime
    trial_end: datetime | None = None
    lease_until: datetime
    ends_at: datetime | None = None
    grace_since: datetime | None = None
    grace_until: datetime | None = None
    next_attempt_at: datetime | None = None
    """When the provider tries again to collect what is owed."""
    owed_since: datetime | None = None
    """When we heard first that a payment failed that is asked for still."""
    action_url: str | None = None
    """The provider's page on which it can be paid."""
    collection_denies: bool = False
    went_back: dict[str, WentBack] = {}
    """The money, by the prices of what it paid for; also of what is not sold any more."""
    further: tuple[Further, ...] = ()
    ended_at: datetime | None = None
    final_status: str | None = None
    facts: dict[Aspect, Deciding] = {}
    """The newest fact on each aspect; but those on money, which are in `went_back`."""

    @property
    def revoked(self) -> RevokedFor | None:
        """Why the plan gives no access, where the money for it went back."""
        back = self.went_back.get(self.price_id)
        return back.revoked if back else None

    @property
    def prices(self) -> list[str]:
        """At which it sells: the plan, and what is beside that."""
        return [self.price_id, *(further.price_id for further in self.further)]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One account: its role, its terms and purchases, what was given and taken by hand, whether it is disabled."""

    account_id: UUID
    role: Role = "viewer"
    sign_in_epoch: int = 0
    """How often all sign-ins of the account were ended; one that was opened at an earlier count is over."""
    terms: dict[str, Term] = {}
    prepaid: dict[str, PrepaidTerm] = {}
    disabled: Deciding | None = None
    grants: dict[str, Grant] = {}
    blocks: dict[str, Block] = {}
    """Both by their ids; some of them may be over."""


def follow(standing: Standing | None, fact: AccountFact) -> Standing | None:
    """The standing after one more fact; facts that do not touch access change nothing."""
    if isinstance(fact, AccountRegistered | AccountRegisteredByPhone):
        return Standing(account_id=fact.account_id, role=fact.role)
    if standing is None:
        return None
    match fact:
        case RoleChanged():
            return replace(standing, role=fact.after)
        case AccountDisabled() | ErasureRequested():
            return replace(standing, disabled=deciding(fact), sign_in_epoch=standing.sign_in_epoch + 1)
        case PasswordChanged():
            return replace(standing, sign_in_epoch=standing.sign_in_epoch + 1)
        case AccountEnabled():
            return replace(standing, disabled=None)
        case AccessGranted() | GrantWithdrawn():
            return replace(standing, grants=follow_grant(standing.grants, fact))
        case BlockPlaced() | BlockLifted():
            return replace(standing, blocks=follow_block(standing.blocks, fact))
        case SubscriptionStarted():
            return _with(standing, _started(fact))
        case PaymentFailed() | PaymentActionRequired() | PaymentSucceeded() | PaymentWithdrawn():
            return _paid_for(standing, fact)
        case _ if isinstance(fact, TERM_CHANGES):
            subscription = str(fact.subscription_id)
            changed = _changed(standing.terms[subscription], fact)
            return replace(standing, terms={**standing.terms, subscription: changed})
        case _ if isinstance(fact, PREPAID_FACTS):
            return replace(standing, prepaid=with_purchase(standing.prepaid, fact))
        case _:
            return standing


def _with(standing: Standing, term: Term) -> Standing:
    return replace(standing, terms={**standing.terms, str(term.subscription_id): term})


def _started(fact: SubscriptionStarted) -> Term:
    return Term(
        subscription_id=fact.subscription_id,
        price_id=fact.price_id,
        **gives(fact.plan),
        status=fact.status,
        started_at=fact.started_at,
        period_end=fact.period_end,
        trial_end=fact.trial_end,
        lease_until=fact.lease_until,
        ends_at=fact.ends_at,
        facts={"start": deciding(fact)},
    )


def _paid_for(
    standing: Standing, fact: PaymentFailed | PaymentActionRequired | PaymentSucceeded | PaymentWithdrawn
) -> Standing:
    """When the provider tries again and where it can be paid, for as long as the payment is owed."""
    subscription = str(derived_id("subscription", fact.provider, fact.subscription_reference))
    if (term := standing.terms.get(subscription)) is None:
        return standing
    if isinstance(fact, PaymentSucceeded | PaymentWithdrawn):
        return _with(standing, replace(term, next_attempt_at=None, owed_since=None, action_url=None))
    again = fact.next_attempt_at if isinstance(fact, PaymentFailed) else term.next_attempt_at
    owed_since = term.owed_since or fact.recorded_at
    return _with(standing, replace(term, next_attempt_at=again, owed_since=owed_since, action_url=fact.action_url))


def _changed(term: Term, fact: TermChange) -> Term:
    match fact:
        case StatusChanged():
            return _noted(_in_status(term, fact.after), "status", fact)
        case SubscriptionRenewed():
            paid = replace(term, period_end=fact.period_end, trial_end=fact.trial_end, lease_until=fact.lease_until)
            return _noted(paid, "period", fact)
        case PlanChanged():
            return _noted(_on_plan(term, fact), "plan", fact)
        case PlanDropped():
            return _noted(replace(_moved_to(term, fact.price_id), plan_dropped=True), "plan", fact)
        case FurtherItemsChanged():
            return _noted(_selling(term, now_sold(fact.after)), "further", fact)
        case GraceStarted():
            # Past due it is already, but for who looks back at a failure that was heard of late.
            failing = replace(term, status="past_due", grace_since=fact.since, grace_until=fact.until)
            return _noted(failing, "grace", fact)
        case CancellationScheduled():
            return _noted(replace(term, ends_at=fact.ends_at, lease_until=fact.lease_until), "cancellation", fact)
        case CancellationWithdrawn():
            return _noted(replace(term, ends_at=None, lease_until=fact.lease_until), "cancellation", fact)
        case AccessRevoked() | AccessRestored() | ItemRevoked() | ItemRestored():
            return replace(term, went_back=term.went_back | moved(fact, term.prices))
        case CollectionPaused():
            return _noted(replace(term, collection_denies=not fact.grants_access), "collection", fact)
        case CollectionResumed():
            return _noted(replace(term, collection_denies=False), "collection", fact)
        case SubscriptionEnded():
            # The status before the end stays, so that a moment before the end can be judged with hindsight.
            return _noted(replace(term, ended_at=fact.ended_at, final_status=fact.status), "end", fact)
        case SubscriptionFoundAgain():
            facts = {aspect: one for aspect, one in term.facts.items() if aspect != "end"}
            return _noted(replace(term, ended_at=None, final_status=None, facts=facts), "status", fact)


def _in_status(term: Term, status: str) -> Term:
    """A grace belongs to its failure: with the failure over, it decides nothing any more."""
    if status == "past_due":
        return replace(term, status=status)
    facts = {aspect: fact for aspect, fact in term.facts.items() if aspect != "grace"}
    return replace(term, status=status, grace_since=None, grace_until=None, facts=facts)


def _on_plan(term: Term, fact: PlanChanged) -> Term:
    return replace(_moved_to(term, fact.after_price_id), **gives(fact.after), plan_dropped=False)


def _moved_to(term: Term, price_id: str) -> Term:
    exchanges = exchanged_first(term.price_id, price_id, term.prices[1:])
    return replace(term, price_id=price_id, went_back=carried(term.went_back, exchanges))


def _selling(term: Term, further: tuple[Further, ...]) -> Term:
    before = [price_id for price_id in term.prices[1:] if price_id != term.price_id]
    exchanges = exchanged(before, [item.price_id for item in further])
    return replace(term, further=further, went_back=carried(term.went_back, exchanges))


def _noted(term: Term, aspect: Aspect, fact: AnyFact) -> Term:
    return replace(term, facts={**term.facts, aspect: deciding(fact)})
