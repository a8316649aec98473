"""The product as it runs, with a database that can be killed, and around it those who write, read and keep journals."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx

from application.ports.ledger import Write
from domain.shared.fact import NO_CAUSE
from entrypoints.settings import Settings
from entrypoints.wiring import open_house
from tests.faults.database import Database
from tests.faults.lives import READY_AT, video_fact
from tests.faults.processes import ROOT, Process, end_all
from tests.faults.verdict import ID_BYTES, Run

ADMIN, PASSWORD = "admin@example.com", "a lighthouse in the fog"
VISITORS = 3
BACKLOG = 256
LOOK_SECONDS = 0.02
WELL_SECONDS = 30.0
"""After a fault, everything works again within this time on a machine that has nothing else to do."""
ANSWERS = 3
"""So many acknowledged appends say that a writer goes on."""


class NotWell(AssertionError):
    """Something did not come back in time, or ended by itself."""


def patience(seconds: float) -> float:
    """What a promise of so many seconds comes to while other work takes its share of the machine."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1) / 2)


class Site:
    """`with Site(folder, seed) as site`: everything runs and has begun inside, and nothing is left of it after."""

    def __init__(
        self, folder: Path, seed: str, *, writers: int = 2, callers: int = 8, pause_milliseconds: float = 10
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.runs: list[Run] = []
        self.helpers: list[Process] = []
        self._callers = callers
        self._pause_milliseconds = pause_milliseconds
        self._runs: dict[str, Run] = {}
        with ExitStack() as stack:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG))
            self.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            self.database = Database(folder / "postgres")
            stack.callback(self.database.stop)
            self._videos = asyncio.run(self._furnish())
            self.furnished = self.head()
            self._open = stack.pop_all()
        number = listening.fileno()
        self.api = self._process("api", "entrypoints.cli.main", "api", "--fd", str(number), fds=[number])
        self.worker = self._process("worker", "entrypoints.cli.main", "worker")
        self.writers = [self._process(f"writer-{each}", "tests.faults.writer") for each in range(1, writers + 1)]
        self.visitor = self._process("visitor", "tests.faults.visitor")
        self.reader = self._process("reader", "tests.faults.reader")
        self.processes = [self.api, self.worker, *self.writers, self.visitor, self.reader]

    def _process(self, name: str, *module: str, fds: Sequence[int] = ()) -> Process:
        """In a folder that holds no settings of anybody's."""
        return Process(name, self.folder, module, self.environment, fds)

    def helper(self, name: str, *module: str) -> Process:
        """A process of a round's own; it is ended with the others."""
        self.helpers.append(self._process(name, *module))
        return self.helpers[-1]

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the product is told."""
        return {
            "ENV": "development",
            "DATABASE_URL": self.database.app,
            "DATA_DIR": str(self.folder),
            "PORT": self.address.rpartition(":")[2],
            "PYTHONPATH": str(ROOT),
        }

    async def _furnish(self) -> list[str]:
        """An admin, and a ready video for each visitor."""
        settings = Settings(data_dir=self.folder, database_url=self.database.app)
        async with open_house(settings) as house:
            await house.accounts.register(email=ADMIN, password=PASSWORD, name=None, cause=NO_CAUSE, role="admin")
            videos = [uuid4() for _ in range(VISITORS)]
            dice = Random(self.seed)  # noqa: S311 - a story
            for video in videos:
                facts = [video_fact(video, version, dice) for version in range(READY_AT)]
                await house.records.ledger.append(Write(video, 0, facts))
        return [str(video) for video in videos]

    def __enter__(self) -> Self:
        try:
            self.recover()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_all([*self.processes, *self.helpers])
        self._open.close()

    def recover(self) -> float:
        """Start what was killed, and wait until all is well; how many seconds that took. Raises NotWell."""
        began = time.monotonic()
        self.database.ensure()
        for process in self.processes:
            self._start_again(process)
        head = self.head()
        counted = {name: run.recorded + ANSWERS for name, run in self._runs.items()}
        self._until(self._api_is_ready, "the API is not ready")
        for name, count in counted.items():
            self._until(partial(self._has_recorded, name, count), f"{name} records nothing")
        self._until(partial(self._reached, head), f"the read models do not come to {head}")
        for tail in self.tails():
            self._until(partial(_has_seen, tail, head), f"{tail.name} does not come to {head}")
        return time.monotonic() - began

    def _start_again(self, process: Process) -> None:
        """Whom we did not kill must not have ended, save those of the product whose starter starts them again."""
        if process.runs:
            return
        if process.starts and not process.ended_by_us:
            process.ended_by_itself += 1
            if process not in (self.api, self.worker):
                raise NotWell(f"{process.name} ended by itself with {process.exit_code}: {process.said()}")
        process.start(*self._arguments(process))

    def _arguments(self, process: Process) -> list[str]:
        """A run of a process that keeps a journal has one of its own."""
        if process in (self.api, self.worker):
            return []
        journal = self.folder / f"{process.name}.{process.starts}.jsonl"
        journal.touch()
        self._runs[process.name] = Run(journal)
        self.runs.append(self._runs[process.name])
        if process is self.reader:
            del self._runs[process.name]  # It records nothing.
        of_whom = [str(journal), f"{self.seed}/{process.name}/{process.starts}"]
        if process is self.reader:
            return of_whom
        if process is self.visitor:
            return [*of_whom, self.address, ADMIN, PASSWORD, *self._videos]
        return [*of_whom, str(self._callers), str(self._pause_milliseconds)]

    def _until(self, well: Callable[[], bool], otherwise: str, *, restarting: bool = True) -> None:
        deadline = time.monotonic() + patience(WELL_SECONDS)
        while not well():
            if time.monotonic() > deadline:
                raise NotWell(f"{otherwise} after {WELL_SECONDS:.0f} s")
            for process in self.processes if restarting else ():
                self._start_again(process)
            time.sleep(LOOK_SECONDS)

    def _api_is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/health/ready", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _has_recorded(self, name: str, count: int) -> bool:
        run = self._runs[name]
        run.read()
        return run.recorded >= count

    def _reached(self, position: int) -> bool:
        """Those that are written inline are there by construction."""
        with self.database.connect() as connection:
            row = connection.execute(
                "SELECT coalesce(min(position), 0) FROM ledger.read_models"
                " WHERE state = 'live' AND NOT inline AND trouble IS NULL"
            ).fetchone()
        return row is not None and row[0] >= position

    def head(self) -> int:
        """The position of the newest fact."""
        with self.database.connect() as connection:
            row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM ledger.events").fetchone()
        assert row is not None, "an aggregate always gives one row"
        return int(row[0])

    def tails(self) -> list[Path]:
        """What each tail has seen."""
        return sorted(self.folder.glob("reader.*.seen"))

    def rest(self) -> None:
        """Nobody writes any more; the product goes on. Raises NotWell where one does not end well."""
        for process in (*self.writers, self.visitor):
            process.ask_to_end()
        for process in (*self.writers, self.visitor):
            if process.wait(patience(WELL_SECONDS)) != 0:
                raise NotWell(f"{process.name} ended with {process.exit_code}: {process.said()}")
        head = self.head()
        self._until(partial(self._reached, head), f"the read models do not come to {head}", restarting=False)
        for tail in self.tails():
            self._until(partial(_has_seen, tail, head), f"{tail.name} is behind", restarting=False)


def _has_seen(tail: Path, count: int) -> bool:
    return tail.stat().st_size >= count * ID_BYTES
