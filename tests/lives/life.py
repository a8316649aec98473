"""One life, made up from a seed: whose it is, which Stripe it has, and what has happened in it so far."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.lives.mortal import Fate
from tests.lives.stripe import Stripe
from tests.lives.town import EXTRA, OPENED_AT, Town
from tests.stripe_cases.shop import account

ENDED = ("canceled", "incomplete_expired")


@dataclass
class Stalled:
    """A worker that has asked Stripe, and does not get on with its answer."""

    fate: Fate
    task: asyncio.Task[bool]


@dataclass
class Life:
    """A subscriber's; `tale` says what was done, for whoever has to find out what went wrong."""

    town: Town
    stripe: Stripe
    rng: Random
    account_id: UUID
    headers: dict[str, str]
    tale: list[str] = field(default_factory=list)
    stalled: list[Stalled] = field(default_factory=list)
    share_elsewhere: float = 0.15
    """Of what is sold; no plan of ours is about it."""
    elsewhere: str | None = None
    """Its price, once it is sold."""
    sells: dict[str, frozenset[str]] = field(default_factory=dict)
    """The features that each price gives."""
    was_silent: bool = False
    """Whether Stripe has failed to make events for a while."""
    sells_more: bool = False
    """Whether a plan was made of what had been sold before: of that no delivery tells."""

    async def do(self, move: "Move") -> None:
        self.note(await move(self))

    def note(self, told: str | None) -> None:
        if told is not None:
            self.tale.append(f"{self.now:%Y-%m-%d %H:%M:%S}  {told}")

    @property
    def now(self) -> datetime:
        return self.town.clock.moment

    async def move_on(self, to: datetime) -> None:
        """Time passes here and at Stripe."""
        await self.stripe.control("POST", "advance", to=to.isoformat())
        self.town.clock.moment = self.stripe.clock.moment = to

    async def next_due(self) -> datetime | None:
        """When Stripe does something by itself again."""
        due = await self.stripe.next_due()
        return datetime.fromisoformat(due) if due else None

    async def customer(self) -> str | None:
        """Stripe knows nobody else."""
        customers = await self.stripe.all("customers")
        return str(customers[0]["id"]) if customers else None

    async def subscriptions(self, *statuses: str) -> list[dict[str, Any]]:
        """Those in one of the statuses; without any, those that have not ended."""
        every = await self.stripe.all("subscriptions", status="all")
        return [one for one in every if (one["status"] in statuses if statuses else one["status"] not in ENDED)]

    async def one(self, *statuses: str) -> dict[str, Any] | None:
        found = await self.subscriptions(*statuses)
        return self.rng.choice(found) if found else None

    async def price_elsewhere(self) -> str:
        """Made at Stripe when it is first sold."""
        if self.elsewhere is None:
            product = await self.stripe.do("products", name="Mug")
            assert product is not None
            made = await self.stripe.do(
                "prices", product=product["id"], currency="usd", unit_amount="700", **{"recurring[interval]": "month"}
            )
            assert made is not None
            self.elsewhere = str(made["id"])
        return self.elsewhere

    async def make_a_plan_of_elsewhere(self) -> None:
        assert self.elsewhere is not None, "nothing else is sold"
        await self.town.make_a_plan_of(self.elsewhere)
        self.sells[self.elsewhere] = frozenset(EXTRA)

    def any_price(self) -> tuple[str, str]:
        """The name of a plan, and the id of its price."""
        return self.rng.choice(list(self.town.prices.items()))


Move = Callable[[Life], Awaitable[str | None]]
"""Says what it did; None where there was nothing to do it to."""


@asynccontextmanager
async def new_life(town: Town, seed: int) -> AsyncIterator[Life]:
    """Of somebody who has just signed up."""
    rng = Random(f"{town.name}-{seed}")  # noqa: S311 - a game, which must be played again as it was
    begins = OPENED_AT + timedelta(days=rng.randint(0, 360), seconds=rng.randint(0, 86_399))
    async with town.stripe(begins) as stripe:
        account_id = await account(town.house)
        headers = await town.signed_in(account_id)
        life = Life(town, stripe, rng, account_id, headers, sells=dict(town.sells))
        try:
            yield life
        finally:
            for one in life.stalled:
                one.task.cancel()
            await asyncio.gather(*(one.task for one in life.stalled), return_exceptions=True)
