"""A price that was asked for is had, whatever came between."""

from contextlib import suppress

from application.errors import ProviderRefused
from application.plans import Plans
from application.policies.policy import Policy
from application.recall import Asked
from domain.plan.plan import PriceRequested
from domain.shared.fact import Actor, Cause


def when_price_requested_settle_it(plans: Plans) -> Policy:
    """Whoever asked has mostly finished it by then; after a crash, or with the provider away, this does."""

    async def act(fact: PriceRequested) -> None:
        # A refusal is recorded; asked again, it would be refused again, and every later price would wait for it.
        with suppress(ProviderRefused):
            await plans.settle_price(fact.plan_id, Asked(Actor("system", "pricing"), Cause("fact", str(fact.position))))

    return Policy("settle_prices", (PriceRequested,), act)
