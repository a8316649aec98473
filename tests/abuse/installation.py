"""The service as the product starts it, in one or more API processes, with its worker and the simulated Stripe."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from entrypoints.cli.children import PARENT
from tests.faults.processes import ROOT
from tests.http.running import two_ports

KID, JWT_KEY = "abuse", "the key that all of these cases try to do without"
NEW_SECRET, OLD_SECRET = "whsec_the_new_one_0123456789abcdef", "whsec_the_old_one_0123456789abcdef"
SETTINGS = {
    "SANDBOX_CLOCK": "1",
    "JWT_KEYS": f"{KID}:{JWT_KEY}",
    "STRIPE_WEBHOOK_SECRETS": f"{NEW_SECRET},{OLD_SECRET}",
    "THROTTLE_LOGIN_PEER": "15/5m",  # Each try costs 40 ms of a processor.
    "THROTTLE_REFUND_PEER": "100000/10m",  # One admin gives back the money of all cases.
    "THROTTLE_REFUND_ACCOUNT": "100000/10m",
}

START_SECONDS, STOP_SECONDS = 90.0, 30.0
LOOK_SECONDS = 0.1
SERVE = "from entrypoints.cli import children, main; children.end_with_parent(); main.main()"


@dataclass(kw_only=True)
class Installation:
    """What runs; `known` keeps what tests share, such as a plan that is on sale."""

    address: str
    stripe: str
    dsn: str
    folder: Path
    api_processes: int
    serve: subprocess.Popen[bytes]
    database: Connection[TupleRow]
    known: dict[str, Any] = field(default_factory=dict)
    ahead: timedelta = timedelta()
    """Of business time, before real time."""

    def api_pids(self) -> list[int]:
        """The API processes that run just now."""
        return [pid for pid, command in _children(self.serve.pid) if b"api" in command]

    def business_now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(self.address):
            assert self.serve.poll() is None, "the service ended at its start"
            assert time.monotonic() < deadline, "the service is not ready"
            time.sleep(LOOK_SECONDS)


def _children(parent: int) -> Iterator[tuple[int, list[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(state[1]) == parent and state[0] != "Z":
                yield int(entry.name), command


@contextmanager
def installed(dsn: str, folder: Path, *, api_processes: int) -> Iterator[Installation]:
    """`streamly serve` on a database, with its worker and the simulated Stripe; it may not be ready yet."""
    port, sandbox_port = two_ports()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "STREAMLY_"))}
    given = {"DATABASE_URL": dsn, "DATA_DIR": str(folder), "HOME": str(folder)}
    ours = {"PORT": str(port), "SANDBOX_PORT": str(sandbox_port), "PYTHONPATH": str(ROOT), PARENT: str(os.getpid())}
    serve = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--workers", str(api_processes)],
        cwd=folder,
        env={**kept, **given, **ours, **SETTINGS},
        stdout=subprocess.DEVNULL,
    )
    try:
        with psycopg.connect(dsn, autocommit=True) as database:
            yield Installation(
                address=f"http://127.0.0.1:{port}",
                stripe=f"http://127.0.0.1:{sandbox_port}/stripe",
                dsn=dsn,
                folder=folder,
                api_processes=api_processes,
                serve=serve,
                database=database,
            )
    finally:
        serve.terminate()
        serve.wait(STOP_SECONDS)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False
