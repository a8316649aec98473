"""Webhooks over HTTP, durable before they are answered: the product's own API process, the usual handler, pgbench.

- `streamly`: the process that `serve` starts, with its logs and metrics: signature, envelope, sealed body, a row of the
  inbox, one commit to those that came meanwhile.
- `FastAPI + SQLAlchemy`: `benchmarks/usual_handler.py`, which writes a row of the payment log and updates one of a
  subscription. What ours does about the subscription is the worker's, and not in the figures.
- `pgbench`: INSERT of the same row of the inbox, prepared, over as many connections: a commit to each, no HTTP.

One process each, 32 connections over loopback, the same sender of the same events, in interleaved rounds; sender,
servers and PostgreSQL share the machine.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote, urlencode

import httpx
import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.contest import P50, P99, Comparison, Contest, Contestant, Figure, Outcome, hold
from benchmarks.pgbench import pgbench_inbox
from benchmarks.webhooks import CUSTOMERS, RATE, SECRET, Sender, customer_id, subscription_id
from benchmarks.workbench import Options, Workbench

CONNECTIONS = 32
OURS, USUAL, PGBENCH = "streamly", "FastAPI + SQLAlchemy", "pgbench"
OUR_PATH, USUAL_PATH = "/v1/webhooks/stripe", "/webhooks/stripe"
OUR_ROWS, USUAL_ROWS = "SELECT count(*) FROM ops.inbox", "SELECT count(*) FROM payment_logs"
START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 60.0, 15.0, 0.05
BACKLOG = 2048

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers/bin/python"
ABSENT = "" if PEERS.exists() else "there is no .venv-peers, which `make bench` makes"

COMPARISONS = (
    Comparison("ingest_vs_fastapi", "webhooks/s", Figure(OURS, RATE), Figure(USUAL, RATE)),
    Comparison("ingest_vs_pgbench", "webhooks/s", Figure(OURS, RATE), Figure(PGBENCH, RATE)),
    Comparison("ingest_p50_ms", "ms", Figure(OURS, P50)),
    Comparison("ingest_p99_ms", "ms", Figure(OURS, P99)),
)


async def ingest(bench: Workbench, options: Options, say: Callable[[str, int], None]) -> Outcome:
    """At the end it is checked that every webhook that was acknowledged is there, and nothing else."""
    ours, usual = bench.database("ingest"), bench.database("usual_handler")
    with ExitStack() as stack:
        senders = {OURS: _sender(stack.enter_context(_streamly(bench, ours)), OUR_PATH, options)}
        if not ABSENT:
            senders[USUAL] = _sender(stack.enter_context(_usual_handler(bench, usual)), USUAL_PATH, options)
        contestants = [Contestant(name, sender.measure) for name, sender in senders.items()]
        if ABSENT:
            contestants.append(Contestant(USUAL, _never, absent=ABSENT))
        contestants.append(pgbench_inbox(bench, PGBENCH, callers=CONNECTIONS, seconds=options.seconds))
        outcome = await hold(Contest("ingest", contestants, COMPARISONS), rounds=options.rounds, on_round=say)
    stored = {OURS: _count(ours, OUR_ROWS)} | ({} if ABSENT else {USUAL: _count(usual, USUAL_ROWS)})
    acknowledged = {name: sender.acknowledged for name, sender in senders.items()}
    assert stored == acknowledged, f"what was acknowledged is what is stored: {acknowledged}, {stored}"
    return outcome


def _sender(port: int, path: str, options: Options) -> Sender:
    return Sender(port, path, connections=CONNECTIONS, seconds=options.seconds)


async def _never() -> Mapping[str, float]:
    raise AssertionError("who is absent is not measured")


def _count(dsn: str, query: LiteralString) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None, "a count is a row"
    return int(row[0])


@contextmanager
def _streamly(bench: Workbench, dsn: str) -> Iterator[int]:
    """The port of `streamly api`, which logs each request to a file."""
    environment = {
        "ENV": "development",
        "DATABASE_URL": dsn,
        "DATA_DIR": str(bench.folder / "streamly"),
        "STRIPE_WEBHOOK_SECRETS": SECRET,
    }
    command = [sys.executable, "-m", "entrypoints.cli.main", "api", "--fd"]
    with _serving(command, bench.folder / "streamly.log", environment, ready="/health/live") as port:
        yield port


@contextmanager
def _usual_handler(bench: Workbench, dsn: str) -> Iterator[int]:
    command = [str(PEERS), str(HERE / "usual_handler.py"), _for_asyncpg(dsn), SECRET]
    with _serving(command, bench.folder / "usual_handler.log", {}, ready="/openapi.json") as port:
        _subscribe(dsn)
        yield port


def _for_asyncpg(dsn: str) -> str:
    """As SQLAlchemy is told of a server on a Unix socket."""
    given = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    place = urlencode({"host": given["host"], "port": given.get("port", "5432")})
    password = f":{quote(given['password'], safe='')}" if "password" in given else ""
    return f"postgresql+asyncpg://{given['user']}{password}@/{quote(given['dbname'])}?{place}"


def _subscribe(dsn: str) -> None:
    """The customers of whom the webhooks will tell."""
    ids = [(subscription_id(number), customer_id(number)) for number in range(CUSTOMERS)]
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO subscriptions (stripe_subscription_id, stripe_customer_id, status, updated_at)"
            " SELECT told.*, 'active', now() FROM unnest(%s::text[], %s::text[]) AS told",
            [list(column) for column in zip(*ids, strict=True)],
        )


@contextmanager
def _serving(command: Sequence[str], log: Path, environment: Mapping[str, str], *, ready: str) -> Iterator[int]:
    """The port of a process that is given its listening socket as the last argument."""
    # With the protocol named, asyncio turns Nagle's algorithm off; without, an answer waits for 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening, log.open("wb") as said:
        listening.bind(("127.0.0.1", 0))
        listening.listen(BACKLOG)
        fd, port = listening.fileno(), int(listening.getsockname()[1])
        with subprocess.Popen(
            [*command, str(fd)], env={**os.environ, **environment}, pass_fds=[fd], stdout=said, stderr=said
        ) as process:
            try:
                _wait_until_it_answers(process, f"http://127.0.0.1:{port}{ready}", log)
                yield port
            finally:
                _stop(process)


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, f"a server ended at its start: {log.read_text()[-2_000:]}"
        assert time.monotonic() < deadline, f"a server did not answer: {log.read_text()[-2_000:]}"
        try:
            if httpx.get(address, timeout=1, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(LOOK_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
