"""Callers at work: each appends, waits for the answer, and appends the next, for so many seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.contest import P50, P99, RATE, Sample, percentile

AppendNext = Callable[[], Awaitable[object]]


class Load:
    """So many callers at once, each with streams of its own, so that nobody is in another's way."""

    def __init__(self, callers: Sequence[AppendNext], *, seconds: float) -> None:
        self.acknowledged = 0
        self._callers = callers
        self._seconds = seconds

    async def measure(self) -> Sample:
        latencies_ms: list[float] = []
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for append_next in self._callers:
                group.create_task(self._call(append_next, started + self._seconds, latencies_ms))
        elapsed = time.perf_counter() - started
        self.acknowledged += len(latencies_ms)
        return {
            RATE: len(latencies_ms) / elapsed,
            P50: percentile(latencies_ms, 0.5),
            P99: percentile(latencies_ms, 0.99),
        }

    async def _call(self, append_next: AppendNext, deadline: float, latencies_ms: list[float]) -> None:
        while (begun := time.perf_counter()) < deadline:
            await append_next()
            latencies_ms.append((time.perf_counter() - begun) * 1_000)
