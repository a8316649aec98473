"""The whole ledger in one answer: to a reader who stalls, who leaves, and from a database that goes away."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from application.audit import Audit
from application.errors import DatabaseUnavailable
from application.ports.ledger import History, HistoryFilter, Recorded, Unreadable
from entrypoints.http.app import create_app
from tests.adapters.eventstore.long_ledger import LATE, LOUD, RARE, recorded_at, seed
from tests.http.problem import problem_in
from tests.http.running import Person, Service, running_service
from tests.http.serving import served

pytestmark = pytest.mark.anyio

FACTS = 40_000
NDJSON = {"Accept": "application/x-ndjson"}
EVENTS = "/v1/audit/events"
WHOLE = b"\r\n0\r\n\r\n"
"""How an answer in chunks ends."""


@pytest.fixture(scope="module")
async def service(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """On a long ledger."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        seed(connection, FACTS)
        connection.execute("ANALYZE ledger.events")
    folder: Path = tmp_path_factory.mktemp("service")
    async with running_service(module_database, folder) as service:
        yield service


async def streamed(reader: Person, **asked: str) -> list[Any]:
    answer = await reader.http.get(EVENTS, params=asked, headers=NDJSON, timeout=30)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_every_filter_holds_for_a_stream_too(auditor: Person) -> None:
    whole = await streamed(auditor, to=recorded_at(FACTS).isoformat())
    assert [fact["position"] for fact in whole] == list(range(1, FACTS - FACTS % 7))

    day = recorded_at(30_000).isoformat()
    late = await streamed(auditor, account=str(LOUD), type=LATE, **{"from": day})
    assert [fact["position"] for fact in late] == [at for at in range(30_001, FACTS, 20) if at % 5_000 != 1]
    rare = await streamed(auditor, stream=str(LOUD), type=RARE, after="5001", limit="3")
    assert [fact["position"] for fact in rare] == [10_001, 15_001, 20_001]
    assert await streamed(auditor, type="video.eaten") == []


async def test_pages_and_the_stream_give_the_same(auditor: Person) -> None:
    asked = {"account": str(LOUD), "type": RARE}
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await auditor.http.get(EVENTS, params=asked | {"limit": "3"} | cursor)).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == await streamed(auditor, **asked)
    assert len(seen) == 8


async def test_readers_who_stall_hold_no_connection(service: Service, auditor: Person, module_database: str) -> None:
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(asking_for_all(service, auditor)) for _ in range(20)]
        await nothing_is_read(service)

        busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        with psycopg.connect(module_database) as connection:
            assert connection.execute(busy + " AND pid <> pg_backend_pid()").fetchone() == (0,)
        assert (await auditor.http.get(EVENTS)).status_code == 200
        assert (await readers[0].read()).endswith(WHOLE)


async def test_a_reader_who_leaves_ends_the_reading(service: Service, auditor: Person) -> None:
    async with asyncio.timeout(30):
        for _ in range(10):
            async with asking_for_all(service, auditor):
                assert answering() > 0
        while answering() > 0:
            await asyncio.sleep(0.02)


def answering() -> int:
    """How many requests the server is at work on."""
    return sum("run_asgi" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def nothing_is_read(service: Service) -> None:
    """Until all that can be taken has been taken, so that nobody asks the database for more."""
    history: Any = service.house.audit.history
    seen = -1
    while seen != (seen := history._pool.get_stats()["requests_num"]):
        await asyncio.sleep(0.5)


@asynccontextmanager
async def asking_for_all(service: Service, reader: Person) -> AsyncIterator[asyncio.StreamReader]:
    """Somebody who has asked for all of it, and has taken no more than the first line of the answer."""
    url = httpx.URL(service.address)
    with socket.socket() as taking:
        taking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        taking.setblocking(False)
        await asyncio.get_running_loop().sock_connect(taking, (url.host, url.port))
        reading, writing = await asyncio.open_connection(sock=taking, limit=4_096)
        head = [f"GET {EVENTS} HTTP/1.1", f"Host: {url.host}", "Accept: application/x-ndjson", "Connection: close"]
        head.append(f"Authorization: {reader.http.headers['Authorization']}")
        writing.write("\r\n".join([*head, "", ""]).encode())
        try:
            assert b"200 OK" in await reading.readline()
            yield reading
        finally:
            writing.transport.abort()
            with suppress(OSError):
                await writing.wait_closed()


async def test_who_is_disabled_or_given_another_role_meanwhile_reads_no_further(service: Service) -> None:
    disabled, demoted, admin = [await service.sign_up(role) for role in ("auditor", "admin", "admin")]
    async with (
        asyncio.timeout(60),
        asking_for_all(service, disabled) as one,
        asking_for_all(service, demoted) as other,
    ):
        await nothing_is_read(service)
        accounts = "/v1/admin/accounts"
        left = await admin.http.post(f"{accounts}/{disabled.account_id}/disable", json={"reason": "left"})
        masked = await admin.http.put(f"{accounts}/{demoted.account_id}/role", json={"role": "auditor"})
        assert (left.status_code, masked.status_code) == (200, 200)
        came = await one.read(), await other.read()

    for lines in came:
        assert not lines.endswith(WHOLE)
        assert b'{"position":%d,' % FACTS not in lines


async def test_a_database_that_hangs_up_in_the_middle_costs_no_fact(
    service: Service, auditor: Person, module_database: str
) -> None:
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    async with asyncio.timeout(60), asking_for_all(service, auditor) as reader:
        await nothing_is_read(service)
        with psycopg.connect(module_database, autocommit=True) as connection:
            connection.execute(ended + " AND pid <> pg_backend_pid()")
        whole = await reader.read()

    assert whole.endswith(WHOLE)
    positions = [int(found) for found in re.findall(rb'\{"position":(\d+)', whole)]
    assert len(positions) > FACTS
    assert positions == list(range(1, len(positions) + 1))


class GoesAway:
    """A history whose database is gone after some facts, or at once."""

    def __init__(self, history: History, *, at_once: bool) -> None:
        self._history, self._at_once = history, at_once

    async def bounded(self, wanted: HistoryFilter) -> HistoryFilter:
        if self._at_once:
            raise DatabaseUnavailable("The database does not answer now.")
        return await self._history.bounded(wanted)

    def facts(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded]:
        return self._history.facts(wanted, page_size=page_size)

    async def entries(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded | Unreadable]:
        async for recorded in self._history.entries(wanted, page_size=page_size):
            if recorded.position > 2_000:
                raise DatabaseUnavailable("The database does not answer now.")
            yield recorded

    async def of_account(self, account_id: UUID, *, until: datetime | None = None) -> Sequence[Recorded]:
        return await self._history.of_account(account_id, until=until)


@asynccontextmanager
async def without_database(service: Service, *, at_once: bool) -> AsyncIterator[str]:
    audit = Audit(history=GoesAway(service.house.audit.history, at_once=at_once), replay_pauses_seconds=())
    async with served(create_app(replace(service.house, audit=audit))) as port:
        yield f"http://127.0.0.1:{port}{EVENTS}"


async def test_an_answer_that_is_cut_short_does_not_look_whole(service: Service, auditor: Person) -> None:
    read = auditor.http.stream
    async with without_database(service, at_once=False) as address, read("GET", address, headers=NDJSON) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await answer.aread()


async def test_a_database_that_is_away_is_said_so_before_the_answer_begins(service: Service, auditor: Person) -> None:
    async with without_database(service, at_once=True) as address:
        refused = await auditor.http.get(address, headers=NDJSON)

    problem_in(refused, 503, "database_unavailable")
    assert refused.headers["retry-after"] == "1"
