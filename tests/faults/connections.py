"""Whether those who ask are answered while thousands hold connections: an API process, who holds, and who asks.

python -m tests.faults.connections [--idle 10000] [--slow 5000]: 0 when it held. Part of `make soak`.
"""

import argparse
import asyncio
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import httpx

from tests.faults.database import Database
from tests.faults.processes import ROOT, Process, end_all

REQUESTS, PAUSE_SECONDS = 1_000, 0.02
START_SECONDS, HELD_SECONDS = 60.0, 90.0
TIMES_MAX, ALLOWED_SECONDS = 2.0, 0.05
"""Twice the baseline, and this much for a machine whose cores the holders take a share of."""
HELD_SHARE = 0.6
"""Who has been hung up on takes a moment to come again; and of more than 10,000 the server sends the longest away."""


class Answers(NamedTuple):
    """How long requests took, in seconds, each on a connection of its own every other time."""

    median: float
    p99: float
    failed: int

    def __str__(self) -> str:
        return f"median {self.median * 1000:.1f} ms, p99 {self.p99 * 1000:.1f} ms, {self.failed} failed"


class Measured(NamedTuple):
    """Before, and while connections were held, so many at most at a time."""

    alone: Answers
    crowded: Answers
    held: int

    @property
    def bearable(self) -> bool:
        return not self.crowded.failed and self.crowded.p99 <= self.alone.p99 * TIMES_MAX + ALLOWED_SECONDS

    def __str__(self) -> str:
        return f"alone {self.alone}; with {self.held:,} connections held {self.crowded}"


async def measure(folder: Path, *, idle: int, slow: int, requests: int = REQUESTS) -> Measured:
    """On a server of its own, as the product runs it. Raises TimeoutError where it does not begin."""
    async with api(folder) as port:
        address = f"http://127.0.0.1:{port}/v1/plans"
        await answers(address, requests // 10)
        alone = await answers(address, requests)
        async with holders(port, idle, slow) as held:
            crowded = await answers(address, requests)
            return Measured(alone, crowded, max(held))


@asynccontextmanager
async def api(folder: Path, **settings: str) -> AsyncIterator[int]:
    """The port of an API process on a new database, with these settings beside its own."""
    async with api_process(folder, **settings) as running:
        yield running.port


class Running(NamedTuple):
    """An API process, where it listens, and its database."""

    port: int
    process: Process
    database: Database


@asynccontextmanager
async def api_process(folder: Path, **settings: str) -> AsyncIterator[Running]:
    """On a new database, with these settings beside its own."""
    database = Database(folder / "postgres")
    try:
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
            number, port = listening.fileno(), int(listening.getsockname()[1])
            environment = {"DATABASE_URL": database.app, "DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)} | settings
            command = ["entrypoints.cli.main", "api", "--fd", str(number)]
            process = Process("api", folder, command, environment, [number])
            process.start()
            try:
                await until_answered(f"http://127.0.0.1:{port}/health/live")
                yield Running(port, process, database)
            finally:
                end_all([process])
    finally:
        database.stop()


async def until_answered(url: str) -> None:
    """Well. Raises TimeoutError where that takes too long."""
    async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


@asynccontextmanager
async def holders(port: int, idle: int, slow: int) -> AsyncIterator[list[int]]:
    """Entered once most of them hold a connection; the list goes on telling how many do."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.holders", str(port), str(idle), str(slow), cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    held: list[int] = []
    async with asyncio.timeout(HELD_SECONDS):
        while not held or held[-1] < (idle + slow) * HELD_SHARE:
            held.append(sum(map(int, (await process.stdout.readline()).split())))
    listening = asyncio.create_task(_listen(process.stdout, held))
    try:
        yield held
    finally:
        process.stdin.close()
        await process.wait()
        await listening


async def _listen(said: asyncio.StreamReader, held: list[int]) -> None:
    while line := await said.readline():
        held.append(sum(map(int, line.split())))


async def answers(address: str, count: int) -> Answers:
    took, failed = [], 0
    async with httpx.AsyncClient(timeout=10) as kept:
        for number in range(count):
            began = time.perf_counter()
            try:
                answer = await kept.get(address, headers={"Connection": "close"} if number % 2 else {})
                failed += not answer.is_success
            except httpx.HTTPError:
                failed += 1
            took.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_SECONDS)
    return Answers(statistics.median(took), statistics.quantiles(took, n=100)[98], failed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="Requests while thousands hold connections.")
    parser.add_argument("--idle", type=int, default=10_000, help="who say nothing (default: %(default)s)")
    parser.add_argument("--slow", type=int, default=5_000, help="who say a byte a second (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamly-soak-") as folder:
        measured = asyncio.run(measure(Path(folder), idle=given.idle, slow=given.slow))
    sys.stdout.write(f"{measured}\n")
    if not measured.bearable:
        sys.stdout.write("FAILED: who asked waited for too long, or was not answered\n")
    return 0 if measured.bearable else 1


if __name__ == "__main__":
    sys.exit(main())
