"""A checkout: asked for, opened, and completed, expired or failed; completion is final."""

from uuid import UUID

import pytest

from domain.subscription.checkout import (
    Checkout,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFact,
    CheckoutFailed,
    CheckoutOpened,
    CheckoutRequested,
    Page,
)
from tests.domain.annas_subscription import CINEMA
from tests.people import ANNA, COOKING, MONDAY, days
from tests.scenario import folded, given, nothing_yet

CHECKOUT = UUID(int=77)
A_DAY_LATER = MONDAY + days(1)

requested = CheckoutRequested(
    checkout_id=CHECKOUT,
    account_id=ANNA,
    provider="stripe",
    plan=COOKING,
    price_id="price_999",
    trial_days=0,
    idempotency_key="checkout-77",
    success_url="https://streamly.example/thanks",
    cancel_url="https://streamly.example/plans",
)
URL = "https://pay.example/cs_77"
opened = CheckoutOpened(
    checkout_id=CHECKOUT, account_id=ANNA, provider_reference="cs_77", expires_at=A_DAY_LATER, url=URL
)
failed = CheckoutFailed(checkout_id=CHECKOUT, account_id=ANNA, reason="no such price")
completed = CheckoutCompleted(checkout_id=CHECKOUT, account_id=ANNA, provider_reference="cs_77")
expired = CheckoutExpired(checkout_id=CHECKOUT, account_id=ANNA, provider_reference="cs_77")

PASTS: dict[str, tuple[CheckoutFact, ...]] = {
    "requested": (requested,),
    "open": (requested, opened),
    "failed": (requested, failed),
    "completed": (requested, opened, completed),
    "expired": (requested, opened, expired),
}


def test_anna_asks_for_a_checkout_at_todays_terms_and_price() -> None:
    nothing_yet().when(
        lambda _: Checkout.request(
            checkout_id=CHECKOUT,
            account_id=ANNA,
            provider="stripe",
            plan=COOKING,
            price_id="price_999",
            trial_days=0,
            success_url="https://streamly.example/thanks",
            cancel_url="https://streamly.example/plans",
            idempotency_key="checkout-77",
        )
    ).then(requested)


@pytest.mark.parametrize(("status", "past"), PASTS.items())
def test_each_past_has_its_status(status: str, past: tuple[CheckoutFact, ...]) -> None:
    assert folded(Checkout, *past).status == status


def test_it_remembers_what_is_bought_and_under_which_key() -> None:
    checkout = folded(Checkout, requested)

    assert (checkout.id, checkout.account_id, checkout.plan) == (CHECKOUT, ANNA, COOKING)
    assert (checkout.price_id, checkout.idempotency_key) == ("price_999", "checkout-77")


def open_page(checkout: Checkout) -> list[CheckoutFact]:
    return checkout.open(provider_reference="cs_77", url=URL, expires_at=A_DAY_LATER)


def fail(checkout: Checkout) -> list[CheckoutFact]:
    return checkout.fail(reason="no such price")


def complete(checkout: Checkout) -> list[CheckoutFact]:
    return checkout.complete(provider_reference="cs_77")


def expire(checkout: Checkout) -> list[CheckoutFact]:
    return checkout.expire(provider_reference="cs_77")


def test_what_was_asked_for_may_become_anything() -> None:
    given(Checkout, requested).when(open_page).then(opened)
    given(Checkout, requested).when(fail).then(failed)
    given(Checkout, requested).when(complete).then(completed)
    given(Checkout, requested).when(expire).then(expired)


def test_an_open_page_is_completed_or_expires() -> None:
    given(Checkout, *PASTS["open"]).when(open_page).then_nothing()
    given(Checkout, *PASTS["open"]).when(fail).then_nothing()
    given(Checkout, *PASTS["open"]).when(complete).then(completed)
    given(Checkout, *PASTS["open"]).when(expire).then(expired)


def test_completion_is_final() -> None:
    for late in (open_page, fail, complete, expire):
        given(Checkout, *PASTS["completed"]).when(late).then_nothing()


@pytest.mark.parametrize("over", ["failed", "expired"])
def test_what_was_given_up_can_only_turn_out_to_be_completed(over: str) -> None:
    for late in (open_page, fail, expire):
        given(Checkout, *PASTS[over]).when(late).then_nothing()
    given(Checkout, *PASTS[over]).when(complete).then(completed)


def test_its_page_can_be_paid_as_long_as_it_is_open() -> None:
    page = Page("cs_77", URL, opened.position, A_DAY_LATER)

    assert folded(Checkout, *PASTS["open"]).page_at(A_DAY_LATER - days(0.001)) == page
    assert folded(Checkout, *PASTS["open"]).page_at(A_DAY_LATER) is None
    for over in ("requested", "failed", "completed", "expired"):
        assert folded(Checkout, *PASTS[over]).page_at(MONDAY) is None


def test_it_sells_what_it_was_asked_for() -> None:
    checkout = folded(Checkout, requested)

    assert checkout.sells(COOKING, price_id="price_999", trial_days=0)
    assert not checkout.sells(CINEMA, price_id="price_999", trial_days=0)
    assert not checkout.sells(COOKING, price_id="price_1299", trial_days=0)
    assert not checkout.sells(COOKING, price_id="price_999", trial_days=7)
