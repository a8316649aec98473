"""What goes wrong in a life: with deliveries, with Stripe, with workers. And what is done so that it comes right."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from application.ports.sweeps import SweepKind
from application.sweeps import KINDS
from tests.lives.life import Life, Move, Stalled
from tests.lives.mortal import AWKWARD_FOR_SWEEPS, Fate, How, fated

OUTAGES: Sequence[dict[str, Any]] = (
    {"kind": "rate_limit", "requests": None, "should_retry": False},
    {"kind": "error", "requests": None, "should_retry": False},
    {"kind": "error", "requests": 2},
    {"kind": "drop", "requests": 1},
    {"kind": "drop", "requests": None},
    {"kind": "error", "requests": None, "path": "/invoices"},
)
SHAPES: Sequence[dict[str, Any]] = ({"thin": True}, {"api_version": "2024-06-20"})
STALLED_MAX = 2
SETTLED_SECONDS = 20.0


async def deliver_some(life: Life, *, share: float) -> int:
    """In an order of chance; some come twice."""
    events = [event for event in await life.stripe.unsent() if life.rng.random() < share]
    life.rng.shuffle(events)
    for event in events:
        await life.stripe.send(event)
        if life.rng.random() < 0.1:
            await life.stripe.send(event)
    return len(events)


async def settle(life: Life) -> str | None:
    await life.town.settle()
    return "a worker settled what was due"


async def deliver(life: Life) -> str | None:
    sent = await deliver_some(life, share=life.rng.choice((0.2, 0.5, 1.0)))
    return f"{sent} deliveries came"


async def deliver_and_settle(life: Life) -> str | None:
    sent = await deliver_some(life, share=life.rng.choice((0.2, 0.5, 1.0)))
    await settle(life)
    return f"{sent} deliveries came, and a worker settled them"


async def deliver_in_another_shape(life: Life) -> str | None:
    """Thin, or as before the fields moved."""
    shape = life.rng.choice(SHAPES)
    await life.stripe.control("PUT", "deliveries", mode={"hold": True, **shape})
    sent = await deliver_some(life, share=0.7)
    await life.stripe.control("PUT", "deliveries", mode={"hold": True})
    return f"{sent} deliveries came {shape}"


async def kill_a_worker(life: Life) -> str | None:
    """Its lease stays with it; mostly that has run out before the next one comes."""
    return await _end_a_worker(life, "killed")


async def cancel_a_worker(life: Life) -> str | None:
    """As SIGTERM ends it: it gives its leases back, and leaves what it was at."""
    return await _end_a_worker(life, "cancelled")


async def _end_a_worker(life: Life, how: How) -> str | None:
    fate = Fate.drawn(life.rng, how)
    await life.town.hurry()
    ended = await fate.befalls(_work(life, fate))
    if life.rng.random() < 0.8:
        await life.town.leases_run_out()
    return f"a worker was {fate}" if ended else None


async def stall_a_worker(life: Life) -> str | None:
    """Its lease runs out, others do its work, and one day it goes on with the answer that it has."""
    if len(life.stalled) >= STALLED_MAX:
        return None
    await life.town.hurry()
    fate = Fate.drawn(life.rng, "stalled")
    task = asyncio.create_task(fate.befalls(_work(life, fate)))
    reached = asyncio.create_task(fate.reached.wait())
    await asyncio.wait([task, reached], return_when=asyncio.FIRST_COMPLETED, timeout=SETTLED_SECONDS)
    reached.cancel()
    if task.done():
        await task
        return None
    life.stalled.append(Stalled(fate, task))
    await life.town.leases_run_out()
    return f"a worker {fate}, and its lease ran out"


async def wake_a_worker(life: Life) -> str | None:
    if not life.stalled:
        return None
    one = life.stalled.pop(life.rng.randrange(len(life.stalled)))
    one.fate.go_on.set()
    async with asyncio.timeout(SETTLED_SECONDS):
        await one.task
    return "a worker that had stalled went on"


async def _work(life: Life, fate: Fate) -> None:
    finding, convergence = fated(life.town.house.finding, fate), fated(life.town.house.convergence, fate)
    while await finding.find_waiting() or await convergence.settle_waiting():
        pass


async def settle_while_stripe_fails(life: Life) -> str | None:
    """Deliveries are taken at their word meanwhile, and asked about later."""
    fault = life.rng.choice(OUTAGES)
    await life.town.hurry()
    await life.stripe.control("PUT", "faults", faults=[fault])
    try:
        house = life.town.house
        await house.finding.find_waiting()
        await house.convergence.settle_waiting()
    finally:
        await life.stripe.control("PUT", "faults", faults=[])
    return f"a worker met a Stripe that fails {fault}"


async def cancel_while_stripe_fails(life: Life) -> str | None:
    """It is done, and its answer is lost."""
    fault = {"kind": life.rng.choice(("error", "drop")), "requests": 3, "path": "/subscriptions", "after": True}
    verb = life.rng.choice(("POST", "DELETE"))
    await life.stripe.control("PUT", "faults", faults=[{**fault, "verb": verb}])
    try:
        body = {"at_period_end": verb == "POST"}
        answer = await life.town.api.post("/v1/me/subscription/cancel", json=body, headers=life.headers)
    finally:
        await life.stripe.control("PUT", "faults", faults=[])
    return f"asked us to cancel {body} while Stripe lost its answers: {answer.status_code}"


async def leases_run_out(life: Life) -> str | None:
    await life.town.leases_run_out()
    return "all leases ran out"


async def sweep_undelivered(life: Life) -> str | None:
    await life.town.sweep("undelivered")
    return "a sweep asked for what could not be delivered"


async def sweep_everybody(life: Life) -> str | None:
    await life.town.sweep("customers")
    return "a sweep asked about everybody"


async def end_a_sweep(life: Life) -> str | None:
    """It stays as it was, and mostly its lease runs out, so that the next one goes on with it."""
    ended = await end_a_sweep_of(life, life.rng.choice(KINDS))
    if life.rng.random() < 0.8:
        await life.town.leases_run_out()
    if life.rng.random() < 0.5:
        await life.town.go_on_sweeping()
    return ended


async def end_a_sweep_of(life: Life, kind: SweepKind) -> str | None:
    """None where it was done before."""
    fate = Fate.drawn(life.rng, life.rng.choice(("killed", "cancelled")), AWKWARD_FOR_SWEEPS)
    sweeping = fated(life.town.house.sweeping, fate)
    await life.town.house.sweeping.sweeps.request(kind, cause="lives")

    async def sweep() -> None:
        while await sweeping.sweep_next() is not None:
            pass

    return f"a sweep of {kind} was {fate}" if await fate.befalls(sweep()) else None


async def fall_silent(life: Life) -> str | None:
    life.was_silent = True
    await life.stripe.control("PUT", "events/suppressed", types=["*"])
    return "Stripe makes no events from now on"


async def speak_again(life: Life) -> str | None:
    if not life.was_silent:
        return None
    await life.stripe.control("POST", "events/generation_failure_resolved")
    return "Stripe makes events again, and says that it failed to"


TROUBLES: Mapping[Move, int] = {
    deliver: 5,
    deliver_and_settle: 10,
    deliver_in_another_shape: 2,
    settle: 4,
    kill_a_worker: 6,
    cancel_a_worker: 4,
    end_a_sweep: 2,
    stall_a_worker: 6,
    wake_a_worker: 2,
    settle_while_stripe_fails: 4,
    cancel_while_stripe_fails: 1,
    leases_run_out: 2,
    sweep_undelivered: 1,
    sweep_everybody: 1,
    fall_silent: 1,
    speak_again: 1,
}
"""How often each is drawn, beside the others."""
