"""What was written through one server is read through another, by its position."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.shared.fact import NO_CAUSE
from entrypoints.cli.children import Child, stop_together
from entrypoints.settings import Settings
from entrypoints.wiring import open_house
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

START_SECONDS = 60
STOP_SECONDS = 10
WRITES = 200
PUBLIC_URL = "http://videos.example.com"
POSITION = "Ledger-Position"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@dataclass(frozen=True)
class Servers:
    """Two API processes, by their addresses, and the worker that follows the ledger for both."""

    addresses: tuple[str, ...]
    worker: Child


@pytest.fixture(scope="module")
def servers(module_database: str, folder: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("ab"))
        environment = {"DATABASE_URL": module_database, "DATA_DIR": str(folder), "PUBLIC_URL": PUBLIC_URL}
        listening = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        fds = [each.fileno() for each in listening]
        worker = Child("worker", ["worker"], environment, logs=log)
        for child in (worker, *(Child("api", ["api", "--fd", str(fd)], environment, logs=log, fds=[fd]) for fd in fds)):
            stack.callback(stop_together, [child], seconds=STOP_SECONDS)
            child.start()
        yield Servers(tuple(f"http://127.0.0.1:{each.getsockname()[1]}" for each in listening), worker)


@dataclass(frozen=True)
class Admin:
    """Somebody who writes through one server and reads through the other."""

    one: httpx.AsyncClient
    other: httpx.AsyncClient

    async def make(self, title: str) -> httpx.Response:
        made = await self.one.post("/v1/admin/videos", json={"title": title, "access": "free"})
        assert made.status_code == 201, made.text
        return made

    async def read(self, video_id: str, position: str) -> httpx.Response:
        return await self.other.get(f"/v1/videos/{video_id}", headers={POSITION: position})


@pytest.fixture
async def admin(module_database: str, folder: Path, servers: Servers) -> AsyncIterator[Admin]:
    async with open_house(Settings(data_dir=folder, database_url=module_database, public_url=PUBLIC_URL)) as house:
        registered = await house.accounts.register(
            email=f"{uuid4()}@example.com", password="onion-soup-at-noon", name=None, cause=NO_CAUSE, role="admin"
        )
        tokens = await house.signing_in.open_session(registered.account.id)
    common: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {tokens.access_token}"},
        "limits": httpx.Limits(max_connections=WRITES, max_keepalive_connections=WRITES),
        "timeout": 60,
    }
    one, other = [httpx.AsyncClient(base_url=address, **common) for address in servers.addresses]
    async with one, other:
        for client in (one, other):
            await ready(client)
        yield Admin(one, other)


async def ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not (await client.get("/health/ready")).is_success:
            await asyncio.sleep(0.1)


async def test_what_is_written_through_one_server_is_always_seen_through_the_other(admin: Admin) -> None:
    async def write_and_read(number: int) -> None:
        made = await admin.make(f"Course {number}")
        seen = await admin.read(made.json()["video"]["id"], made.headers[POSITION])
        assert (seen.status_code, seen.json().get("title")) == (200, f"Course {number}"), seen.text

    async with asyncio.TaskGroup() as tasks:
        for number in range(WRITES):
            tasks.create_task(write_and_read(number))


async def test_what_nobody_has_recorded_is_refused_at_once(admin: Admin) -> None:
    made = await admin.make("Soup")

    refused = await admin.read(made.json()["video"]["id"], str(int(made.headers[POSITION]) + 1_000))

    problem_in(refused, 400, "unknown_position")


async def test_without_a_worker_a_read_is_refused_in_two_seconds_and_served_once_there_is_one(
    admin: Admin, servers: Servers
) -> None:
    await asyncio.to_thread(stop_together, [servers.worker], seconds=STOP_SECONDS)
    try:
        made = await admin.make("Soup")
        asked = (made.json()["video"]["id"], made.headers[POSITION])
        began = time.monotonic()
        refused = await admin.read(*asked)
        took_seconds = time.monotonic() - began
    finally:
        servers.worker.start()

    problem_in(refused, 503, "not_yet_visible")
    assert refused.headers["Retry-After"] == "1"
    assert 1.9 < took_seconds < 5
    async with asyncio.timeout(START_SECONDS):
        while (seen := await admin.read(*asked)).status_code == 503:
            await asyncio.sleep(float(seen.headers["Retry-After"]))
    assert (seen.status_code, seen.json()["title"]) == (200, "Soup")
