"""Servers and programs that the tests start and kill, and what can be seen of the processes that they leave."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.identity import Identity

ROOT = Path(__file__).parents[3]
COMMITTING = (sys.executable, "-m", "tests.adapters.embedded_postgres.committing")

Program = subprocess.Popen[str]


def alone(seconds: float) -> float:
    """What a promise of so many seconds comes to while other work takes its share of the machine."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def running(
    data_dir: Path, *, durable: bool = True, bin_dir: Path | None = None, settings: Sequence[str] = ()
) -> Iterator[str]:
    """The DSN of a server in this process, stopped at the end."""
    postgres = EmbeddedPostgres(data_dir, durable=durable, bin_dir=bin_dir, settings=settings)
    try:
        yield postgres.start()
    finally:
        postgres.stop()


@contextmanager
def committing(data_dir: Path, *, identity: Identity | None = None, before: tuple[str, ...] = ()) -> Iterator[Program]:
    """The program of committing.py, perhaps under another identity or another program; killed at the end."""
    command = [*before, *COMMITTING, str(data_dir)]
    if identity:
        command = identity.command(*command)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def acknowledged(program: Program, *, at_least: int) -> list[int]:
    """The first numbers that it has printed, once there are that many."""
    assert program.stdout
    assert program.stderr
    lines = [program.stdout.readline() for _ in range(at_least)]
    assert all(lines), program.stderr.read()
    return [int(line) for line in lines]


def kill_9(program: Program) -> list[int]:
    """The numbers that it had printed besides, up to its end."""
    program.kill()
    assert program.stdout
    return [int(line) for line in program.stdout.read().splitlines()]


def processes_in(data_dir: Path) -> list[int]:
    """The pids of whatever works in the cluster: every process of PostgreSQL has its data folder as current folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == data_dir / "cluster":
                found.append(int(process.name))
    return sorted(found)
