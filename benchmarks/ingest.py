"""Webhooks over HTTP, durable before they are answered: the product's own API process, the usual handler, pgbench.

- `streamly`: the process that `serve` starts, with its logs and metrics: signature, envelope, sealed body, a row of the
  inbox, one commit to those that came meanwhile.
- `FastAPI + SQLAlchemy`: `benchmarks/usual_handler.py`, which writes a row of the payment log and updates one of a
  subscription. What ours does about the subscription is the worker's, and not in the figures.
- `pgbench`: INSERT of the same row of the inbox, prepared, over as many connections: a commit to each, no HTTP.

One process each, 32 connections over loopback, the same sender of the same events, in interleaved rounds; sender,
servers and PostgreSQL share the machine.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg

from benchmarks.contest import P50, P99, Comparison, Contest, Contestant, Figure, Outcome, hold
from benchmarks.pgbench import pgbench_inbox
from benchmarks.sending import Sender
from benchmarks.serving import ABSENT, API, PEERS, for_asyncpg, serving
from benchmarks.webhooks import CUSTOMERS, RATE, SECRET, Requests, customer_id, subscription_id
from benchmarks.workbench import Options, Workbench

CONNECTIONS = 32
OURS, USUAL, PGBENCH = "streamly", "FastAPI + SQLAlchemy", "pgbench"
OUR_PATH, USUAL_PATH = "/v1/webhooks/stripe", "/webhooks/stripe"
OUR_ROWS, USUAL_ROWS = "SELECT count(*) FROM ops.inbox", "SELECT count(*) FROM payment_logs"

HERE = Path(__file__).parent

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
    return Sender(port, Requests(path), RATE, connections=CONNECTIONS, seconds=options.seconds)


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
    with serving(API, bench.folder / "streamly.log", environment, ready="/health/live") as served:
        yield served.port


@contextmanager
def _usual_handler(bench: Workbench, dsn: str) -> Iterator[int]:
    command = [str(PEERS), str(HERE / "usual_handler.py"), for_asyncpg(dsn), SECRET, "{fd}"]
    with serving(command, bench.folder / "usual_handler.log", {}, ready="/openapi.json") as served:
        _subscribe(dsn)
        yield served.port


def _subscribe(dsn: str) -> None:
    """The customers of whom the webhooks will tell."""
    ids = [(subscription_id(number), customer_id(number)) for number in range(CUSTOMERS)]
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO subscriptions (stripe_subscription_id, stripe_customer_id, status, updated_at)"
            " SELECT told.*, 'active', now() FROM unnest(%s::text[], %s::text[]) AS told",
            [list(column) for column in zip(*ids, strict=True)],
        )
