"""What may be asked of a subscription: that it ends, that it goes on, and that it is another plan's."""

from typing import get_args

import pytest
from msgspec.structs import replace

from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.changing import (
    AlreadyOnPlan,
    ChangeUnderWay,
    CurrencyDiffers,
    PaymentOutstanding,
    PaymentsPaused,
    PaymentWentBack,
    PlanDoesNotRenew,
    SubscriptionEnding,
)
from domain.subscription.facts import (
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    FurtherItem,
    PlanChangeRequested,
    PlanDropped,
    RequestDropped,
    ResumptionRequested,
    RevokedFor,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionEvent,
)
from domain.subscription.subscription import Subscription, SubscriptionOver
from tests.domain.annas_subscription import (
    CINEMA,
    MONTH_AFTER,
    SUB,
    collection_paused,
    ends,
    restored,
    resumed,
    revoked,
    sells_also,
    started,
)
from tests.people import ANNA, COOKING, MONDAY, NEXT_MONTH, days
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

    def __init__(
        self,
        plan: PlanTerms,
        *,
        prices: dict[str, Money] | None = None,
        key: str = "change-1",
        carried_out: str | None = None,
    ) -> None:
        self._plan, self._key, self._carried_out = plan, key, carried_out
        self._prices = {"price_999": COOKING.price} if prices is None else prices

    def __call__(self, subscription: Subscription) -> list[SubscriptionEvent]:
        return subscription.request_change(
            plan=self._plan,
            price_id="price_other",
            prices=self._prices,
            idempotency_key=self._key,
            carried_out=self._carried_out,
        )


def wish_for(plan: PlanTerms, *, upgrade: bool, key: str = "change-1") -> PlanChangeRequested:
    return PlanChangeRequested(
        subscription_id=SUB,
        account_id=ANNA,
        before=COOKING,
        after=plan,
        before_price_id=folded(Subscription, started).price_id,
        after_price_id="price_other",
        upgrade=upgrade,
        idempotency_key=key,
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


def test_of_a_plan_that_is_sold_twice_over_the_prices_for_one_are_compared() -> None:
    """What she pays for two (1998) is more than one of the other, and less than two."""
    paid = Money(2 * COOKING.price.amount, "USD")
    two = replace(started, plan=replace(COOKING, price=paid))
    for plan, upgrade in ((CINEMA, True), (replace(CINEMA, price=Money(998, "USD")), False)):
        [wish] = Change(plan)(folded(Subscription, two))
        assert isinstance(wish, PlanChangeRequested)
        assert (wish.after, wish.upgrade) == (plan, upgrade)


def test_from_a_price_of_no_plan_it_is_billed_now() -> None:
    """Whatever the plan cost that it was to last: who knows what it costs now?"""
    moved = PlanDropped(
        subscription_id=SUB, account_id=ANNA, before=COOKING, before_price_id="price_999", price_id="price_of_a_pan"
    )
    [wish] = Change(replace(CINEMA, price=Money(998, "USD")))(folded(Subscription, started, moved))

    assert isinstance(wish, PlanChangeRequested)
    assert (wish.before_price_id, wish.upgrade) == ("price_of_a_pan", True)


def test_what_is_to_end_is_resumed_before_it_is_changed() -> None:
    for past in ([scheduled], [wish_to_end], [scheduled, wish_to_go_on]):
        given(Subscription, started, *past).when(Change(CINEMA_BY_THE_YEAR)).then_refused(SubscriptionEnding)
    given(Subscription, started, scheduled, withdrawn).when(Change(CINEMA)).then(wish_for(CINEMA, upgrade=True))


@pytest.mark.parametrize("grants_access", [True, False])
def test_while_its_payments_are_paused_no_plan_is_changed(*, grants_access: bool) -> None:
    """What would be owed for it is not asked for, and counts as paid."""
    paused = collection_paused(grants_access=grants_access)
    for plan in (CINEMA, replace(CINEMA, price=Money(998, "USD"))):
        given(Subscription, started, paused).when(Change(plan)).then_refused(PaymentsPaused)
    given(Subscription, started, paused, resumed).when(Change(CINEMA)).then(wish_for(CINEMA, upgrade=True))


@pytest.mark.parametrize("why", get_args(RevokedFor))
def test_what_went_back_is_not_credited_as_well(why: RevokedFor) -> None:
    gone = revoked(why)
    given(Subscription, started, gone).when(Change(CINEMA)).then_refused(PaymentWentBack)
    paid_again = [gone, restored(why)]
    given(Subscription, started, *paid_again).when(Change(CINEMA)).then(wish_for(CINEMA, upgrade=True))


def test_one_change_is_asked_for_at_a_time() -> None:
    under_way = wish_for(CINEMA, upgrade=True)
    cheaper = replace(CINEMA, price=Money(998, "USD"))

    given(Subscription, started, under_way).when(Change(cheaper, key="change-2")).then_refused(ChangeUnderWay)
    given(Subscription, started, under_way).when(Change(CINEMA)).then_nothing()
    after = Change(cheaper, key="change-2", carried_out="change-1")
    given(Subscription, started, under_way).when(after).then(wish_for(cheaper, upgrade=False, key="change-2"))
    given(Subscription, started, under_way, wish_for(cheaper, upgrade=False, key="change-2")).when(
        Change(CINEMA, key="change-3", carried_out="change-1")
    ).then_refused(ChangeUnderWay)


def test_what_is_to_end_later_can_be_asked_to_end_with_its_period() -> None:
    later = ends(MONTH_AFTER)
    given(Subscription, started, later).when(end).then(wish_to_end)
    given(Subscription, started, ends(NEXT_MONTH - days(1))).when(end).then_nothing()
    longer = FurtherItem(price_id="price_1499", plan=CINEMA, period_end=MONTH_AFTER, lease_until=MONTH_AFTER)
    given(Subscription, started, sells_also(longer), later).when(end).then_nothing()


def test_payments_that_the_operator_paused_go_on_by_nobody_elses_wish() -> None:
    denied = collection_paused(grants_access=False)
    given(Subscription, started, denied).when(go_on).then_refused(PaymentsPaused)
    given(Subscription, started, denied, scheduled).when(go_on).then(wish_to_go_on)
    given(Subscription, started, denied, resumed).when(go_on).then_nothing()
    given(Subscription, started, collection_paused(grants_access=True)).when(go_on).then_nothing()


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
