"""Money that went back takes the access that it had paid for, by the policy; here again, it gives it back.

It takes that of one item. Which item it was is known by its price: an item that comes to be the first, or ceases to be,
keeps its own; one that is sold at another price takes it along.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict, TypeVar
from uuid import UUID

from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import AccessRestored, AccessRevoked, ItemRestored, ItemRevoked, RevokedFor
from domain.subscription.truth import BillingPolicy, MoneyBack

T = TypeVar("T")

Revocation = AccessRevoked | AccessRestored | ItemRevoked | ItemRestored

Exchange = tuple[str, str]
"""The prices of one item, before and after."""


def exchanged_first(before: str, after: str, beside: Collection[str]) -> list[Exchange]:
    """Whether the plan's item is sold at another price; none where another item, that was sold beside, is the first."""
    return [] if after in beside else exchanged([before], [after])


def exchanged(before: Sequence[str], after: Sequence[str]) -> list[Exchange]:
    """The items that are sold at another price: they stay in their places, and what is new comes last."""
    if len(before) != len(after):
        return []
    pairs = zip(before, after, strict=True)
    return [(was, now) for was, now in pairs if was not in after and now not in before]


def carried(known: Mapping[str, T], exchanges: Iterable[Exchange]) -> dict[str, T]:
    """What is known of the money, by prices, after items were sold at others.

    Of a price that is not sold any more it stays known: it may be sold again, and nothing be paid for that.
    """
    after = {**known}
    for was, now in exchanges:
        after.pop(now, None)
        if was in known:
            after[now] = known[was]
    return after


class Named(TypedDict):
    """What every fact about a subscription says of it."""

    subscription_id: UUID
    account_id: UUID


class Item(NamedTuple):
    """One of the things that a subscription sells; `before` says why it has given no access until now, if so."""

    price_id: str
    plan: PlanTerms
    money_back: Sequence[MoneyBack] | None
    before: RevokedFor | None


def revocations(named: Named, items: Sequence[Item], policy: BillingPolicy, now: datetime) -> Iterator[Revocation]:
    """What is new: of the subscription where it sells one thing, else item by item; of what is not known nothing."""
    for item in items:
        taking = next((back for back in item.money_back or () if policy.revokes(back)), None)
        if item.money_back is None or (taking and taking.why) == item.before:
            continue
        if len(items) == 1:
            yield _of_all(named, taking, item.before, now)
        else:
            yield _of_one(named, item, taking, now)


def _of_all(
    named: Named, taking: MoneyBack | None, before: RevokedFor | None, now: datetime
) -> AccessRevoked | AccessRestored:
    if taking is not None:
        reference = taking.payment_reference
        return AccessRevoked(**named, why=taking.why, payment_reference=reference, since=taking.since)
    assert before is not None, "one of the two is set, since they differ"
    return AccessRestored(**named, before=before, since=now)


def _of_one(named: Named, item: Item, taking: MoneyBack | None, now: datetime) -> ItemRevoked | ItemRestored:
    if taking is not None:
        return ItemRevoked(
            **named,
            price_id=item.price_id,
            plan=item.plan,
            why=taking.why,
            payment_reference=taking.payment_reference,
            since=taking.since,
        )
    assert item.before is not None, "one of the two is set, since they differ"
    return ItemRestored(**named, price_id=item.price_id, plan=item.plan, before=item.before, since=now)
