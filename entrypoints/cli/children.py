"""Child processes that end with their parent, whatever ends it."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

log = logging.getLogger(__name__)

PARENT = "STREAMLY_PARENT_PID"
POLL_SECONDS = 0.25
STOP_POLL_SECONDS = 0.02


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
        """In a process group of its own: Ctrl-C in the terminal is for the parent, who passes it on once."""
        self._process = subprocess.Popen(
            self._arguments,
            env=self._environment,
            pass_fds=self._fds,
            stdin=subprocess.DEVNULL,
            stderr=self._logs,
            process_group=0,
        )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask_to_end(self) -> None:
        if self._process is not None and self.runs:
            self._process.terminate()

    def end(self) -> None:
        """At once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def stop_together(children: Sequence[Child], *, seconds: float, hurried: Callable[[], bool] = lambda: False) -> None:
    """Ask all at once, and wait; who still runs after so many seconds, or once `hurried`, is killed."""
    until = time.monotonic() + seconds
    for child in children:
        child.ask_to_end()
    try:
        while any(child.runs for child in children) and time.monotonic() < until and not hurried():
            time.sleep(STOP_POLL_SECONDS)
    finally:
        for child in children:
            if child.runs:
                log.warning("a process did not end in time and is killed", extra={"child": child.name})
                child.end()
            elif child.exit_code:
                log.warning("a process ended badly", extra={"child": child.name, "code": child.exit_code})


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
