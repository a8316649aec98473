"""Appends: callers that each renew subscriptions, one fact to an append, the next when the last is committed.

- `ledger`: our own way, PostgresLedger and GroupCommitter, encoding and ids included; no read model, since the library
  writes none either.
- `ledger with access`: the whole product, which writes the access read model in the same transaction.
- `ledger with a guarded row` (64 callers): each append also checks and writes the fence of its customer, as the worker
  does who settles a webhook.
- `library`: the eventsourcing library's PostgresApplicationRecorder called from a pool of 40 threads, as an
  asynchronous program has to, with its own settings. It is lent our mapper.
- `pgbench` (256 callers): INSERT of the same row into a table with the same indexes, prepared, by a C program over as
  many connections, and over 64, which few cores serve better than 256. Its positions come from a sequence; it compares
  no version, keeps no order of commits, notifies nobody: what the machine could do if a ledger were only rows.

All on one machine over a Unix socket: caller, writer and server share its cores, and a network would cost the library
more than us. Without personal fields and conflicts; on tables that grow from empty as the run goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from itertools import cycle

import psycopg
from eventsourcing.persistence import ApplicationRecorder

from adapters.eventstore.mapper import FactMapper, Placed
from application.ports.ledger import Write
from benchmarks.contest import Comparison, Contest, Contestant, Figure, Outcome, hold
from benchmarks.house import House, open_house
from benchmarks.library import library_recorder
from benchmarks.load import AppendNext, Load
from benchmarks.pgbench import pgbench
from benchmarks.subscribers import Subscriber
from benchmarks.workbench import Options, Workbench

SUBSCRIBERS = 1_000
THREADS = 40

OURS, WHOLE, GUARDED = "ledger", "ledger with access", "ledger with a guarded row"
LIBRARY = "library"
PGBENCH = {256: "pgbench, 256 connections", 64: "pgbench, 64 connections"}
"""With as many as we have callers, and with as many as do it some good on a few cores."""

AppendRenewal = Callable[[Subscriber], Awaitable[object]]


async def append(bench: Workbench, options: Options, say: Callable[[str, int], None], *, callers: int) -> Outcome:
    """At the end it is checked that every append that was acknowledged is there, and nothing else."""
    loads: dict[str, Load] = {}
    async with AsyncExitStack() as stack:
        houses: dict[str, House] = {}
        for name in (OURS, WHOLE, *([GUARDED] if callers == 64 else [])):
            dsn = bench.database(f"{name} {callers}")
            house = await stack.enter_async_context(open_house(dsn, inline=name == WHOLE))
            houses[name] = house
            loads[name] = _load(_into_house(house, guarded=name == GUARDED), await _joined(house), callers, options)
        library = stack.enter_context(library_recorder(bench.database(f"library {callers}")))
        threads = stack.enter_context(ThreadPoolExecutor(THREADS, thread_name_prefix="library"))
        loads[LIBRARY] = _load(_into_library(library, threads), _new_to_library(), callers, options)
        contestants = [Contestant(name, load.measure) for name, load in loads.items()]
        if callers == 256:
            contestants += [
                pgbench(bench, name, callers=number, streams=SUBSCRIBERS, seconds=options.seconds)
                for number, name in PGBENCH.items()
            ]
        contest = Contest(f"append_{callers}", contestants, _comparisons(callers))
        outcome = await hold(contest, rounds=options.rounds, on_round=say)
        stored = {name: await _renewals(house) for name, house in houses.items()}
        stored[LIBRARY] = library.max_notification_id() or 0
    acknowledged = {name: load.acknowledged for name, load in loads.items()}
    assert stored == acknowledged, f"what was acknowledged is what is stored: {acknowledged}, {stored}"
    return outcome


def _comparisons(callers: int) -> list[Comparison]:
    rows = [
        (f"append_vs_library_{callers}", OURS, LIBRARY),
        (f"append_inline_vs_library_{callers}", WHOLE, LIBRARY),
        *([("append_inline_vs_plain_64", WHOLE, OURS)] if callers == 64 else []),
        *([("append_guarded_vs_library_64", GUARDED, LIBRARY)] if callers == 64 else []),
        *([("append_vs_pgbench_256", OURS, PGBENCH[256])] if callers == 256 else []),
        *([("append_256_vs_pgbench_64", OURS, PGBENCH[64])] if callers == 256 else []),
    ]
    return [Comparison(name, "facts/s", Figure(ours), Figure(theirs)) for name, ours, theirs in rows]


def _load(append: AppendRenewal, subscribers: Sequence[Subscriber], callers: int, options: Options) -> Load:
    shares = [subscribers[number::callers] for number in range(callers)]
    return Load([_caller(append, share) for share in shares], seconds=options.seconds)


def _caller(append: AppendRenewal, subscribers: Sequence[Subscriber]) -> AppendNext:
    turns = cycle(subscribers)

    async def append_next() -> None:
        subscriber = next(turns)
        await append(subscriber)
        subscriber.version += 1

    return append_next


async def _joined(house: House) -> list[Subscriber]:
    """Subscribers whose beginning is on the ledger, and in the read model where that is written; with their fences."""
    subscribers = [Subscriber(version=1) for _ in range(SUBSCRIBERS)]
    await house.ledger.append(*(write for subscriber in subscribers for write in subscriber.joins()))
    with psycopg.connect(house.dsn) as connection:
        connection.execute(
            "INSERT INTO ops.customer_fences (provider, customer_id, epoch) SELECT 'stripe', unnest(%s::text[]), 1",
            ([subscriber.customer_id for subscriber in subscribers],),
        )
    return subscribers


async def _renewals(house: House) -> int:
    """How many facts there are beside the two by which each subscriber has joined."""
    return await house.ledger.head() - 2 * SUBSCRIBERS


def _new_to_library() -> list[Subscriber]:
    return [Subscriber(version=0) for _ in range(SUBSCRIBERS)]


def _into_house(house: House, *, guarded: bool) -> AppendRenewal:
    async def renewed(subscriber: Subscriber) -> None:
        write = Write(subscriber.subscription_id, subscriber.version, [subscriber.renews()])
        await house.ledger.append(write, rows=[subscriber.fence()] if guarded else ())

    return renewed


def _into_library(recorder: ApplicationRecorder, threads: ThreadPoolExecutor) -> AppendRenewal:
    mapper = FactMapper()

    def record(subscriber: Subscriber) -> None:
        placed = Placed(subscriber.subscription_id, subscriber.version + 1, subscriber.renews(), None)
        recorder.insert_events([mapper.to_stored_event(placed)])

    async def renewed(subscriber: Subscriber) -> None:
        await asyncio.get_running_loop().run_in_executor(threads, record, subscriber)

    return renewed
