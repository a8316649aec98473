"""Any story that a provider can tell of Anna's subscriptions, and support do to her, for what holds in all of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.account.account import Account, AccountEvent
from domain.prepaid.prepaid import PaidPurchase
from domain.shared.fact import AccountFact
from domain.shared.identity import derived_id
from domain.subscription.facts import SubscriptionEvent
from domain.subscription.subscription import Subscription
from domain.subscription.truth import TERMINAL, BillingPolicy, MoneyBack, ProviderSubscription, SoldItem
from tests.domain.annas_subscription import CINEMA, MONTH_AFTER, paid
from tests.domain.any_purchases import Purchases, buying, purchases, with_word
from tests.domain.records import at, disabled, enabled, registered
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days
from tests.scenario import folded

STATUSES = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete", "on_the_moon", *sorted(TERMINAL))
PERIODS = [(MONDAY, NEXT_MONTH), (NEXT_MONTH, MONTH_AFTER), (MONTH_AFTER, MONTH_AFTER + days(31))]
PRICES = [(COOKING, "price_999"), (CINEMA, "price_1499")]

moments = st.sampled_from([MONDAY + days(count) for count in (0, 1, 3, 7, 14, 31, 33, 38, 45, 61)])


money_backs = st.builds(
    MoneyBack,
    how=st.sampled_from(["refunded", "dispute_open", "dispute_lost"]),
    payment_reference=st.just("in_1"),
    since=moments,
)
whereabouts = st.just(()) | st.just(()) | st.tuples(money_backs)
sold_items = st.builds(
    SoldItem,
    price_id=st.just("price_addition"),
    plan=st.just(CINEMA),
    period_end=st.sampled_from([end for _, end in PERIODS]),
    money_back=whereabouts,
)


@st.composite
def truths(draw: st.DrawFn) -> ProviderSubscription:
    """What the provider may say of one of two subscriptions."""
    status = draw(st.sampled_from(STATUSES))
    plan, price_id = draw(st.sampled_from(PRICES))
    period_start, period_end = draw(st.sampled_from(PERIODS))
    return replace(
        paid,
        reference=draw(st.sampled_from(["sub_anna", "sub_anna_2"])),
        status=status,
        plan=plan,
        price_id=price_id,
        period_start=period_start,
        period_end=period_end,
        ends_at=draw(st.none() | moments),
        ended_at=MONDAY if status in TERMINAL else None,
        collection_paused=draw(st.booleans()),
        failing_since=draw(moments) if status == "past_due" else None,
        further=draw(st.just(()) | st.tuples(sold_items)),
        money_back=draw(whereabouts),
    )


class ByHand(NamedTuple):
    """What support does: something new that lasts so long, None for ever; or the end of one of those in force."""

    what: Literal["grant", "withdraw", "block", "unblock"]
    lasts: timedelta
    for_ever: bool
    features: tuple[str, ...]
    which: int


by_hand = st.builds(
    ByHand,
    st.sampled_from(["grant", "withdraw", "block", "unblock"]),
    st.sampled_from([days(0.5), days(3), days(12), days(60)]),
    st.booleans(),
    st.sampled_from([(), ("hd",), ("uhd",), ("hd", "uhd")]),
    st.integers(0, 3),
)


class Heard(NamedTuple):
    """Some time after what was heard before, something of a subscription, a purchase or the account."""

    after: timedelta
    what: ProviderSubscription | PaidPurchase | AccountFact | ByHand


stories = st.lists(
    st.builds(
        Heard,
        st.sampled_from([days(0), days(0.5), days(3), days(10)]),
        truths()
        | truths()
        | truths()
        | purchases
        | purchases
        | by_hand
        | by_hand
        | st.sampled_from([disabled, enabled]),
    ),
    max_size=8,
)
policies = st.builds(
    BillingPolicy,
    pause_collection_grants=st.booleans(),
    full_refund_revokes=st.booleans(),
    dispute_open_suspends=st.booleans(),
    dispute_lost_revokes=st.booleans(),
)


class Turn(NamedTuple):
    """A moment of a story: what was recorded at it, and before it, and the last word on each thing of hers."""

    now: datetime
    new: list[AccountFact]
    facts: list[AccountFact]
    last_words: dict[str, ProviderSubscription]
    purchases: Purchases


def told(story: Iterable[Heard], policy: BillingPolicy) -> Iterator[Turn]:
    """The story turn by turn; after the end of a subscription there is no other word on it."""
    now, facts, last_words = MONDAY, _placed([registered], MONDAY, []), dict[str, ProviderSubscription]()
    bought = Purchases({}, frozenset())
    for after, what in story:
        now += after
        if isinstance(what, PaidPurchase):
            bought = with_word(bought, what, now)
        new = _placed(_difference(facts, what, bought, policy, now), now, facts)
        facts = [*facts, *new]
        if isinstance(what, ProviderSubscription) and not _is_over(last_words.get(what.reference)):
            last_words = {**last_words, what.reference: what}
        yield Turn(now, new, facts, last_words, bought)


def _difference(
    facts: list[AccountFact],
    what: ProviderSubscription | PaidPurchase | AccountFact | ByHand,
    bought: Purchases,
    policy: BillingPolicy,
    now: datetime,
) -> list[AccountFact]:
    if isinstance(what, ByHand):
        return [*done(what, facts, now)]
    if isinstance(what, PaidPurchase):
        return [*buying(bought, facts, now)]
    return [what] if isinstance(what, AccountFact) else [*observing(what, facts, policy, now)]


def done(by_hand: ByHand, facts: Iterable[AccountFact], now: datetime) -> list[AccountEvent]:
    """What support does to the account as it is by then; nothing where there is nothing to end."""
    hers = [fact for fact in facts if isinstance(fact, AccountEvent)]
    anna = folded(Account, *hers)
    new, until = UUID(int=1_000 + len(hers)), now + by_hand.lasts
    match by_hand.what:
        case "grant":
            return anna.grant_access(new, until=until, features=by_hand.features, reason="the outage", now=now)
        case "block":
            return anna.block(new, until=None if by_hand.for_ever else until, reason="chargebacks", now=now)
        case "withdraw":
            ids = sorted(anna.grants)[by_hand.which :]
            return anna.withdraw_grant(ids[0], now=now) if ids else []
        case "unblock":
            ids = sorted(anna.blocks)[by_hand.which :]
            return anna.unblock(ids[0], now=now) if ids else []


def observing(
    truth: ProviderSubscription, facts: Iterable[AccountFact], policy: BillingPolicy, now: datetime
) -> list[SubscriptionEvent]:
    """What this truth adds to the facts."""
    stream, known = subscription_id(truth), known_of(truth, facts)
    return Subscription.observe(known, truth, subscription_id=stream, account_id=ANNA, policy=policy, now=now)


def known_of(truth: ProviderSubscription, facts: Iterable[AccountFact]) -> Subscription | None:
    """The subscription as the facts have it."""
    known: Subscription | None = None
    for fact in facts:
        if isinstance(fact, SubscriptionEvent) and fact.subscription_id == subscription_id(truth):
            known = Subscription.evolve(known, fact)
    return known


def subscription_id(truth: ProviderSubscription) -> UUID:
    return derived_id("subscription", "stripe", truth.reference)


def _placed(facts: Iterable[AccountFact], now: datetime, after: list[AccountFact]) -> list[AccountFact]:
    return [replace(at(now, fact), position=position) for position, fact in enumerate(facts, len(after) + 1)]


def _is_over(word: ProviderSubscription | None) -> bool:
    return word is not None and word.status in TERMINAL
