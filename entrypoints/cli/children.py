"""Child processes that end with their parent, whatever ends it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

PARENT = "STREAMLY_PARENT_PID"
STOP_SECONDS = 15.0
POLL_SECONDS = 0.25


class Child:
    """One of our own commands, in a process of its own."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        logs: IO[bytes] | None = None,
        fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._arguments = [sys.executable, "-m", "entrypoints.cli.main", *arguments]
        self._environment = {**os.environ, **environment, PARENT: str(os.getpid())}
        self._logs = logs
        self._fds = tuple(fds)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._arguments, env=self._environment, pass_fds=self._fds, stdin=subprocess.DEVNULL, stderr=self._logs
        )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """Ask it to end, and wait; one that does not in time is killed."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def end_with_parent() -> None:
    """In a child: end when the parent ends, also when it is killed with -9."""
    if (parent := int(os.environ.get(PARENT, "0"))) == 0:
        return
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent-watch").start()


def _watch(parent: int) -> None:
    """A process whose parent has ended belongs to another one at once."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
