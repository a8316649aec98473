"""Payments asked for by their ids, of a customer of whom Stripe lists nothing any more."""

import pytest

from adapters.stripe.billing import StripeBilling
from domain.shared.money import Money
from tests.adapters.stripe.faulty import FaultyStripe
from tests.adapters.stripe.simulated import SimulatedStripe
from tests.adapters.stripe.test_truth import Till

pytestmark = pytest.mark.anyio


async def test_by_what_paid_an_invoice_it_is_told_with_all_that_went_back_of_it(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    till = Till(billing, simulated)
    await till.buy()
    [listed] = (await till.truth()).payments
    [paying] = simulated.read(f"invoice_payments?invoice={listed.reference}")["data"]
    intent = paying["payment"]["payment_intent"]
    await billing.delete_customer(till.customer)
    simulated.create("refunds", payment_intent=intent, amount="300")
    simulated.control("disputes", payment_intent=intent)

    [told] = await billing.payments_by([intent, listed.reference])

    assert (told.reference, told.subscription_reference) == (listed.reference, listed.subscription_reference)
    assert (told.amount, told.kept, told.covers) == (Money(999, "USD"), 699, listed.covers)
    assert [dispute.stage for dispute in told.disputes] == ["open"]


async def test_what_was_never_paid_is_not_told(billing: StripeBilling, simulated: SimulatedStripe) -> None:
    till = Till(billing, simulated)
    await till.open()
    simulated.decline_the_card_of(till.customer)
    form = {"customer": till.customer, "items[0][price]": till.price, "payment_behavior": "allow_incomplete"}
    simulated.create("subscriptions", **form)
    [intent] = simulated.read(f"payment_intents?customer={till.customer}")["data"]

    assert await billing.payments_by([intent["id"], "cs_of_what_costs_nothing", "", "in_unknown"]) == []


async def test_what_no_fact_can_hold_keeps_nothing_else_from_being_told(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    dear = {"id": "ch_1", "amount": 2 * 10**12, "currency": "idr", "paid": True, "payment_intent": "pi_dear"}
    faulty.lists(charges=[dear])

    assert await troubled.payments_by(["pi_dear"]) == []
