"""Where the tests' PostgreSQL comes from, and how each test gets a database of its own."""

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Literal, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable

GIVEN_DSN = "STREAMLY_TEST_DATABASE_URL"
ENGINE = "STREAMLY_TEST_PG"
IMAGE = "postgres:17"
CONNECT_TIMEOUT_SECONDS = 10

# The tests' data is worth nothing, so nothing waits for the disk.
NOT_DURABLE = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
SETTINGS = ("max_connections=300",)
"""The services of several modules may be open at the same time, each with pools of its own."""
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 << 30
"""For four servers side by side; the one with the longest ledger takes 400 MB."""

Engine = Literal["given", "docker", "embedded"]


def engine() -> Engine:
    """A given server before a container that was asked for before the embedded one; nothing changes that by itself."""
    if os.environ.get(GIVEN_DSN):
        return "given"
    match os.environ.get(ENGINE, "embedded"):
        case "docker":
            return "docker"
        case "embedded":
            return "embedded"
        case other:
            pytest.exit(f"{ENGINE} is {other!r}: it takes docker or embedded", returncode=pytest.ExitCode.USAGE_ERROR)


def described() -> str:
    """For pytest's header: which PostgreSQL the tests talk to, without its password."""
    match engine():
        case "given":
            place = conninfo_to_dict(os.environ[GIVEN_DSN])
            return f"the one that {GIVEN_DSN} gives, at {place.get('host', 'localhost')}:{place.get('port', 5432)}"
        case "docker":
            return f"{IMAGE} in a container, as {ENGINE}=docker asks"
        case "embedded":
            folder = _place() or tempfile.gettempdir()
            return f"embedded, in {folder} (another: {GIVEN_DSN}=postgresql://..., or {ENGINE}=docker)"


@contextmanager
def running_server() -> Iterator[str]:
    """The DSN of a role that may create databases. A server that does not answer ends the run: there is no second."""
    match engine():
        case "given":
            yield _answering(os.environ[GIVEN_DSN])
        case "docker":
            with _container() as dsn:
                yield _answering(dsn)
        case "embedded":
            with _embedded() as dsn:
                yield dsn


def _answering(dsn: str) -> str:
    try:
        psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_SECONDS).close()
    except psycopg.OperationalError as failure:
        pytest.exit(f"The tests' PostgreSQL is {described()}, and it does not answer: {failure}", returncode=1)
    return dsn


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - 0.2 s that this engine alone needs

    _require_docker()
    container = PostgresContainer(IMAGE, driver=None).with_command(NOT_DURABLE)
    try:
        container.start()
        yield container.get_connection_url()
    finally:
        container.stop()


def _require_docker() -> None:
    import docker  # noqa: PLC0415 - see above
    from docker.errors import DockerException  # noqa: PLC0415

    refused = ""
    try:
        with closing(docker.from_env(timeout=CONNECT_TIMEOUT_SECONDS)) as client:
            client.ping()
    except DockerException as failure:
        refused = str(failure)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # A client that found no engine leaves its socket open, and that warning would hide the message.
    if refused:
        pytest.exit(f"The tests' PostgreSQL is {described()}, and there is no Docker: {refused}", returncode=1)


@contextmanager
def _embedded() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="streamly-tests-", dir=_place()) as folder:
        server = EmbeddedPostgres(Path(folder), durable=False, settings=SETTINGS)
        try:
            yield server.start()
        except EmbeddedPostgresUnavailable as unavailable:
            pytest.exit(str(unavailable), returncode=1)
        finally:
            server.stop()


def _place() -> Path | None:
    """Memory, where it has room: to copy and to drop a database takes a file system on a disk many times the work."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    return MEMORY if roomy else None


class Databases:
    """Makes and drops databases on one server; their names hold the process id, so that runs may share it."""

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self._names = (f"streamly_test_{os.getpid()}_{number}" for number in count(1))
        self._maintenance = psycopg.connect(server_dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS)

    def create(self) -> str:
        """The DSN of a new and empty database."""
        return self._create("CREATE DATABASE {name}")

    def clone(self, template_dsn: str) -> str:
        """The DSN of a copy of a database that nobody is connected to; it takes about 15 ms."""
        template = sql.Identifier(_name_in(template_dsn))
        return self._create("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy", template=template)

    def drop(self, dsn: str) -> None:
        """Gone at once, also under connections that a failed test has left."""
        name = sql.Identifier(_name_in(dsn))
        self._maintenance.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(name=name))

    def close(self) -> None:
        self._maintenance.close()

    def _create(self, statement: LiteralString, **parts: sql.Composable) -> str:
        name = next(self._names)
        self._maintenance.execute(sql.SQL(statement).format(name=sql.Identifier(name), **parts))
        return make_conninfo(self._server_dsn, dbname=name)


def _name_in(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["dbname"])
