"""Whose payment waits for the customer: Stripe says so of the payment intent alone."""

import pytest

from adapters.stripe.billing import StripeBilling
from domain.payment.truth import ProviderPayment
from tests.adapters.stripe.simulated import SimulatedStripe, at
from tests.adapters.stripe.test_truth import Till

pytestmark = pytest.mark.anyio

FEBRUARY = at("2026-02-01T00:00:00")


@pytest.fixture
def till(billing: StripeBilling, simulated: SimulatedStripe) -> Till:
    return Till(billing, simulated)


async def renewal(till: Till) -> ProviderPayment:
    newest, *_ = (await till.truth()).payments
    return newest


@pytest.mark.parametrize(("card", "waits"), [("authenticate", True), ("decline", False)])
async def test_a_renewal_that_the_bank_wants_confirmed(till: Till, card: str, *, waits: bool) -> None:
    await till.buy()
    assert not (await renewal(till)).action_required
    till.stripe.answer_for_the_card_of(till.customer, card)

    till.stripe.let_time_pass(FEBRUARY)

    seen = await renewal(till)
    assert (seen.status, seen.attempts, seen.action_required) == ("failed", 1, waits)
    assert (await till.subscription()).status == "past_due"


async def test_confirmed_it_is_paid_and_waits_no_more(till: Till) -> None:
    await till.buy()
    till.stripe.answer_for_the_card_of(till.customer, "authenticate")
    till.stripe.let_time_pass(FEBRUARY)
    invoice = (await renewal(till)).reference

    till.stripe.answer_for_the_card_of(till.customer, "ok")
    till.stripe.create(f"invoices/{invoice}/pay")

    seen = await renewal(till)
    assert (seen.status, seen.action_required) == ("paid", False)
    assert (await till.subscription()).status == "active"
