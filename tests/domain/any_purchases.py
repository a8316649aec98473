"""Any purchases of Anna's for a number of days, and what they give by the rules alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.prepaid.facts import PrepaidEvent
from domain.prepaid.prepaid import PaidPurchase, Prepaid, Revocation
from domain.shared.fact import AccountFact
from tests.domain.annas_purchases import THIRTY_DAYS, paid_for, purchase_id
from tests.domain.annas_subscription import CINEMA
from tests.people import ANNA, MONDAY, days

Words = Mapping[UUID, PaidPurchase]


class Purchases(NamedTuple):
    """The last word on each, and those that have had days."""

    words: Words
    accepted: frozenset[UUID]


WINDOW = days(30)
PLANS = [THIRTY_DAYS, replace(CINEMA, interval="once")]

alone = st.builds(
    paid_for,
    st.integers(1, 3),
    st.sampled_from([MONDAY + days(count) for count in (0, 2, 10, 99, 99)]),
    lasting=st.sampled_from([2, 30, 90]),
    plan=st.sampled_from(PLANS),
    revoked=st.none() | st.none() | st.builds(Revocation, st.sampled_from(["refunded", "disputed"]), st.just(MONDAY)),
)


def beside(other: PaidPurchase) -> PaidPurchase:
    """Paid for together with the third one."""
    return replace(other, purchase_id=purchase_id(4), payment_reference="pi_3")


purchases = alone | alone | alone.map(beside)


def with_word(known: Purchases, word: PaidPurchase, now: datetime) -> Purchases:
    """What was said first of when it was paid, for how long and of which plan stays; none is paid after it is heard of.

    Whether there is room for a new one does not hang on whether its money went back meanwhile.
    """
    this, accepted = word.purchase_id, known.accepted
    first = known.words.get(this)
    if first is None:
        first = replace(word, paid_at=min(word.paid_at, now), revoked=None)
        accepted |= _laid({**known.words, this: first}, accepted).keys() & {this}
    words = {**known.words, this: replace(first, revoked=word.revoked)}
    return Purchases(words, accepted | _laid(words, accepted).keys())


def _laid(words: Words, accepted: frozenset[UUID]) -> dict[UUID, tuple[datetime, datetime]]:
    """From when until when each gives something: those that had days, and those for which others leave room."""
    laid: dict[UUID, tuple[datetime, datetime]] = {}
    end = datetime.min.replace(tzinfo=MONDAY.tzinfo)
    for this, word in sorted(words.items(), key=lambda each: (each[1].paid_at, each[0])):
        others = [laid[one][1] for one in laid if words[one].payment_reference != word.payment_reference]
        has_room = all(other <= word.paid_at + WINDOW for other in others)
        if not word.revoked and (this in accepted or has_room):
            begin = max(word.paid_at, end)
            end = begin + days(word.duration_days)
            laid[this] = (begin, end)
    return laid


def buying(known: Purchases, facts: Iterable[AccountFact], now: datetime) -> list[PrepaidEvent]:
    """What these purchases add to the facts."""
    state: Prepaid | None = None
    for fact in facts:
        if isinstance(fact, PrepaidEvent):
            state = Prepaid.evolve(state, fact)
    return Prepaid.observe(state, known.words.values(), account_id=ANNA, now=now)


def bought_until(known: Purchases, now: datetime, feature: str | None) -> list[datetime]:
    """Until when the purchase of this moment gives access, with those that follow it; none where there is none."""
    spans = [
        (begin, end, feature in {None, *known.words[this].plan.features})
        for this, (begin, end) in _laid(*known).items()
    ]
    until = next((stop for begin, stop, has_it in spans if has_it and begin <= now < stop), None)
    for begin, stop, has_it in spans:
        if has_it and begin == until:
            until = stop
    return [] if until is None else [until]
