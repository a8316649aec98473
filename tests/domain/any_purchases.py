"""Any purchases of Anna's for a number of days, and what they give by the rules alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.prepaid.facts import PrepaidEvent
from domain.prepaid.prepaid import PaidPurchase, Prepaid, Revocation
from domain.shared.fact import AccountFact
from tests.domain.annas_purchases import THIRTY_DAYS, paid_for
from tests.domain.annas_subscription import CINEMA
from tests.people import ANNA, MONDAY, days

Purchases = Mapping[UUID, PaidPurchase]
"""The last word on each, the first one heard of first."""

WINDOW = days(30)
PLANS = [THIRTY_DAYS, replace(CINEMA, interval="once")]

purchases = st.builds(
    paid_for,
    st.integers(1, 3),
    lasting=st.sampled_from([2, 30, 45]),
    plan=st.sampled_from(PLANS),
    revoked=st.none() | st.none() | st.builds(Revocation, st.sampled_from(["refunded", "disputed"]), st.just(MONDAY)),
)


def with_word(known: Purchases, word: PaidPurchase, now: datetime) -> Purchases:
    """What was said first of when it was paid, for how long and of which plan stays."""
    first = known.get(word.purchase_id) or replace(word, paid_at=now)
    return {**known, word.purchase_id: replace(first, revoked=word.revoked)}


def buying(known: Purchases, facts: Iterable[AccountFact], now: datetime) -> list[PrepaidEvent]:
    """What these purchases add to the facts."""
    state: Prepaid | None = None
    for fact in facts:
        if isinstance(fact, PrepaidEvent):
            state = Prepaid.evolve(state, fact)
    return Prepaid.observe(state, known.values(), account_id=ANNA, now=now)


def bought_until(known: Purchases, now: datetime, feature: str | None) -> list[datetime]:
    """Until when the purchase of this moment gives access, with those that follow it; none where there is none."""
    end: datetime | None = None
    spans = []
    for purchase in known.values():
        if purchase.revoked or (end is not None and end - purchase.paid_at > WINDOW):
            continue
        begin = max(purchase.paid_at, end or purchase.paid_at)
        end = begin + days(purchase.duration_days)
        spans.append((begin, end, feature in {None, *purchase.plan.features}))
    until = next((stop for begin, stop, has_it in spans if has_it and begin <= now < stop), None)
    for begin, stop, has_it in spans:
        if has_it and begin == until:
            until = stop
    return [] if until is None else [until]
