"""Appends: callers that each renew subscriptions, one fact to an append, the next when the last is committed.

- `ledger`: our whole way, PostgresLedger and GroupCommitter, with the access read model in the same transaction.
- `ledger, no read model`: the same without it; the ratio is the price of decision 5.
- `library`: the eventsourcing library's PostgresApplicationRecorder called from a pool of 40 threads, as an
  asynchronous program has to, with its own settings. It writes no read model, and is lent our mapper.
- `pgbench`: INSERT of the same row into a table with the same indexes, by a C program over as many connections. It
  compares no version, keeps no order, notifies nobody: what the machine could do if a ledger were only rows.

All on one machine over a Unix socket: caller, writer and server share its cores, and a network would cost the library
more than us. Without personal fields, guarded rows and conflicts; on tables that grow from empty as the run goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle

from eventsourcing.persistence import ApplicationRecorder

from adapters.eventstore.mapper import FactMapper, Placed
from application.ports.ledger import Write
from benchmarks.contest import Contest, Contestant, Sample, percentile
from benchmarks.house import House, open_house
from benchmarks.library import library_recorder
from benchmarks.pgbench import pgbench
from benchmarks.subscribers import Subscriber
from benchmarks.workbench import Options, Workbench

SUBSCRIBERS = 1_000
THREADS = 40

AppendRenewal = Callable[[Subscriber], Awaitable[object]]


@asynccontextmanager
async def append(bench: Workbench, options: Options, *, callers: int) -> AsyncIterator[Contest]:
    """At the end it is checked that every append that was acknowledged is there, and nothing else."""
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(open_house(bench.database(f"append_{callers}")))
        plain = await stack.enter_async_context(open_house(bench.database(f"plain_{callers}"), inline=False))
        library = stack.enter_context(library_recorder(bench.database(f"library_{callers}")))
        threads = stack.enter_context(ThreadPoolExecutor(THREADS, thread_name_prefix="library"))
        loads = (
            Load("ledger", _into_house(ours), await _joined(ours), callers, options.seconds),
            Load("ledger, no read model", _into_house(plain), await _joined(plain), callers, options.seconds),
            Load("library", _into_library(library, threads), _new_to_library(), callers, options.seconds),
        )
        probe = pgbench(bench, f"pgbench_{callers}", callers=callers, seconds=options.seconds)
        yield Contest(f"append_{callers}", "facts/s", [*(Contestant(load.name, load.measure) for load in loads), probe])
        stored = (await _renewals(ours), await _renewals(plain), library.max_notification_id())
        assert stored == tuple(load.acknowledged for load in loads), "what was acknowledged is what is stored"


class Load:
    """So many callers at once, each with subscribers of its own, so that nobody is in another's way."""

    def __init__(
        self, name: str, append: AppendRenewal, subscribers: Sequence[Subscriber], callers: int, seconds: float
    ) -> None:
        self.name = name
        self.acknowledged = 0
        self._append = append
        self._shares = [cycle(subscribers[number::callers]) for number in range(callers)]
        self._seconds = seconds

    async def measure(self) -> Sample:
        latencies_ms: list[float] = []
        started = time.perf_counter()
        deadline = started + self._seconds
        async with asyncio.TaskGroup() as group:
            for share in self._shares:
                group.create_task(self._call(share, deadline, latencies_ms))
        elapsed = time.perf_counter() - started
        self.acknowledged += len(latencies_ms)
        return Sample(len(latencies_ms) / elapsed, percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99))

    async def _call(self, share: Iterator[Subscriber], deadline: float, latencies_ms: list[float]) -> None:
        while (begun := time.perf_counter()) < deadline:
            subscriber = next(share)
            await self._append(subscriber)
            subscriber.version += 1
            latencies_ms.append((time.perf_counter() - begun) * 1_000)


async def _joined(house: House) -> list[Subscriber]:
    """Subscribers whose beginning is on the ledger, and in the read model where that is written."""
    subscribers = [Subscriber(version=1) for _ in range(SUBSCRIBERS)]
    await house.ledger.append(*(write for subscriber in subscribers for write in subscriber.joins()))
    return subscribers


async def _renewals(house: House) -> int:
    """How many facts there are beside the two by which each subscriber has joined."""
    return await house.ledger.head() - 2 * SUBSCRIBERS


def _new_to_library() -> list[Subscriber]:
    return [Subscriber(version=0) for _ in range(SUBSCRIBERS)]


def _into_house(house: House) -> AppendRenewal:
    async def renewed(subscriber: Subscriber) -> None:
        await house.ledger.append(Write(subscriber.subscription_id, subscriber.version, [subscriber.renews()]))

    return renewed


def _into_library(recorder: ApplicationRecorder, threads: ThreadPoolExecutor) -> AppendRenewal:
    mapper = FactMapper()

    def record(subscriber: Subscriber) -> None:
        placed = Placed(subscriber.subscription_id, subscriber.version + 1, subscriber.renews(), None)
        recorder.insert_events([mapper.to_stored_event(placed)])

    async def renewed(subscriber: Subscriber) -> None:
        await asyncio.get_running_loop().run_in_executor(threads, record, subscriber)

    return renewed
