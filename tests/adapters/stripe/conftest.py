"""A simulated Stripe and a faulty one, each on a real port, and the adapter that talks to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.stripe.billing import StripeBilling
from tests.adapters.stripe.faulty import FaultyStripe, Headlong
from tests.adapters.stripe.simulated import WEBHOOK_SECRET, SimulatedStripe, at, bound, serving, simulated_stripe

NEW_YEAR = at("2026-01-01T00:00:00")


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedStripe]:
    with simulated_stripe(tmp_path, NEW_YEAR) as stripe:
        yield stripe


@pytest.fixture
async def billing(simulated: SimulatedStripe) -> AsyncIterator[StripeBilling]:
    billing = StripeBilling("sk_test_x", [WEBHOOK_SECRET], api_base=simulated.api_base, livemode=False, pace=Headlong())
    yield billing
    await billing.close()


@pytest.fixture(scope="module")
def faulty_server() -> Iterator[FaultyStripe]:
    stripe = FaultyStripe()
    with bound() as free, serving(stripe.app(), free) as stripe.url:
        yield stripe


@pytest.fixture
def faulty(faulty_server: FaultyStripe) -> FaultyStripe:
    faulty_server.requests.clear()
    faulty_server.places.clear()
    return faulty_server


@pytest.fixture
async def troubled(faulty: FaultyStripe) -> AsyncIterator[StripeBilling]:
    """The adapter with a faulty Stripe behind it."""
    billing = StripeBilling("sk_test_of_ours", [WEBHOOK_SECRET], api_base=faulty.url, livemode=False, pace=Headlong())
    yield billing
    await billing.close()
