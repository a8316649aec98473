"""The end of a life: all that is outstanding comes or is swept, and then access is what Stripe and the policy say."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from application.ports.sweeps import SweepKind
from domain.shared.fact import AccountFact
from tests.domain.records import followed
from tests.lives.life import Life
from tests.lives.oracle import DAY, Oracle, books_of
from tests.lives.troubles import (
    cancel_a_worker,
    deliver_some,
    end_a_sweep_of,
    kill_a_worker,
    settle,
    stall_a_worker,
    wake_a_worker,
)

EVENTS_KEPT = timedelta(days=30)
SPANS_DAYS = (0, 1, 7, 31)


async def bring_to_an_end(life: Life) -> None:
    """Either everything that was held back comes, and nothing is swept; or it never comes, and sweeps have to do."""
    if life.rng.random() < 0.65:
        life.tale.append("-- at the end all comes that was outstanding")
        await deliver_some(life, share=1.0)
    else:
        life.tale.append("-- at the end what was outstanding is lost, and swept")
        await life.do(_sweep_the_lost)
    for move in life.rng.sample((kill_a_worker, stall_a_worker, cancel_a_worker), life.rng.randint(0, 3)):
        await life.do(move)
    if life.rng.random() < 0.5:
        await life.do(wake_a_worker)
    await life.town.leases_run_out()
    await life.do(settle)
    if life.was_silent or life.sells_more:
        await life.town.sweep("customers")
    while life.stalled:
        await life.do(wake_a_worker)
    await settle(life)
    await _nothing_is_left(life)


async def _nothing_is_left(life: Life) -> None:
    """Save what waits for a plan to be made of what a subscription sells."""
    sold = [{item["price"]["id"] for item in one["items"]["data"]} for one in await life.subscriptions()]
    waits = any(not prices & life.sells.keys() for prices in sold)
    why = ("parked", f"stripe sells {life.elsewhere}, which belongs to no plan")
    left = [row for row in await life.town.unsettled() if not waits or row[2:] != why]
    assert left == [], f"{left} wait for nothing"


async def _sweep_the_lost(life: Life) -> str:
    """Stripe tells of its events for 30 days; what is older is found by asking about everybody."""
    await life.town.leases_run_out()
    await life.town.go_on_sweeping()
    events = await life.stripe.all("events", delivery_success="false")
    lost = await life.stripe.unsent()
    told = [event for event in events if event["created"] > (life.now - EVENTS_KEPT).timestamp() + DAY]
    await _sweep(life, "undelivered")
    if len(told) < len(lost):
        await _sweep(life, "customers")
    return f"{len(told)} of {len(lost)} lost events were swept"


async def _sweep(life: Life, kind: SweepKind) -> None:
    """One alone, which may be cut off: then another worker goes on with that one."""
    if life.rng.random() < 0.4:
        await life.town.sweep(kind)
        return
    life.note(await end_a_sweep_of(life, kind))
    await life.town.leases_run_out()
    await life.town.go_on_sweeping()


class Judged(NamedTuple):
    """At how many moments something might be watched, and at how many nothing."""

    granted: int
    refused: int


async def judge(life: Life) -> Judged:
    """Raises AssertionError at the first difference."""
    oracle = Oracle(await books_of(life.stripe, await life.customer()), life.town.policy, life.sells)
    granted, moments = 0, _moments(life, oracle)
    for at in moments:
        expected, (answered, status) = oracle.features(int(at.timestamp())), await _answered(life, at)
        assert answered == expected, (
            f"at {at} we give {sorted(answered)}, and Stripe and the policy say {sorted(expected)}"
        )
        living = oracle.living()
        assert expected or not living or status in living, f"at {at} we tell of {status}, and {sorted(living)} lives"
        granted += bool(expected)
    await _replays_alike(life)
    return Judged(granted, len(moments) - granted)


def _moments(life: Life, oracle: Oracle) -> list[datetime]:
    """Now and later, and just before and after whatever turns by itself."""
    turns = [datetime.fromtimestamp(turn + beside, UTC) for turn in oracle.turns() for beside in (-1, 0, 1)]
    return sorted({*(life.now + timedelta(days=days) for days in SPANS_DAYS), *(at for at in turns if at >= life.now)})


class Answered(NamedTuple):
    """What may be watched, and the status of what we tell of."""

    features: frozenset[str]
    status: str


async def _answered(life: Life, at: datetime) -> Answered:
    """What we say over HTTP when it is that late, and nothing has been heard since."""
    now, life.town.clock.moment = life.now, at
    try:
        answer = await life.town.api.get("/v1/me/subscription", headers=life.headers)
    finally:
        life.town.clock.moment = now
    told: dict[str, Any] = answer.raise_for_status().json()
    features = told["access"]["features"] if told["access"]["granted"] else ()
    return Answered(frozenset(features), told["status"])


async def _replays_alike(life: Life) -> None:
    """The facts alone give the standing that the read model has."""
    house = life.town.house
    recorded = await house.audit.history.of_account(life.account_id)
    facts = [entry.fact for entry in recorded if isinstance(entry.fact, AccountFact)]
    assert followed(facts) == await house.playback.access.standing(life.account_id)
