"""Two live subscriptions of one account to one plan: nobody wants to pay for the same twice."""

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from uuid import UUID

from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import DuplicateFound
from domain.subscription.subscription import Subscription

Giving = AbstractSet[tuple[UUID, UUID]]
"""Which subscriptions give access now, and by which of the plans that they sell."""

NOBODY_GIVES: Giving = frozenset()


def duplicates(
    subscriptions: Iterable[Subscription],
    *,
    first_seen: Collection[UUID] = (),
    giving: Giving = NOBODY_GIVES,
    refund: bool,
) -> list[DuplicateFound]:
    """The younger ones, each found once, and beside the oldest.

    Two that renew and sell the same plan, be it beside another one. Another plan beside the first one may be wanted,
    and one whose end is announced will not be paid for again: neither is a mistake. Of two that began in one second the
    one on trial is younger, else the greater reference, in whichever order they are told. One that is over when it is
    `first_seen` was live beside the older one, and is told of as well; what was paid for it is left to people.
    """
    known = list(subscriptions)
    renewing = {one.id for one in known if one.renews}
    kept: dict[UUID, Subscription] = {}
    found: list[DuplicateFound] = []
    for one in sorted(known, key=lambda it: (it.started_at, it.status == "trialing", it.provider_reference)):
        missed = one.id in first_seen and one.status == "canceled"
        if not (one.renews or missed):
            continue
        twice = [(plan, kept[plan.plan_id]) for plan in one.plans if plan.plan_id in kept]
        if not missed:
            kept = {plan.plan_id: one for plan in one.plans} | kept
        if twice and one.duplicate_of not in renewing:
            plan, older = twice[0]
            found.append(_found(one, plan, older, refund=refund and one.renews and may_go(one, plan, older.id, giving)))
    return found


def _found(one: Subscription, plan: PlanTerms, older: Subscription, *, refund: bool) -> DuplicateFound:
    return DuplicateFound(
        subscription_id=one.id, account_id=one.account_id, of_subscription_id=older.id, plan=plan, refund=refund
    )


def may_go(younger: Subscription, plan: PlanTerms, older_id: UUID, giving: Giving) -> bool:
    """Whether nothing is lost with the younger one: the older gives what it is paid for, and nothing is sold beside."""
    return (older_id, plan.plan_id) in giving and not younger.further
