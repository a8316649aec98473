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

SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_compression",
    "wal_level",
    "shared_buffers",
    "effective_cache_size",
    "max_wal_size",
    "checkpoint_timeout",
    "max_connections",
    "autovacuum",
    "jit",
)
PACKAGES = ("eventsourcing", "litestar", "msgspec", "psycopg", "uvicorn", "uvloop")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """`load` are the averages of the 1, 5 and 15 minutes before the run."""

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
    settings: dict[str, str]
    """Of PostgreSQL, as far as they bear on the figures."""
    packages: dict[str, str]
    commit: str
    """Of this repository; with `+` where files had been changed since."""


class Others:
    """What everybody else on the machine did meanwhile, from its making on: figures taken in company say less."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._busy = _busy_seconds()
        self._own = _own_seconds()

    def share(self) -> float | None:
        """Of all cores, 0 to 1; None where the system does not tell. To be asked when the server has ended."""
        if self._busy is None or (busy := _busy_seconds()) is None:
            return None
        seconds = busy - self._busy - (_own_seconds() - self._own)
        return round(max(0.0, seconds / (time.monotonic() - self._started) / (os.cpu_count() or 1)), 3)


def _busy_seconds() -> float | None:
    """Of all cores since they started (proc(5): all columns but idle, iowait and the guests', counted already)."""
    told = Path("/proc/stat")
    if not told.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, told.read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """This process and its children that have ended, with theirs."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def describe(bench: Workbench) -> Machine:
    with psycopg.connect(bench.dsn) as connection:
        postgresql = connection.info.parameter_status("server_version") or "unknown"
        settings: dict[str, str] = dict(
            connection.execute(
                "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", (list(SETTINGS),)
            ).fetchall()
        )
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
        settings=settings,
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
