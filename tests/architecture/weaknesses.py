"""Whether what is locked has a known weakness: held against a list that is kept here, then looked up by pip-audit.

python -m tests.architecture.weaknesses: 0 where none is known. Part of `make check`, also without a network: then it
says that nothing was looked up.
"""

import csv
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import NamedTuple

import imageio_ffmpeg  # type: ignore[import-untyped]
import msgspec
from packaging.version import Version

from tests.architecture.source import ROOT

LOCKS = tuple(ROOT / name for name in ("requirements.lock", "requirements-runtime.lock", "requirements-peers.lock"))
LIST = ROOT / "tests" / "architecture" / "known_weaknesses.csv"
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)
AUDIT_SECONDS_MAX = 180
NO_NETWORK = re.compile(
    r"^requests\.exceptions\.(ConnectionError|ConnectTimeout|ProxyError): "
    r"|Could not connect to PyPI's vulnerability feed$",
    re.MULTILINE,
)
NOT_FOUND = "Dependency not found on PyPI"


class Floor(NamedTuple):
    """From this version on a package is without this weakness."""

    package: str
    weakness: str
    fixed_in: str


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


def floors() -> list[Floor]:
    with LIST.open() as rows:
        return [Floor(**row) for row in csv.DictReader(rows)]


def locked() -> set[tuple[str, str]]:
    """Each package that is locked with its version, and the FFmpeg that one of them brings."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_version().lstrip("n").partition("-")[0]
    return {pin for lock in LOCKS for pin in PINNED.findall(lock.read_text())} | {("ffmpeg", ffmpeg)}


def below(floors: Iterable[Floor], locked: Iterable[tuple[str, str]]) -> list[str]:
    """What is locked at a version that is known to be weak."""
    return [
        f"{package} {version} has {floor.weakness}, which {floor.fixed_in} has not"
        for package, version in sorted(locked)
        for floor in floors
        if floor.package == package and Version(version) < Version(floor.fixed_in)
    ]


def audit() -> Ran:
    """Raises TimeoutExpired."""
    asked = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    asked += ["--format", "json", *(f"--requirement={lock}" for lock in LOCKS)]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=AUDIT_SECONDS_MAX, check=False)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def verdict_on(ran: Ran) -> Verdict:
    """It passes where all was looked up and nothing found, and where nobody could be asked."""
    try:
        audited = msgspec.json.decode(ran.out, type=Report).dependencies
    except msgspec.MsgspecError:
        if ran.code and NO_NETWORK.search(ran.err):
            return Verdict(True, "NOT LOOKED UP: there is no network")
        return Verdict(False, f"pip-audit ended with {ran.code}: {ran.err or ran.out}")
    found = [f"{each.name} {each.version} has {one.id}, {_mended(one)}" for each in audited for one in each.vulns]
    skipped = [f"{each.name} was not looked up: {each.skip_reason}" for each in audited if each.skip_reason]
    if audited and all(each.skip_reason.startswith(NOT_FOUND) for each in audited):
        return Verdict(True, "NOT LOOKED UP: who answers in PyPI's place knows none of the packages")
    if found or skipped or ran.code or not audited:
        return Verdict(False, "\n".join([*found, *skipped]) or f"pip-audit ended with {ran.code}: {ran.err}")
    return Verdict(True, f"{len(audited)} packages looked up, no weakness is known")


def _mended(weakness: Weakness) -> str:
    return f"mended in {', '.join(weakness.fix_versions)}" if weakness.fix_versions else "mended in no version yet"


def main() -> int:
    known = below(floors(), locked())
    verdict = verdict_on(audit())
    sys.stdout.write("\n".join([*known, f"Known weaknesses: {verdict.said}"]) + "\n")
    return 0 if verdict.passed and not known else 1


if __name__ == "__main__":
    sys.exit(main())
