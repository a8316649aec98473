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
from uuid import UUID

from adapters.sandbox.stripe.shapes import public
from tests.lives import people, selling
from tests.lives.life import Life, Move
from tests.lives.oracle import Books, Oracle
from tests.lives.stripe import Stripe
from tests.lives.town import OPENED_AT, Town
from tests.stripe_cases.shop import account

STAGES = 3
DAYS_TO_A_ROUND = 12
ROOM = 1.3
"""For one more round, by the longest until then."""
LINKED = 5
"""One in so many is nobody's until a worker finds whom its checkout names."""

EVENTS = "SELECT body FROM objects WHERE kind = 'event' ORDER BY position LIMIT -1 OFFSET ?"
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


@dataclass(frozen=True)
class Lived:
    """`features` is what each account may watch in the end, by what Stripe has then and the policy."""

    stages: Sequence[Stage]
    features: Mapping[UUID, frozenset[str]]


async def lived_through(town: Town, *, customers: int, events: int, seed: int) -> Lived:
    """Until there have been just so many events; the town knows the customers, and has heard of nothing else."""
    rng = Random(seed)  # noqa: S311 - a game, which must be played again as it was
    stages: list[Stage] = []
    async with town.stripe(OPENED_AT) as stripe:
        subscribers = [await _new_subscriber(town, stripe, rng, number) for number in range(customers)]
        made, most = _made(town), 0
        while made + most * ROOM < events:
            for subscriber in subscribers:
                for move in rng.choices(list(DOINGS), list(DOINGS.values()), k=2):
                    await move(subscriber)
            await subscribers[0].move_on(town.clock.moment + timedelta(days=DAYS_TO_A_ROUND))
            most, made = max(most, _made(town) - made), _made(town)
            if len(stages) < STAGES - 1 and made >= events * (len(stages) + 1) // STAGES:
                stages.append(_stage(town, stages))
        await _fill_up(town, stripe, events)
        return Lived([*stages, _stage(town, stages)], await _features(town, stripe, subscribers))


async def _features(town: Town, stripe: Stripe, subscribers: Sequence[Subscriber]) -> Mapping[UUID, frozenset[str]]:
    paying, refunds, disputes = [await stripe.all(each) for each in ("invoice_payments", "refunds", "disputes")]
    now, found = int(town.clock.moment.timestamp()), {}
    for one in subscribers:
        subscriptions, invoices = await one.stripe.all("subscriptions", status="all"), await one.stripe.all("invoices")
        books = Books(subscriptions, invoices, paying, refunds, disputes)
        found[one.account_id] = Oracle(books, town.policy, town.sells).features(now)
    return found


async def _fill_up(town: Town, stripe: Stripe, events: int) -> None:
    """With news of what is nobody's, one event each: of what has happened to people nothing may be left untold."""
    product = (await stripe.all("products"))[0]["id"]
    for number in range(_made(town), events):
        await stripe.do(f"products/{product}", description=f"Number {number}")
    assert _made(town) == events


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


def _made(town: Town) -> int:
    """Events, until now."""
    with closing(sqlite3.connect(town.folder / "life.sqlite3")) as connection:
        return int(connection.execute(COUNT).fetchone()[0])


def _stage(town: Town, before: Sequence[Stage]) -> Stage:
    """A copy of the books, and the events since the stages before."""
    kept, told = town.folder / f"stage-{len(before)}.sqlite3", sum(len(stage.events) for stage in before)
    with closing(sqlite3.connect(town.folder / "life.sqlite3")) as books, closing(sqlite3.connect(kept)) as copy:
        books.backup(copy)
        bodies = copy.execute(EVENTS, (told,)).fetchall()
    return Stage(kept, town.clock.moment, [json.dumps(public(json.loads(body))).encode() for (body,) in bodies])
