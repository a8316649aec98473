"""What the figures were measured on; without it they say little."""

import os
import platform
import shutil
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import msgspec
import psycopg

from benchmarks.workbench import Workbench

ROOT = Path(__file__).parents[1]
FLUSHES = 50
PAGE_BYTES = 8_192

PACKAGES = ("eventsourcing", "msgspec", "psycopg", "uvloop")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """`load` are the averages of 1, 5 and 15 minutes before the run; above the cores' number, others were at work."""

    taken_at: datetime
    processor: str
    cores: int
    memory_gib: float
    system: str
    flush_ms: float
    """The median of 50 fsync of 8 kB each, in the folder that held the database; near 0, nothing was durable."""
    load: tuple[float, float, float]
    python: str
    postgresql: str
    packages: dict[str, str]
    commit: str
    """Of this repository; with `+` where files had been changed since."""


def describe(bench: Workbench) -> Machine:
    with psycopg.connect(bench.dsn) as connection:
        postgresql = connection.info.parameter_status("server_version") or "unknown"
    return Machine(
        taken_at=datetime.now(UTC).replace(microsecond=0),
        processor=_processor(),
        cores=os.cpu_count() or 0,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        flush_ms=round(_flush_ms(bench.folder), 3),
        load=os.getloadavg(),
        python=platform.python_version(),
        postgresql=postgresql,
        packages={name: version(name) for name in PACKAGES},
        commit=_commit(),
    )


def _processor() -> str:
    """Linux names it in a file of its own; elsewhere the platform has to do."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _flush_ms(folder: Path) -> float:
    descriptor = os.open(folder / "flushed", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        return median(_one_flush_ms(descriptor) for _ in range(FLUSHES))
    finally:
        os.close(descriptor)


def _one_flush_ms(descriptor: int) -> float:
    os.write(descriptor, os.urandom(PAGE_BYTES))
    started = time.perf_counter()
    os.fsync(descriptor)
    return (time.perf_counter() - started) * 1_000


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return "unknown"
    changed = subprocess.check_output([git, "status", "--porcelain"], cwd=ROOT, text=True, timeout=30).strip()
    commit = subprocess.check_output([git, "rev-parse", "--short=12", "HEAD"], cwd=ROOT, text=True, timeout=30).strip()
    return commit + ("+" if changed else "")
