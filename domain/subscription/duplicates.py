"""Two live subscriptions of one account to one plan: nobody wants to pay for the same twice."""

from collections.abc import Collection, Iterable
from uuid import UUID

from domain.subscription.facts import DuplicateFound
from domain.subscription.subscription import Subscription


def duplicates(
    subscriptions: Iterable[Subscription], *, first_seen: Collection[UUID] = (), refund: bool
) -> list[DuplicateFound]:
    """The younger ones, each found once, and beside the oldest.

    Two that renew to the same plan. Another plan beside the first one may be wanted, and one whose end is announced
    will not be paid for again: neither is a mistake. Of two that began in one second the one on trial is younger, else
    the greater reference, in whichever order they are told. One that is over when it is `first_seen` was live beside
    the older one, and is told of as well; what was paid for it is left to people.
    """
    known = list(subscriptions)
    renewing = {one.id for one in known if one.renews}
    kept: dict[UUID, Subscription] = {}
    found: list[DuplicateFound] = []
    for one in sorted(known, key=lambda it: (it.started_at, it.status == "trialing", it.provider_reference)):
        missed = one.id in first_seen and one.status == "canceled"
        if one.duplicate_of in renewing or not (one.renews or missed):
            continue
        older = kept.get(one.plan.plan_id) if missed else kept.setdefault(one.plan.plan_id, one)
        if older is not None and older is not one:
            found.append(
                DuplicateFound(
                    subscription_id=one.id,
                    account_id=one.account_id,
                    of_subscription_id=older.id,
                    plan=one.plan,
                    refund=refund and one.renews and may_go(one, older),
                )
            )
    return found


def may_go(younger: Subscription, older: Subscription) -> bool:
    """Whether nothing is lost with the younger one: the older gives what it is paid for, and nothing is sold beside."""
    return older.ended_at is None and older.revoked is None and not younger.further
