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


REFUNDED = [frozenset("a"), frozenset("b"), frozenset("ab"), frozenset[str]()]


@pytest.mark.parametrize("refunded", REFUNDED)
@pytest.mark.parametrize(
    ("before", "after", "was"),
    [
        pytest.param("a", "c", "a", id="the only one"),
        pytest.param("ab", "cb", "ab", id="the plan's"),
        pytest.param("ab", "ac", "ab", id="that beside it"),
        pytest.param("abd", "acd", "abd", id="the second of three"),
        pytest.param("abd", "adc", "ad-", id="none, since what comes new comes last"),
        pytest.param("adb", "dc", "db", id="the last, as the first goes"),
    ],
)
def test_an_item_at_another_price_is_the_item_that_it_was(
    before: str, after: str, was: str, refunded: frozenset[str]
) -> None:
    known = heard([], tuple(before), refunded)
    refunded_now = frozenset(now for now, then in zip(after, was, strict=True) if then in refunded)

    facts = known + heard(known, tuple(after))

    assert given_by(facts) == set(after) - refunded_now
    assert heard(facts, tuple(after), refunded_now) == []
    at_once = heard(known, tuple(after), refunded_now)
    assert at_once == facts[len(known) :], "of money there is no news"


def test_at_a_price_that_another_was_refunded_at_it_is_still_what_it_was() -> None:
    facts = heard([], ("a", "b"), frozenset("b"))
    for things in [("a",), ("b",)]:
        facts += heard(facts, things)

    assert given_by(facts) == {"b"}
    assert heard(facts, ("b",), frozenset()) == []


@pytest.mark.parametrize(("refunded", "expected"), [(frozenset("a"), set[str]()), (frozenset[str](), {"a"})])
def test_what_was_no_plan_for_a_while_is_as_refunded_as_it_was(refunded: frozenset[str], expected: set[str]) -> None:
    facts = heard([], ("a",), refunded)
    no_plan = replace(selling(("a",), None), price_id="price_of_mugs", sells_no_plan=True)
    facts += observed(no_plan)(folded(Subscription, *facts))
    assert given_by(facts) == set()

    facts += heard(facts, ("a",))

    assert given_by(facts) == expected
    assert heard(facts, ("a",), refunded) == []
