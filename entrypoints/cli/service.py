"""The service as one command runs it: database, simulators, worker and API, started in order, stopped within 10 s."""

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from types import FrameType
from typing import IO

import httpx

from entrypoints.cli.children import Child, stop_together
from entrypoints.cli.counting import clear_abandoned, counting_folder
from entrypoints.settings import Settings
from entrypoints.wiring import COUNTING_TOGETHER, Database, ready_database

log = logging.getLogger(__name__)

SANDBOX = "sandbox"
READY = "/health/ready"
START_SECONDS = 60.0
POLL_SECONDS = 0.05
RESTARTS_MAX = 5
RESTART_WINDOW_SECONDS = 60.0
BACKLOG = 2048
STOP_SECONDS = 8.5
"""For the API processes and the worker: 1 to be seen leaving, 6 for what is under way, and what closing takes."""
STOP_ALL_SECONDS = 9.5
"""For these, and then for the sandbox, which they may be asking something."""


class ServiceFailed(Exception):
    """A part of the service did not start, or keeps ending."""


class Service:
    """The processes of a running service, and the database that they share."""

    def __init__(self, settings: Settings, database: Database, children: list[Child]) -> None:
        self.settings = settings
        self.database = database
        self._children = children
        self._restarts: list[float] = []
        self._stopped = _StopSignal()

    def watch_until_stopped(self) -> None:
        """Until SIGTERM or Ctrl-C; a process that ends is started again, up to 5 times a minute.

        Raises ServiceFailed.
        """
        self._stopped.listen()
        while not self._stopped.times:
            self.database.ensure()
            self._restart_ended()
            time.sleep(POLL_SECONDS * 4)

    def stop(self) -> None:
        """Within 10 s; at once where somebody has asked a second time."""
        began = time.monotonic()
        sandbox = [child for child in self._children if child.name == SANDBOX]
        others = [child for child in self._children if child.name != SANDBOX]
        try:
            stop_together(others, seconds=STOP_SECONDS, hurried=self._asked_again)
        finally:
            stop_together(sandbox, seconds=began + STOP_ALL_SECONDS - time.monotonic(), hurried=self._asked_again)

    def _asked_again(self) -> bool:
        return self._stopped.times > 1

    def _restart_ended(self) -> None:
        for child in self._children:
            if (code := child.exit_code) is not None:
                self._count_restart(child, code)
                child.start()

    def _count_restart(self, child: Child, code: int) -> None:
        now = time.monotonic()
        self._restarts = [moment for moment in self._restarts if now - moment < RESTART_WINDOW_SECONDS]
        if len(self._restarts) >= RESTARTS_MAX:
            raise ServiceFailed(f"{child.name} keeps ending (code {code})")
        self._restarts.append(now)
        log.warning("a process ended and is started again", extra={"child": child.name, "code": code})


class _StopSignal:
    """Counts how often somebody has asked to stop."""

    def __init__(self) -> None:
        self.times = 0

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._catch)

    def _catch(self, number: int, _: FrameType | None) -> None:
        self.times += 1


@contextmanager
def running_service(
    settings: Settings, *, api_workers: int = 1, worker: bool = True, log_to: Path | None = None
) -> Iterator[Service]:
    """Everything up and answering inside, everything stopped after; `log_to` takes the children's logs.

    Raises:
        ServiceFailed, DatabaseNotReady, OSError.
    """
    with ExitStack() as stack:
        logs = stack.enter_context(_opened(log_to)) if log_to else None
        database = stack.enter_context(ready_database(settings))
        environment = _environment(settings, database.dsn)
        children: list[Child] = []
        if settings.simulates_stripe:
            children.append(Child(SANDBOX, ["sandbox"], environment, logs=logs))
        if worker:
            children.append(Child("worker", ["worker"], environment, logs=logs))
        listening = stack.enter_context(_listening(settings))
        number, fds = str(listening.fileno()), [listening.fileno()]
        clear_abandoned()
        if api_workers > 1:
            folder = stack.enter_context(counting_folder())
            environment = environment | {COUNTING_TOGETHER: str(folder.path)}
            fds.append(folder.held)
        children += [
            Child(f"api-{each}", ["api", "--fd", number], environment, logs=logs, fds=fds)
            for each in range(1, api_workers + 1)
        ]
        service = Service(settings, database, children)
        stack.callback(service.stop)
        # Before all else: who comes while we wait for the others would be let in by nobody.
        stack.callback(listening.close)
        for child in children:
            child.start()
        _wait_until_ready(settings, children)
        yield service


def _opened(log: Path) -> IO[bytes]:
    """For whoever runs the service alone, also where an earlier one left it open to all: it names accounts."""
    log.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(opened, 0o600)
    return os.fdopen(opened, "ab")


def _environment(settings: Settings, dsn: str) -> dict[str, str]:
    """The children see what we see; the database is ours, whether it was given or embedded."""
    return {
        "DATABASE_URL": dsn,
        "PORT": str(settings.port),
        "SANDBOX_PORT": str(settings.sandbox_port),
        "SANDBOX_CLOCK": "1" if settings.sandbox_clock else "0",
        "DATA_DIR": str(settings.data_dir.absolute()),
        "ENV": settings.env,
    }


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """One socket, on which all API processes accept."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off; without, an answer waits for 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as taken:
            raise ServiceFailed(f"{settings.host}:{settings.port} cannot be listened on: {taken.strerror}") from None
        listening.listen(BACKLOG)
        yield listening


def _wait_until_ready(settings: Settings, children: list[Child]) -> None:
    deadline = time.monotonic() + START_SECONDS
    addresses = [f"http://{_reached_at(settings.host)}:{settings.port}{READY}"]
    if any(child.name == SANDBOX for child in children):
        addresses.append(f"{settings.sandbox_address}/health")
    while addresses:
        for child in children:
            if child.exit_code is not None:
                raise ServiceFailed(f"{child.name} ended at its start (code {child.exit_code})")
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{addresses[0]} does not answer after {START_SECONDS:.0f} s")
        addresses = [address for address in addresses if not _answers(address)]
        time.sleep(POLL_SECONDS)


def _reached_at(host: str) -> str:
    """From this machine, of a service that listens there; of one that does everywhere, by the loopback."""
    try:
        here = ip_address(host)
    except ValueError:
        return host
    if here.is_unspecified:
        here = ip_address("127.0.0.1" if isinstance(here, IPv4Address) else "::1")
    return str(here) if isinstance(here, IPv4Address) else f"[{here}]"


def _answers(address: str) -> bool:
    """Also one where something is behind, or waits: it is the worker, here or elsewhere, that sees to that."""
    try:
        answer = httpx.get(address, timeout=5)
    except httpx.HTTPError:
        return False
    if answer.is_success or not address.endswith(READY):
        return answer.is_success
    failing = answer.json().get("failing")
    return bool(failing) and not {"process", "database"} & set(failing)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
