"""pgbench inserting the row of a renewal, or of a webhook: the limit that the machine and PostgreSQL set."""

import asyncio
import re
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg

from adapters.crypto.ciphers import OVERHEAD_BYTES
from adapters.eventstore.mapper import FactMapper, Placed
from benchmarks import webhooks
from benchmarks.contest import RATE, Contestant, Sample
from benchmarks.subscribers import Subscriber
from benchmarks.workbench import Workbench

CREATE = """
    CREATE SEQUENCE positions;
    CREATE TABLE facts (LIKE ledger.events INCLUDING ALL);
"""

# As many streams and accounts as we have, so that the indexes are touched in as many places.
INSERT = """\\set stream random(1, {streams})
INSERT INTO facts (originator_id, originator_version, topic, state, notification_id, recorded_at, account_id)
SELECT md5(:stream::text)::uuid, position, 'subscription.renewed', '\\x{state}', position, now(),
    md5(:stream::text)::uuid
FROM nextval('positions') AS position;
"""

CREATE_INBOX = """
    CREATE SEQUENCE webhooks;
    CREATE TABLE deliveries (LIKE ops.inbox INCLUDING ALL);
"""

INSERT_INBOX = """\\set customer random(1, {customers})
INSERT INTO deliveries (provider, event_id, type, customer_id, livemode, api_version, created_at, received_at, month,
    body, status)
VALUES ('stripe', 'evt_' || lpad(nextval('webhooks')::text, 24, '0'), 'customer.subscription.updated',
    'cus_bench' || lpad(:customer::text, 9, '0'), false, '2026-10-28.endive', now(), now(), '2026-11', '\\x{body}',
    'received');
"""

TRANSACTIONS_PER_SECOND = 20_000
"""More than two cores can do: what a connection does first, to fill its caches, is to count for little."""
GRACE_SECONDS = 60


def pgbench(bench: Workbench, name: str, *, callers: int, streams: int, seconds: float) -> Contestant:
    """INSERT of a renewal's row, into as many streams as said."""
    script = INSERT.format(streams=streams, state=_state().hex())
    return _inserting(bench, name, CREATE, script, RATE, callers=callers, seconds=seconds)


def pgbench_inbox(bench: Workbench, name: str, *, callers: int, seconds: float) -> Contestant:
    """INSERT of a webhook's row, whose body is as long as a sealed one."""
    body = webhooks.event("evt_" + 24 * "0", 0) + bytes(OVERHEAD_BYTES)
    script = INSERT_INBOX.format(customers=webhooks.CUSTOMERS, body=body.hex())
    return _inserting(bench, name, CREATE_INBOX, script, webhooks.RATE, callers=callers, seconds=seconds)


def _inserting(
    bench: Workbench, name: str, create: LiteralString, script: str, rate: str, *, callers: int, seconds: float
) -> Contestant:
    """A contestant of that name, which its database has too.

    So many transactions to a client that it takes about as long as was asked for; it leaves out the connecting.

    Not `--time`: that counts from before the connections are made, which takes a second for 256. It tells the mean
    time of a call only, which is left out.
    """
    program = bench.bin_dir / "pgbench"
    if not program.exists():
        return Contestant(name, _never, absent="the PostgreSQL that is used here comes without pgbench")
    dsn = bench.database(name)
    with psycopg.connect(dsn) as connection:
        connection.execute(create)
    path = bench.folder / f"{name}.sql"
    path.write_text(script)
    command = _command(program, path, callers=callers, seconds=seconds, dsn=dsn)

    async def measure() -> Sample:
        return {rate: await _transactions_per_second(command, seconds)}

    return Contestant(name, measure)


async def _never() -> Sample:
    raise AssertionError("who is absent is not measured")


def _state() -> bytes:
    subscriber = Subscriber(version=1)
    return FactMapper().to_stored_event(Placed(uuid4(), 2, subscriber.renews(), None)).state


def _command(program: Path, script: Path, *, callers: int, seconds: float, dsn: str) -> list[str]:
    options = [f"--file={script}", "--no-vacuum", "--protocol=prepared", f"--client={callers}"]
    transactions = max(2, round(seconds * TRANSACTIONS_PER_SECOND / callers))
    return [str(program), *options, f"--transactions={transactions}", dsn]


async def _transactions_per_second(command: list[str], seconds: float) -> float:
    """One thread of pgbench drives all its connections, as one event loop does ours."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    found = re.search(r"^tps = ([0-9.]+)", said.decode(), re.MULTILINE)
    assert found is not None, said.decode()
    return float(found[1])
