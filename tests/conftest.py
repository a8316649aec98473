"""What every test may ask for: a database of its own. What no test of the core may have: the network."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from adapters.postgres.migrate import migrate
from tests.postgres import Databases, described, running_server

pytest_plugins = ["tests.side_by_side"]

# Failures of given/when/then say what was expected and what came.
pytest.register_assert_rewrite("tests.scenario")

PURE = (Path(__file__).parent / "domain", Path(__file__).parent / "application")


def pytest_report_header() -> str:
    return f"PostgreSQL: {described()}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The DSN of a role that may create databases; one server serves the whole run."""
    with running_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    with closing(Databases(postgres_server)) as databases:
        yield databases


@pytest.fixture(scope="session")
def template_database(databases: Databases) -> Iterator[str]:
    """The DSN of the database that the others are copies of: migrated once, and nobody connects to it."""
    dsn = databases.create()
    migrate(dsn)
    yield dsn
    databases.drop(dsn)


@pytest.fixture
def database(databases: Databases, template_database: str) -> Iterator[str]:
    """The DSN of a migrated database that this test alone has."""
    dsn = databases.clone(template_database)
    yield dsn
    databases.drop(dsn)


@pytest.fixture(scope="module")
def module_database(databases: Databases, template_database: str) -> Iterator[str]:
    """The DSN of a migrated database that the tests of one module share: each uses ids of its own."""
    dsn = databases.clone(template_database)
    yield dsn
    databases.drop(dsn)


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The DSN of a database in which nothing has been migrated."""
    dsn = databases.create()
    yield dsn
    databases.drop(dsn)


@pytest.fixture(autouse=True)
def no_network_in_the_core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain and the use cases are tested without the outside; a test of theirs that reaches for it fails."""
    if not any(request.path.is_relative_to(folder) for folder in PURE):
        return

    def refuse(*_: object) -> NoReturn:
        raise PermissionError("a test of the domain or of a use case reached for the network")

    for way_out in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, way_out, refuse)
