"""Events come shuffled and more than five times each, beside workers, from a Stripe that fails and goes on.

Each shuffle has a database of its own, a copy of the one that knows the customers; Stripe's history is made once.
`STREAMLY_ALL_ORDERS=1`, as `make soak` has it: 10,000 events, 55,000 deliveries, 20 shuffles. `STREAMLY_SHUFFLES` says
how many otherwise.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.lives.oracle import Policy
from tests.lives.stripe import Stripe
from tests.lives.town import SECRET, Town, opened_town, playing, running_town
from tests.postgres import Databases
from tests.storm.history import Lived, lived_through
from tests.storm.outcome import Outcome, differences, outcome_of
from tests.storm.sending import Sender, shuffled

pytestmark = pytest.mark.anyio

FULL_SIZE = bool(os.environ.get("STREAMLY_ALL_ORDERS"))
CUSTOMERS, EVENTS, DELIVERIES = (100, 10_000, 55_000) if FULL_SIZE else (8, 300, 1_650)
SHUFFLES = int(os.environ.get("STREAMLY_SHUFFLES", "20" if FULL_SIZE else "3"))
CONNECTIONS, WORKERS, TURNS = 4, 2, 2
LOOK_SECONDS = 0.005
KEPT = "SELECT count(*), count(DISTINCT event_id) FROM ops.inbox"
DOWN = {"kind": "error", "requests": None, "should_retry": False}


@dataclass(frozen=True)
class History:
    """`dsn` is the database before the storm, to be copied; `folder` has Stripe's books."""

    dsn: str
    folder: Path
    lived: Lived


@pytest.fixture(scope="module")
async def history(
    databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[History]:
    dsn, folder = databases.clone(template_database), tmp_path_factory.mktemp("storm")
    async with running_town(dsn, folder, "storm", Policy()) as town:
        lived = await lived_through(town, customers=CUSTOMERS, events=EVENTS, seed=7)
    yield History(dsn, folder, lived)
    databases.drop(dsn)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Of the shuffles until now."""
    return []


@pytest.mark.parametrize("seed", range(SHUFFLES))
async def test_a_storm_ends_the_same_in_whatever_order_it_came(
    seed: int, history: History, outcomes: list[Outcome], databases: Databases
) -> None:
    dsn = databases.clone(history.dsn)
    async with opened_town(dsn, history.folder, "storm", Policy()) as town:
        await weather(town, history, Random(seed))  # noqa: S311 - the same storm each time, and no secret
        outcomes.append(await outcome_of(town))
        unsettled = await town.unsettled()
        watched = {account_id: await features(town, account_id) for account_id in history.lived.features}
    kept = kept_of_the_storm(dsn)
    databases.drop(dsn)

    assert kept == (EVENTS, EVENTS)
    assert unsettled == []
    assert watched == history.lived.features
    assert sum(map(bool, watched.values())) > CUSTOMERS // 5
    different = "\n".join(differences(outcomes[0], outcomes[-1]))
    assert not different, different


async def weather(town: Town, history: History, rng: Random) -> None:
    """Stage by stage: Stripe goes on, deliveries come while workers have their turns, in the end all is settled."""
    coming = shuffled(history.lived.stages, deliveries=DELIVERIES, rng=rng)
    for number, (stage, bodies) in enumerate(zip(history.lived.stages, coming, strict=True)):
        town.clock.moment = stage.moment
        books = history.folder / "storm.sqlite3"
        shutil.copy(stage.books, books)
        sender = Sender(town.settings.port, SECRET, signed_at=int(stage.moment.timestamp()))
        async with playing(town.stage, books, town.settings, stage.moment) as stripe, asyncio.TaskGroup() as group:
            group.create_task(work_beside(town, stripe, sender, rng, begins_badly=not number))
            await sender.send(bodies, connections=CONNECTIONS)
        async with playing(town.stage, books, town.settings, stage.moment):
            if stage is history.lived.stages[-1] or rng.random() < 0.5:
                await town.settle()


async def work_beside(town: Town, stripe: Stripe, sender: Sender, rng: Random, *, begins_badly: bool) -> None:
    """Some turns of several workers, whenever; in the first of them Stripe may fail, so that payloads have to do."""
    for turn, share in enumerate(sorted(rng.random() for _ in range(TURNS))):
        while sender.share < share:
            await asyncio.sleep(LOOK_SECONDS)
        await stripe.control("PUT", "faults", faults=[DOWN] if begins_badly and not turn else [])
        await town.hurry()
        await asyncio.gather(*(_turn(town) for _ in range(WORKERS)))
    await stripe.control("PUT", "faults", faults=[])


async def _turn(town: Town) -> None:
    await town.house.finding.find_waiting()
    await town.house.convergence.settle_waiting()


async def features(town: Town, account_id: UUID) -> frozenset[str]:
    """What we say over HTTP that may be watched now."""
    answer = await town.api.get("/v1/me/subscription", headers=await town.signed_in(account_id))
    access: dict[str, Any] = answer.raise_for_status().json()["access"]
    return frozenset(access["features"]) if access["granted"] else frozenset()


def kept_of_the_storm(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        return connection.execute(KEPT).fetchone()
