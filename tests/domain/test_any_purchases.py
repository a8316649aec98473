"""Whatever is bought, goes back and comes again, and is heard of in whatever order: no paid day gets lost."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.access.prepaid import PrepaidTerm, with_purchase
from domain.prepaid.facts import PrepaidBought, PrepaidDuplicated, PrepaidEvent, PrepaidMoved, RevokedFor, Span
from domain.prepaid.prepaid import PaidPurchase, Prepaid, Revocation
from tests.domain.annas_purchases import paid_for
from tests.domain.any_purchases import WINDOW
from tests.people import ANNA, MONDAY, days
from tests.scenario import folded

Turn = Literal["buys", "refunded", "refund_failed", "disputed", "won", "lost"]
REVOKES: dict[Turn, RevokedFor] = {"refunded": "refunded", "disputed": "disputed", "lost": "disputed"}
CUSTOMERS = 2


class Happens(NamedTuple):
    """Some time after what was before: she buys as one of her customers, or something becomes of a purchase of hers."""

    after: timedelta
    what: Turn
    which: int
    lasting: int
    heard: bool
    """Whether it comes to us at once."""


happens = st.builds(
    Happens,
    st.sampled_from([days(0), days(1), days(20), days(45)]),
    st.sampled_from(["buys", "buys", "refunded", "refund_failed", "disputed", "won", "lost"]),
    st.integers(0, 3),
    st.sampled_from([30, 60, 90]),
    st.booleans(),
)


class Life(NamedTuple):
    """What happens, and how much of it before we know whose the second customer is."""

    happens: Sequence[Happens]
    bound_after: int


lives = st.builds(Life, st.lists(happens, min_size=3, max_size=20), st.integers(0, 10))


class Heard(NamedTuple):
    """All that the ledger holds after a look at a customer, and what is known of each purchase by then."""

    facts: list[PrepaidEvent]
    known: dict[UUID, PaidPurchase]


def lived(life: Life) -> Iterator[Heard]:
    """What is not heard of at once is heard later, with all that has become of it; each customer is, in the end."""
    now, sold, heard = MONDAY, list[PaidPurchase](), Heard([], {})
    for count, one in enumerate(life.happens):
        now += one.after
        customer = _happens(one, sold, now)
        if one.heard and (customer == 0 or count >= life.bound_after):
            yield (heard := _heard(heard, sold, customer, now))
    for customer in range(CUSTOMERS):
        yield (heard := _heard(heard, sold, customer, now))


def _happens(one: Happens, sold: list[PaidPurchase], now: datetime) -> int:
    """The customer that it happens to."""
    if one.what == "buys" or not sold:
        sold.append(paid_for(_number(len(sold), one.which % CUSTOMERS), now, lasting=one.lasting))
        return one.which % CUSTOMERS
    this = one.which % len(sold)
    back = Revocation(REVOKES[one.what], now) if one.what in REVOKES else None
    sold[this] = replace(sold[this], revoked=back)
    return sold[this].purchase_id.int % CUSTOMERS


def _number(so_many_before: int, customer: int) -> int:
    """One of its own for each of fewer than 23, which does not grow with the time."""
    return CUSTOMERS * (so_many_before * 7 % 23) + customer


def _heard(heard: Heard, sold: Sequence[PaidPurchase], customer: int, now: datetime) -> Heard:
    theirs = [one for one in sold if one.purchase_id.int % CUSTOMERS == customer]
    known = folded(Prepaid, *heard.facts) if heard.facts else None
    new = Prepaid.observe(known, theirs, account_id=ANNA, now=now)
    return Heard([*heard.facts, *new], {**heard.known, **{one.purchase_id: one for one in theirs}})


def spans_of(facts: Sequence[PrepaidEvent]) -> dict[UUID, Span]:
    """When each gives access, as access itself has it."""
    terms: dict[str, PrepaidTerm] = {}
    for fact in facts:
        terms = with_purchase(terms, fact)
    return {term.purchase_id: span for term in terms.values() if (span := term.counts) is not None}


def accepted_of(facts: Sequence[PrepaidEvent]) -> set[UUID]:
    """Those that were ever given days."""
    return {fact.purchase_id for fact in facts if isinstance(fact, PrepaidBought | PrepaidMoved)}


@settings(max_examples=120, deadline=None)
@given(lives)
def test_what_is_paid_has_all_its_days_or_is_told_as_a_duplicate(life: Life) -> None:
    for facts, known in lived(life):
        spans = spans_of(facts)
        kept = {this: purchase for this, purchase in known.items() if purchase.revoked is None}
        accepted = accepted_of(facts) & kept.keys()
        assert spans.keys() == accepted
        assert kept.keys() - accepted <= {fact.purchase_id for fact in facts if isinstance(fact, PrepaidDuplicated)}
        assert all(spans[this].ends_at - spans[this].starts_at == days(kept[this].duration_days) for this in accepted)
        in_order = sorted(spans, key=lambda this: (kept[this].paid_at, this))
        for before, this in pairwise(in_order):
            assert spans[this].starts_at == max(kept[this].paid_at, spans[before].ends_at)
        assert all(spans[this].starts_at == kept[this].paid_at for this in in_order[:1])


@settings(max_examples=80, deadline=None)
@given(lives)
def test_a_duplicate_is_what_was_paid_with_more_than_the_window_left_of_those_before_it(life: Life) -> None:
    for facts, known in lived(life):
        for fact in facts:
            if isinstance(fact, PrepaidBought) and fact.before_ends_at is not None:
                assert fact.before_ends_at - fact.paid_at <= WINDOW
        spans = spans_of(facts)
        for this in {this for this, purchase in known.items() if purchase.revoked is None} - spans.keys():
            own = (known[this].paid_at, this)
            ends = [span.ends_at for other, span in spans.items() if (known[other].paid_at, other) < own]
            assert max(ends, default=MONDAY) - known[this].paid_at > WINDOW


@st.composite
def bought_in_time(draw: st.DrawFn) -> list[PaidPurchase]:
    """Each with 30 days or fewer left of those before it."""
    sold, end = list[PaidPurchase](), MONDAY
    for number, lasting in enumerate(draw(st.lists(st.sampled_from([10, 30, 90]), min_size=1, max_size=4))):
        paid_at = max(end - days(draw(st.integers(0, 30))), sold[-1].paid_at if sold else MONDAY)
        sold.append(paid_for(number, paid_at, lasting=lasting))
        end = max(end, paid_at) + days(lasting)
    return sold


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_was_bought_in_time_lies_where_it_does_whichever_is_heard_of_first(data: st.DataObject) -> None:
    sold = data.draw(bought_in_time())
    facts: list[PrepaidEvent] = []
    for purchase in data.draw(st.permutations(sold)):
        known = folded(Prepaid, *facts) if facts else None
        facts += Prepaid.observe(known, [purchase], account_id=ANNA, now=MONDAY + days(500))

    together = Prepaid.observe(None, sold, account_id=ANNA, now=MONDAY)
    assert spans_of(facts) == spans_of(together)
    assert len(spans_of(facts)) == len(sold)
