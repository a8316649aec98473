"""Whether an API process outlives requests that are wrong in any way, and answers each as it should.

python -m tests.faults.mutations [--requests 1000000] [--seed N]: 0 when it did. Part of `make soak`.
"""

import argparse
import asyncio
import resource
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import httpx

from domain.shared.fact import NO_CAUSE
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings
from entrypoints.wiring import open_house
from tests.faults.answers_owed import ANSWER_SECONDS_MAX, Connection, Failure
from tests.faults.connections import Running, api_process, until_answered
from tests.faults.mutants import mutated
from tests.faults.processes import ROOT, Process, end_all
from tests.faults.sign_ins import UNLIMITED
from tests.faults.valid_requests import ADMIN, PASSWORD, furnish, valid_requests

REQUESTS, CONNECTIONS = 1_000_000, 8
FURNISHED_EVERY = 5_000
"""A token is good for 15 minutes."""
WARM_UP_SHARE, WARM_UP_MAX = 0.1, 50_000
GROWTH_MAX_BYTES = 200 << 20
FAILURES_MAX = 10
ERROR = b'"level":"error"'


class Outcome(NamedTuple):
    """How often each status was answered, what went wrong, and what became of the process."""

    seed: str
    answered: Counter[int]
    failures: list[Failure]
    grown_bytes: int
    seconds: float
    requests: int
    troubles: list[str]

    @property
    def outlived(self) -> bool:
        return not self.failures and not self.troubles and self.grown_bytes < GROWTH_MAX_BYTES

    def __str__(self) -> str:
        heard = ", ".join(f"{times:,} x {status}" for status, times in sorted(self.answered.items()))
        said = f"{self.requests:,} requests (seed {self.seed}) in {self.seconds:.0f} s"
        said += f" ({self.requests / self.seconds:.0f}/s): {heard}; memory grew by {self.grown_bytes / 2**20:.0f} MiB"
        return "\n".join([said, *self.troubles, *map(str, self.failures)])


async def bombard(
    port: int,
    sent: Callable[[int], bytes],
    numbers: range,
    *,
    answer_seconds_max: float = ANSWER_SECONDS_MAX,
) -> tuple[Counter[int], list[Failure]]:
    """Send each of these once, over several connections at once; it ends early where much goes wrong."""
    answered: Counter[int] = Counter()
    failures: list[Failure] = []
    left = iter(numbers)

    async def one() -> None:
        connection = Connection(port, answer_seconds_max)
        try:
            for number in left:
                answers, failure = await connection.exchange(sent(number))
                answered.update(answer.status for answer in answers)
                if failure is not None:
                    failures.append(failure)
                if len(failures) >= FAILURES_MAX:
                    return
        finally:
            connection.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return answered, failures


async def mutants(client: httpx.AsyncClient, webhook_secret: str, seed: str) -> Callable[[int], bytes]:
    """The mutant of each number: the same by the same seed, but for the ids and tokens."""
    document = (await client.get("/schema/openapi.json")).raise_for_status().json()
    asks = valid_requests(document, *await furnish(client), webhook_secret)

    def sent(number: int) -> bytes:
        dice = Random(f"{seed}/{number}")  # noqa: S311  # it mutates
        return mutated(dice.choice(asks), dice, asks)

    return sent


async def attack(folder: Path, *, requests: int, seed: str) -> Outcome:
    """On a service of its own. Raises TimeoutError where it does not begin."""
    async with service(folder) as running, httpx.AsyncClient(base_url=address(running.port), timeout=30) as client:
        secret = with_development_secrets(Settings(data_dir=folder)).stripe_webhook_secrets
        answered: Counter[int] = Counter()
        failures: list[Failure] = []
        troubles: list[str] = []
        warm_bytes, done, began = 0, 0, time.monotonic()
        for numbers in stretches(requests):
            sent = await mutants(client, secret, seed)
            heard, wrong = await bombard(running.port, sent, numbers)
            answered += heard
            done = numbers.stop
            failures += wrong
            troubles += await troubles_of(running.process, client)
            if failures or troubles:
                break
            if not warm_bytes and numbers.stop >= min(requests * WARM_UP_SHARE, WARM_UP_MAX):
                warm_bytes = memory_of(running.process.pid)
        grown = memory_of(running.process.pid) - warm_bytes if warm_bytes else 0
        return Outcome(seed, answered, failures, grown, time.monotonic() - began, done, troubles)


def stretches(requests: int) -> Iterator[range]:
    """Between two of them everybody signs in anew."""
    for start in range(0, requests, FURNISHED_EVERY):
        yield range(start, min(start + FURNISHED_EVERY, requests))


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[Running]:
    """An API process with the worker and the simulated providers beside it, and an admin."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        sandbox_port = str(free.getsockname()[1])
    settings = {"SANDBOX_PORT": sandbox_port, "STRIPE_REQUESTS_PER_SECOND": "1000"}
    async with api_process(folder, **settings, **UNLIMITED) as running:
        environment = {
            "DATABASE_URL": running.database.app,
            "DATA_DIR": str(folder),
            "PYTHONPATH": str(ROOT),
        } | settings
        environment["PORT"] = str(running.port)
        beside = [Process(name, folder, ["entrypoints.cli.main", name], environment) for name in ("sandbox", "worker")]
        try:
            for process in beside:
                process.start()
            async with open_house(Settings(data_dir=folder, database_url=running.database.app)) as house:
                await house.accounts.register(email=ADMIN, password=PASSWORD, name=None, cause=NO_CAUSE, role="admin")
            await until_answered(f"{address(sandbox_port)}/health")
            yield running
        finally:
            end_all(beside)


def address(port: int | str) -> str:
    return f"http://127.0.0.1:{port}"


def memory_of(pid: int) -> int:
    """The bytes that it has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def troubles_of(process: Process, client: httpx.AsyncClient) -> list[str]:
    """Whether it is alive and answers, and the errors in its log, which is emptied: it would fill the disk."""
    if not process.runs:
        return [f"it ended with {process.exit_code}: {process.said()}"]
    found = [line.decode(errors="replace") for line in process.log.read_bytes().splitlines() if ERROR in line]
    with process.log.open("r+b") as log:
        log.truncate(0)
    if not (await client.get("/v1/plans")).is_success:
        found.append("it does not answer who asks for the plans")
    return [f"logged: {line}" for line in found[:FAILURES_MAX]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="Requests that are wrong in any way.")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many (default: %(default)s)")
    parser.add_argument("--seed", default=None, help="to send the same again")
    given = parser.parse_args()
    seed = given.seed or str(SystemRandom().randrange(10**9))
    with tempfile.TemporaryDirectory(prefix="streamly-soak-") as folder:
        outcome = asyncio.run(attack(Path(folder), requests=given.requests, seed=seed))
    sys.stdout.write(f"{outcome}\n")
    if not outcome.outlived:
        sys.stdout.write("FAILED: a request was answered as none should be, or the process grew or ended\n")
    return 0 if outcome.outlived else 1


if __name__ == "__main__":
    sys.exit(main())
