"""What the core may know: the standard library and msgspec, and neither the time nor chance."""

import re
import sys

from tests.architecture.source import PACKAGES, sources

KNOWN_TO_THE_CORE = {"msgspec", *PACKAGES} | sys.stdlib_module_names

# Of the standard library, what talks to the outside.
OUTSIDE = {"os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "time"}
OUTSIDE_THE_DOMAIN = OUTSIDE | {"asyncio", "concurrent", "http", "io", "logging", "sys", "threading", "urllib"}

# Time, ids and chance come through ports, so that a test and a replay can give them; uuid5 is neither.
CLOCKS_AND_CHANCE = re.compile(r"(.*\.)?(utcnow|today|uuid[14678]|urandom)|(.*\.)?(date|datetime)\.now")

READERS_OF_THE_ENVIRONMENT = {
    "entrypoints/settings.py": "it is what makes settings of it",
    "entrypoints/wiring/database.py": "it looks for what an operator may set for the database alone",
    "entrypoints/cli/children.py": "a child process sees what its parent sees",
    "adapters/prometheus/metrics.py": "the library looks there whether processes count together",
    "adapters/embedded_postgres/launch.py": "it takes from the server's environment what would bend it",
}


def test_the_core_imports_the_standard_library_and_msgspec_only() -> None:
    foreign = [name for name in imports("domain", "application") if top_level(name) not in KNOWN_TO_THE_CORE]

    assert foreign == []


def test_the_domain_does_no_work_of_the_edge() -> None:
    assert [name for name in imports("domain") if top_level(name) in OUTSIDE_THE_DOMAIN] == []


def test_use_cases_reach_the_outside_through_ports() -> None:
    assert [name for name in imports("application") if top_level(name) in OUTSIDE] == []


def test_the_core_reads_no_clock_and_throws_no_dice() -> None:
    reading = [
        f"{source.path}:{line} calls {name}"
        for source in sources("domain", "application")
        for line, name in source.called
        if CLOCKS_AND_CHANCE.fullmatch(name)
    ]

    assert reading == []


def test_only_the_command_line_prints() -> None:
    printing = [
        f"{source.path}:{line} calls {name}"
        for source in sources(*PACKAGES)
        for line, name in source.called
        if name in {"print", "pprint", "click.echo"} and not source.path.startswith("entrypoints/cli/")
    ]

    assert printing == []


def test_only_the_settings_look_into_the_environment() -> None:
    reading = [
        f"{source.path}:{line} reads {name}"
        for source in sources(*PACKAGES)
        for line, name in source.attributes
        if name in {"os.environ", "os.getenv"} and source.path not in READERS_OF_THE_ENVIRONMENT
    ]

    assert reading == []


def imports(*folders: str) -> list[str]:
    """Every import of these folders, as `file:line module`."""
    return [f"{source.path}:{line} {module}" for source in sources(*folders) for line, module in source.imported]


def top_level(name: str) -> str:
    return name.rpartition(" ")[2].partition(".")[0]
