"""The processes that a round kills and starts again; none is left when it is over, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from entrypoints.cli.children import PARENT

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 20.0
LOG_TAIL_BYTES = 4_000


class Process:
    """A module of ours, run in a process of its own; what it says goes into a file named after it."""

    def __init__(
        self, name: str, folder: Path, module: Sequence[str], environment: Mapping[str, str], fds: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.starts = 0
        self.ended_by_us = False
        self.ended_by_itself = 0
        self._module = list(module)
        self._environment = {**_cleaned(), **environment, PARENT: str(os.getpid())}
        self._fds = tuple(fds)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """In a session of its own: Ctrl-C in the terminal is for us, and we end it."""
        self.starts += 1
        self.ended_by_us = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._module, *arguments],
                cwd=self.log.parent,
                env=self._environment,
                pass_fds=self._fds,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it was never started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None before it was started and while it runs; negative: the signal that ended it."""
        return self._process.poll() if self._process else None

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.ended_by_us = True
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def ask_to_end(self) -> None:
        """SIGTERM."""
        self.ended_by_us = True
        if self._process is not None and self.runs:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = STOP_SECONDS) -> int | None:
        """Its exit code, or None where it has not ended in time."""
        try:
            return self._process.wait(seconds) if self._process else None
        except subprocess.TimeoutExpired:
            return None

    def said(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")


def end_all(processes: Sequence[Process]) -> list[str]:
    """Ask all to end, and kill those that do not; their names."""
    for process in processes:
        process.ask_to_end()
    deadline = time.monotonic() + STOP_SECONDS
    stubborn = []
    for process in processes:
        if process.runs and process.wait(max(0.1, deadline - time.monotonic())) is None:
            stubborn.append(process.name)
            process.kill()
    return stubborn


def _cleaned() -> dict[str, str]:
    """Our environment without settings of the one who runs this."""
    ours = ("DATABASE_", "STREAMLY_", "STRIPE_", "POSTGRES_", "VAULT_", "JWT_", "MASTER_", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
