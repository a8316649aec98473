"""When more is asked of the ledger than it can take, whoever comes too late is told when to come back."""

import asyncio

import psycopg
import pytest
from psycopg.rows import TupleRow

from adapters.eventstore.recorder import LEDGER_LOCK
from tests.http.problem import problem_in
from tests.http.running import Person

pytestmark = pytest.mark.anyio


async def test_a_full_queue_of_appends_is_answered_at_once_and_the_rest_goes_on(
    admin: Person, module_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.eventstore.committer.WAITING_MAX", 1)

    async def make(number: int) -> int:
        answer = await admin.http.post("/v1/admin/videos", json={"title": f"Onions {number}", "access": "free"})
        if answer.status_code == 503:
            problem_in(answer, 503, "ledger_busy")
            assert answer.headers["retry-after"] == "1"
        return answer.status_code

    async with await psycopg.AsyncConnection.connect(module_database) as holder:
        await holder.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
        first = asyncio.create_task(make(0))
        await until_somebody_waits(holder)
        behind = [asyncio.create_task(make(number)) for number in range(1, 6)]
        async with asyncio.timeout(5):
            while sum(task.done() for task in behind) < 4:
                await asyncio.sleep(0.01)
        await holder.rollback()
    assert await first == 201
    assert sorted(await asyncio.gather(*behind)) == [201, 503, 503, 503, 503]


async def until_somebody_waits(holder: psycopg.AsyncConnection[TupleRow]) -> None:
    """The writer has taken its batch to the database, and waits for the ledger's lock."""
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM"
    waiting += " pg_database WHERE datname = current_database())"
    async with asyncio.timeout(5):
        while await (await holder.execute(waiting)).fetchone() is None:
            await asyncio.sleep(0.01)
