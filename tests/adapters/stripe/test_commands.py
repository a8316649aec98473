"""What the adapter has Stripe do: each thing once, however often it is asked for."""

from uuid import UUID

import pytest

from adapters.stripe.billing import StripeBilling
from application.errors import ProviderRefused
from application.ports.billing import CheckoutPage
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from tests.adapters.stripe.faulty import Answer, FaultyStripe, error
from tests.adapters.stripe.simulated import SimulatedStripe, at

pytestmark = pytest.mark.anyio

ALICE = UUID("a11ce000-0000-4000-8000-000000000001")
CHECKOUT = UUID("c0ffee00-0000-4000-8000-000000000001")
MONTHLY = {"recurring[interval]": "month"}
PLAN = UUID("9a1d0000-0000-4000-8000-000000000001")


async def gold(
    billing: StripeBilling, interval: Interval = "month", currency: str = "USD", *, beside: str | None = None
) -> str:
    return await billing.create_price(
        plan_id=PLAN,
        name="Gold",
        price=Money(999, currency),
        interval=interval,
        beside=beside,
        idempotency_key=f"gold-{interval}-{currency}",
    )


async def alice(billing: StripeBilling) -> str:
    return await billing.create_customer(account_id=ALICE, email="alice@example.com", idempotency_key="alice")


async def checkout(billing: StripeBilling, price_id: str, *, recurring: bool = True, key: str = "c-1") -> CheckoutPage:
    return await billing.open_checkout(
        checkout_id=CHECKOUT,
        account_id=ALICE,
        customer_id=await alice(billing),
        price_id=price_id,
        recurring=recurring,
        trial_days=0,
        success_url="http://127.0.0.1:1/welcome",
        cancel_url="http://127.0.0.1:1/plans",
        idempotency_key=key,
    )


async def subscribed(billing: StripeBilling, simulated: SimulatedStripe) -> str:
    """Alice's new subscription."""
    simulated.pay((await checkout(billing, await gold(billing))).url)
    [seen] = (await billing.truth_of(await alice(billing))).subscriptions
    return seen.reference


async def test_a_price_names_its_plan_and_is_made_once(billing: StripeBilling, simulated: SimulatedStripe) -> None:
    price_id = await gold(billing, "year", "EUR")

    assert await gold(billing, "year", "EUR") == price_id
    price = simulated.read(f"prices/{price_id}")
    product = simulated.read(f"products/{price['product']}")
    assert (price["unit_amount"], price["currency"], price["recurring"]["interval"]) == (999, "eur", "year")
    assert product["name"] == "Gold"
    assert price["metadata"] == product["metadata"] == {"plan_id": str(PLAN)}
    assert len(simulated.read("prices")["data"]) == len(simulated.read("products")["data"]) == 1


