"""What a storm is made of: months of many subscribers' lives at a simulated Stripe, with all events of it held back."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from adapters.sandbox.stripe.shapes import public
from tests.lives import people, selling
from tests.lives.life import Life, Move
from tests.lives.stripe import Stripe
from tests.lives.town import OPENED_AT, Town
from tests.stripe_cases.shop import account

STAGES = 3
DAYS_TO_A_ROUND = 12
ROUNDS_MAX = 200
LINKED = 5
"""One in so many is nobody's until a worker finds whom its checkout names."""

EVENTS = "SELECT body FROM objects WHERE kind = 'event' ORDER BY position LIMIT ? OFFSET ?"
COUNT = "SELECT count(*) FROM objects WHERE kind = 'event'"
OF_A_CUSTOMER = ("subscriptions", "invoices", "charges")

DOINGS: Mapping[Move, int] = {
    **selling.SALES,
    selling.subscribe_in_the_dashboard: 12,
    people.get_another_card: 8,
    people.cancel_now: 2,
    people.cancel_at_period_end: 3,
    people.cancel_some_day: 2,
    people.go_on: 3,
    people.pause_collection: 2,
    people.collect_again: 3,
    people.pause: 1,
    people.resume: 3,
    people.pay_what_is_owed: 3,
    people.refund: 5,
    people.fail_refund: 2,
    people.dispute: 2,
    people.decide_a_dispute: 2,
}


@dataclass(frozen=True)
class Stage:
    """Stripe as it was at a moment, and the events that it had made since the stage before."""

    books: Path
    moment: datetime
    events: Sequence[bytes]


class OwnStripe(Stripe):
    """What it has of one customer."""

    customer = ""

    async def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        if path in OF_A_CUSTOMER:
            query["customer"] = self.customer
        found = await super().all(path, **query)
        if path not in {"refunds", "disputes"}:
            return found
        own = {charge["id"] for charge in await self.all("charges")}
        return [one for one in found if one["charge"] in own]


class Subscriber(Life):
    """One of many at one Stripe; nothing comes of what she does until the storm."""

    async def customer(self) -> str | None:
        assert isinstance(self.stripe, OwnStripe)
        return self.stripe.customer


async def lived_through(town: Town, *, customers: int, events: int, seed: int) -> list[Stage]:
    """Until there have been so many events; the town knows the customers, and has heard of nothing else."""
    rng = Random(seed)  # noqa: S311 - a game, which must be played again as it was
    stages: list[Stage] = []
    async with town.stripe(OPENED_AT) as stripe:
        subscribers = [await _new_subscriber(town, stripe, rng, number) for number in range(customers)]
        for _ in range(ROUNDS_MAX):
            for subscriber in subscribers:
                for move in rng.choices(list(DOINGS), list(DOINGS.values()), k=2):
                    await move(subscriber)
            await subscribers[0].move_on(town.clock.moment + timedelta(days=DAYS_TO_A_ROUND))
            made = _count(town.folder / "life.sqlite3")
            while len(stages) < STAGES and made >= events * (len(stages) + 1) // STAGES:
                stages.append(_stage(town, len(stages), events))
            if len(stages) == STAGES:
                return stages
    raise AssertionError(f"so many lives have fewer than {events} events")


async def _new_subscriber(town: Town, stripe: Stripe, rng: Random, number: int) -> Subscriber:
    account_id = await account(town.house)
    own = OwnStripe(stripe.http, stripe.clock)
    made = await stripe.do("customers", email=f"{number}@example.com")
    assert made is not None
    own.customer = made["id"]
    if number % LINKED:
        path = f"/v1/admin/accounts/{account_id}/customers/stripe"
        bound = await town.api.put(path, json={"customer_id": own.customer}, headers=await town.as_admin())
        bound.raise_for_status()
    else:
        await people.pays_by_a_link(stripe, own.customer, account_id, rng.choice(list(town.prices.values())))
    return Subscriber(town, own, rng, account_id, {}, share_elsewhere=0.0, sells=dict(town.sells))


def _count(books: Path) -> int:
    with closing(sqlite3.connect(books)) as connection:
        return int(connection.execute(COUNT).fetchone()[0])


def _stage(town: Town, number: int, events: int) -> Stage:
    """A copy of the books, and this stage's share of the events."""
    kept, begins = town.folder / f"stage-{number}.sqlite3", events * number // STAGES
    with closing(sqlite3.connect(town.folder / "life.sqlite3")) as books, closing(sqlite3.connect(kept)) as copy:
        books.backup(copy)
        bodies = copy.execute(EVENTS, (events * (number + 1) // STAGES - begins, begins)).fetchall()
    return Stage(kept, town.clock.moment, [json.dumps(public(json.loads(body))).encode() for (body,) in bodies])
