"""Money that went back stays with what it had paid for while no more is heard of it: whatever comes, goes or moves."""

from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.access.access import ANY_PLAN, decide
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import SubscriptionEvent
from domain.subscription.subscription import Subscription
from domain.subscription.truth import MoneyBack, ProviderSubscription, SoldItem
from tests.domain.annas_subscription import observed, paid
from tests.domain.records import standing_after
from tests.people import COOKING, MONDAY, NEXT_MONTH, days
from tests.scenario import folded

THINGS = "abcd"
BACK = (MoneyBack(how="refunded", payment_reference="in_march", since=MONDAY),)

Sold = tuple[str, ...]


def plan(thing: str) -> PlanTerms:
    return replace(COOKING, plan_id=UUID(int=ord(thing)), name=thing, features=(thing,))


def price(thing: str) -> str:
    return f"price_{thing}"


def selling(things: Sold, known: Subscription | None, refunded: frozenset[str] | None = None) -> ProviderSubscription:
    """These; the one that is known stays the first. `refunded` None: where the money is, is not known."""
    first, *beside = sorted(things, key=lambda thing: known is None or price(thing) != known.price_id)
    money = {thing: None if refunded is None else BACK if thing in refunded else () for thing in things}
    return replace(
        paid,
        plan=plan(first),
        price_id=price(first),
        money_back=money[first],
        further=tuple(
            SoldItem(price_id=price(one), plan=plan(one), period_end=NEXT_MONTH, money_back=money[one])
            for one in beside
        ),
    )


def heard(
    facts: list[SubscriptionEvent], things: Sold, refunded: frozenset[str] | None = None
) -> list[SubscriptionEvent]:
    known = folded(Subscription, *facts) if facts else None
    return observed(selling(things, known, refunded))(known)


def given_by(facts: list[SubscriptionEvent]) -> set[str]:
    return set(decide(standing_after(*facts), ANY_PLAN, MONDAY + days(1)).features)


def in_steps(steps: list[Sold]) -> Iterator[Sold]:
    """Where something comes as another goes, it comes first: at once it would be an exchange."""
    yield steps[0]
    for before, after in pairwise(steps):
        if set(before) - set(after) and set(after) - set(before):
            yield (*before, *(thing for thing in after if thing not in before))
        yield after


some_things = st.permutations(THINGS).flatmap(lambda them: st.integers(1, 4).map(lambda count: tuple(them[:count])))


@settings(max_examples=100, deadline=None)
@given(st.permutations(THINGS).map(tuple), st.frozensets(st.sampled_from(THINGS)), st.lists(some_things, max_size=6))
def test_whatever_is_sold_gives_access_unless_its_own_money_went_back(
    at_first: Sold, refunded: frozenset[str], later: list[Sold]
) -> None:
    facts: list[SubscriptionEvent] = heard([], at_first, refunded)
    for things in in_steps([at_first, *later]):
        facts += heard(facts, things)

        assert given_by(facts) == set(things) - refunded
        assert heard(facts, things, refunded) == [], "and so it is, as the provider's answer says afterwards"


# What is sold at another price is the same thing.


@pytest.mark.parametrize("refunded", [frozenset("a"), frozenset("b"), frozenset("ab"), frozenset[str]()])
@pytest.mark.parametrize(("before", "after"), [("ab", "cb"), ("ab", "ac"), ("abd", "adc"), ("abd", "acd")])
def test_an_item_at_another_price_is_the_item_that_it_was(before: str, after: str, refunded: frozenset[str]) -> None:
    """Where as many are left, and one stands where another stood: else one is gone, and another has come."""
    facts = heard([], tuple(before), refunded)

    facts += heard(facts, tuple(after))

    stood = dict(zip(after, before, strict=True))
    same = {thing: thing if thing in before or stood[thing] in after else stood[thing] for thing in after}
    assert given_by(facts) == {thing for thing in after if same[thing] not in refunded}
