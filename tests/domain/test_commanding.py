"""What may be asked of a subscription: that it ends, that it goes on, and that it is another plan's."""

import pytest
from msgspec.structs import replace

from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import (
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    FurtherItem,
    PlanChangeRequested,
    RequestDropped,
    ResumptionRequested,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
)
from domain.subscription.subscription import (
    AlreadyOnPlan,
    CurrencyDiffers,
    PaymentOutstanding,
    PlanDoesNotRenew,
    Subscription,
    SubscriptionOver,
)
from tests.domain.annas_subscription import CINEMA, SUB, sells_also, started
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH
from tests.scenario import folded, given

scheduled = CancellationScheduled(
    subscription_id=SUB, account_id=ANNA, before_ends_at=None, ends_at=NEXT_MONTH, lease_until=NEXT_MONTH
)
withdrawn = CancellationWithdrawn(
    subscription_id=SUB, account_id=ANNA, before_ends_at=NEXT_MONTH, lease_until=NEXT_MONTH
)
ended = SubscriptionEnded(subscription_id=SUB, account_id=ANNA, before="active", status="canceled", ended_at=MONDAY)
wish_to_end = CancellationRequested(
    subscription_id=SUB, account_id=ANNA, at_period_end=True, idempotency_key="cancel-1"
)
wish_to_go_on = ResumptionRequested(subscription_id=SUB, account_id=ANNA, idempotency_key="resume-1")
CINEMA_BY_THE_YEAR = replace(CINEMA, interval="year", price=Money(900, "USD"))


def in_status(status: str) -> StatusChanged:
    return StatusChanged(subscription_id=SUB, account_id=ANNA, before="active", after=status, changed_at=MONDAY)


def end(subscription: Subscription) -> list[SubscriptionEvent]:
    return subscription.request_cancellation(at_period_end=True, idempotency_key="cancel-1")


def go_on(subscription: Subscription) -> list[SubscriptionEvent]:
    return subscription.request_resumption(idempotency_key="resume-1")


class Change:
    """A wish for another plan."""

    def __init__(self, plan: PlanTerms) -> None:
        self._plan = plan

    def __call__(self, subscription: Subscription) -> list[SubscriptionEvent]:
        return subscription.request_change(plan=self._plan, price_id="price_other", idempotency_key="change-1")


def wish_for(plan: PlanTerms, *, upgrade: bool) -> PlanChangeRequested:
    return PlanChangeRequested(
        subscription_id=SUB,
        account_id=ANNA,
        before=COOKING,
        after=plan,
        before_price_id=folded(Subscription, started).price_id,
        after_price_id="price_other",
        upgrade=upgrade,
        idempotency_key="change-1",
    )


def test_what_is_so_already_is_not_asked_for() -> None:
    given(Subscription, started, scheduled).when(end).then_nothing()
    given(Subscription, started).when(go_on).then_nothing()
    given(Subscription, started, scheduled, withdrawn).when(go_on).then_nothing()


def test_what_is_to_end_or_is_paused_can_be_asked_to_go_on() -> None:
    given(Subscription, started, scheduled).when(go_on).then(wish_to_go_on)
    given(Subscription, started, in_status("paused")).when(go_on).then(wish_to_go_on)


def test_a_wish_whose_outcome_is_open_is_answered_by_its_contrary() -> None:
    given(Subscription, started, wish_to_end).when(go_on).then(wish_to_go_on)
    given(Subscription, started, scheduled, wish_to_go_on).when(end).then(wish_to_end)
    dropped = RequestDropped(subscription_id=SUB, account_id=ANNA, idempotency_key="cancel-1", reason="no")
    given(Subscription, started, wish_to_end, dropped).when(go_on).then_nothing()


def test_the_same_key_asks_once() -> None:
    given(Subscription, started, wish_to_end).when(end).then_nothing()


@pytest.mark.parametrize(
    ("plan", "upgrade"),
    [
        (CINEMA, True),
        (replace(CINEMA, price=COOKING.price), True),
        (replace(CINEMA, price=Money(998, "USD")), False),
        (CINEMA_BY_THE_YEAR, True),
    ],
)
def test_a_cheaper_plan_of_the_same_interval_is_a_downgrade_and_anything_else_is_billed_now(
    plan: PlanTerms, *, upgrade: bool
) -> None:
    given(Subscription, started).when(Change(plan)).then(wish_for(plan, upgrade=upgrade))


def test_what_is_no_plan_to_change_to() -> None:
    given(Subscription, started).when(Change(COOKING)).then_refused(AlreadyOnPlan)
    given(Subscription, started).when(Change(replace(CINEMA, interval="once"))).then_refused(PlanDoesNotRenew)
    euros = replace(CINEMA, price=Money(1499, "EUR"))
    given(Subscription, started).when(Change(euros)).then_refused(CurrencyDiffers)


def test_what_it_sells_beside_its_plan_is_no_plan_to_change_to() -> None:
    """Whatever price it is sold at there."""
    beside = FurtherItem(price_id="price_1499", plan=CINEMA, period_end=NEXT_MONTH, lease_until=NEXT_MONTH)
    with_cinema = [started, sells_also(beside)]

    given(Subscription, *with_cinema).when(Change(CINEMA)).then_refused(AlreadyOnPlan)
    given(Subscription, *with_cinema).when(Change(CINEMA_BY_THE_YEAR)).then_refused(AlreadyOnPlan)
    taken_out = sells_also(before=(beside,))
    given(Subscription, *with_cinema, taken_out).when(Change(CINEMA)).then(wish_for(CINEMA, upgrade=True))


@pytest.mark.parametrize("status", ["past_due", "unpaid", "incomplete", "paused"])
def test_what_is_owed_comes_first(status: str) -> None:
    given(Subscription, started, in_status(status)).when(Change(CINEMA)).then_refused(PaymentOutstanding)


def test_a_trial_can_be_changed() -> None:
    given(Subscription, started, in_status("trialing")).when(Change(CINEMA)).then(wish_for(CINEMA, upgrade=True))


def test_what_is_over_is_over() -> None:
    for wish in (end, go_on, Change(CINEMA)):
        given(Subscription, started, ended).when(wish).then_refused(SubscriptionOver)