async def test_all_prices_of_a_plan_are_under_its_one_product(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    dollars = await gold(billing)
    for beside in (dollars, None, "price_of_another_account"):
        other = await gold(billing, currency={dollars: "EUR", None: "GBP"}.get(beside, "CHF"), beside=beside)
        assert simulated.read(f"prices/{other}")["product"] == simulated.read(f"prices/{dollars}")["product"]

    assert len(simulated.read("products")["data"]) == 1


async def test_a_price_that_the_operator_made_keeps_its_product(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    product = simulated.create("products", name="Cooking")["id"]
    made = simulated.create("prices", product=product, currency="usd", unit_amount="999", **MONTHLY)["id"]

    new = await gold(billing, beside=made)

    assert simulated.read(f"prices/{new}")["product"] == product
    assert [one["id"] for one in simulated.read("products")["data"]] == [product]


async def test_what_is_bought_once_has_no_interval(billing: StripeBilling, simulated: SimulatedStripe) -> None:
    assert simulated.read(f"prices/{await gold(billing, 'once')}")["type"] == "one_time"


async def test_a_key_that_was_used_for_something_else_is_refused(billing: StripeBilling) -> None:
    await alice(billing)

    with pytest.raises(ProviderRefused):
        await billing.create_customer(account_id=PLAN, email="bob@example.com", idempotency_key="alice")


async def test_a_customer_is_found_again_by_the_account_that_it_was_made_for(billing: StripeBilling) -> None:
    assert await billing.customers_made_for(ALICE, email="alice@example.com") == []
    customer_id = await alice(billing)

    for email in ("alice@example.com", "alice@elsewhere.example", None):
        assert await billing.customers_made_for(ALICE, email=email) == [customer_id]
    assert await billing.customers_made_for(PLAN, email="alice@example.com") == []


@pytest.mark.parametrize(("email", "found"), [("alice@example.com", ["cus_alice"]), (None, [])])
async def test_where_stripe_has_no_search_it_is_found_by_its_address(
    troubled: StripeBilling, faulty: FaultyStripe, email: str | None, found: list[str]
) -> None:
    namesakes: list[dict[str, object]] = [
        {"id": "cus_other", "object": "customer", "metadata": {"account_id": str(PLAN)}},
        {"id": "cus_bare", "object": "customer", "metadata": {}},
        {"id": "cus_alice", "object": "customer", "metadata": {"account_id": str(ALICE)}},
    ]
    listed = {"object": "list", "url": "/v1/customers", "has_more": False, "data": namesakes}
    faulty.will(error(400, "Search is not available in your region."), Answer(body=listed))

    assert await troubled.customers_made_for(ALICE, email=email) == found
    assert [asked.path for asked in faulty.requests] == ["/v1/customers/search", *["/v1/customers"] * bool(email)]


async def test_a_customer_names_the_account_and_is_made_once(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    customer_id = await alice(billing)

    assert await alice(billing) == customer_id
    customer = simulated.read(f"customers/{customer_id}")
    assert (customer["email"], customer["metadata"]) == ("alice@example.com", {"account_id": str(ALICE)})


async def test_a_checkout_says_whose_it_is_everywhere(billing: StripeBilling, simulated: SimulatedStripe) -> None:
    page = await checkout(billing, await gold(billing))
    simulated.pay(page.url)

    session = simulated.read(f"checkout/sessions/{page.reference}")
    subscription = simulated.read(f"subscriptions/{session['subscription']}")
    ours = {"checkout_id": str(CHECKOUT), "account_id": str(ALICE)}
    assert (session["mode"], session["client_reference_id"], session["metadata"]) == (
        "subscription",
        str(CHECKOUT),
        ours,
    )
    assert subscription["metadata"] == ours
    assert page.expires_at == at("2026-01-02T00:00:00")


async def test_a_checkout_is_opened_once(billing: StripeBilling) -> None:
    price_id = await gold(billing)

    assert await checkout(billing, price_id) == await checkout(billing, price_id)
    assert await checkout(billing, price_id, key="c-2") != await checkout(billing, price_id)


async def test_what_is_bought_once_is_a_payment(billing: StripeBilling, simulated: SimulatedStripe) -> None:
    page = await checkout(billing, await gold(billing, "once"), recurring=False)
    simulated.pay(page.url)

    session = simulated.read(f"checkout/sessions/{page.reference}")
    intent = simulated.read(f"payment_intents/{session['payment_intent']}")
    assert (session["mode"], session["payment_status"]) == ("payment", "paid")
    assert intent["metadata"] == {"checkout_id": str(CHECKOUT), "account_id": str(ALICE)}


async def test_a_checkout_of_a_price_that_is_not_there_is_refused(billing: StripeBilling) -> None:
    with pytest.raises(ProviderRefused, match="No such price: 'price_unknown'"):
        await checkout(billing, "price_unknown")


async def test_cancelled_at_once_twice_it_is_cancelled(billing: StripeBilling, simulated: SimulatedStripe) -> None:
    reference = await subscribed(billing, simulated)

    for _ in range(2):
        await billing.cancel(reference, at_period_end=False, idempotency_key="cancel-1")

    assert simulated.read(f"subscriptions/{reference}")["status"] == "canceled"


async def test_cancelled_at_the_periods_end_twice_it_ends_then(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    reference = await subscribed(billing, simulated)

    for key in ("cancel-1", "cancel-1", "cancel-2"):
        await billing.cancel(reference, at_period_end=True, idempotency_key=key)

    assert simulated.read(f"subscriptions/{reference}")["status"] == "active"
    simulated.let_time_pass(at("2026-02-02T00:00:00"))
    assert simulated.read(f"subscriptions/{reference}")["status"] == "canceled"


async def test_what_has_ended_by_itself_may_still_be_cancelled(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    reference = await subscribed(billing, simulated)
    await billing.cancel(reference, at_period_end=True, idempotency_key="cancel-1")
    simulated.let_time_pass(at("2026-02-02T00:00:00"))

    await billing.cancel(reference, at_period_end=True, idempotency_key="cancel-2")
    await billing.cancel(reference, at_period_end=False, idempotency_key="cancel-3")

    assert simulated.read(f"subscriptions/{reference}")["status"] == "canceled"


@pytest.mark.parametrize("at_period_end", [True, False])
async def test_what_was_never_there_cannot_be_cancelled(billing: StripeBilling, *, at_period_end: bool) -> None:
    with pytest.raises(ProviderRefused, match="No such subscription"):
        await billing.cancel("sub_unknown", at_period_end=at_period_end, idempotency_key="cancel-1")
