"""How the read models stand, and what is asked for: run against PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from adapters.memory.ledger import MemoryLedger
from adapters.memory.read_model_states import MemoryReadModelStates
from adapters.memory.tables import MemoryTables
from adapters.postgres.pool import new_pool
from adapters.postgres.read_model_states import PostgresReadModelStates
from application.errors import NotFound
from application.ports.read_models import ReadModelStates, ReadModelStatus
from application.projection_admin import ProjectionAdmin
from application.projections.every import PROJECTIONS
from tests.adapters.eventstore.house import ledger_house
from tests.people import StoppedClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "postgres"])
async def states(request: pytest.FixtureRequest) -> AsyncIterator[ReadModelStates]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            ledger = MemoryLedger(StoppedClock(), MemoryTables(), *PROJECTIONS.values())
            yield MemoryReadModelStates(ledger, *PROJECTIONS.values())
            return
        database: str = request.getfixturevalue("database")
        await stack.enter_async_context(ledger_house(database))
        yield PostgresReadModelStates(await stack.enter_async_context(new_pool(database, size=2)))


async def test_all_stand_at_the_head_and_nothing_is_asked_for(states: ReadModelStates) -> None:
    assert list(await states.statuses()) == [
        ReadModelStatus(name=name, generation=1, version=PROJECTIONS[name].version, position=0, lag=0)
        for name in ("access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions")
    ]
    assert list(await states.rebuilds_requested()) == []


async def test_what_is_asked_for_waits_in_the_order_in_which_it_was_first(states: ReadModelStates) -> None:
    for name in ("plans", "access", "plans"):
        assert await states.request_rebuild(name)

    assert list(await states.rebuilds_requested()) == ["plans", "access"]
    assert [each.name for each in await states.statuses() if each.rebuild_requested] == ["access", "plans"]


async def test_what_is_given_up_waits_no_more_and_says_why_until_it_is_asked_for_again(states: ReadModelStates) -> None:
    async def error(name: str) -> str | None:
        return next(each.rebuild_error for each in await states.statuses() if each.name == name)

    await states.give_up_request("access", "nobody asked")
    await states.request_rebuild("plans")
    for why in ("fact 7 cannot be read", "too late"):
        await states.give_up_request("plans", why)

    assert list(await states.rebuilds_requested()) == []
    assert (await error("access"), await error("plans")) == (None, "fact 7 cannot be read")
    assert await states.request_rebuild("plans")
    assert await error("plans") is None


async def test_what_there_is_none_of_cannot_be_asked_for(states: ReadModelStates) -> None:
    assert not await states.request_rebuild("nothing")
    with pytest.raises(NotFound):
        await ProjectionAdmin(states).request_rebuild("nul \0")
    assert list(await states.rebuilds_requested()) == []


async def test_an_admin_sees_what_was_asked_for(states: ReadModelStates) -> None:
    admin = ProjectionAdmin(states)

    first = await admin.request_rebuild("access")

    assert (first.name, first.rebuild_requested) == ("access", True)
    assert await admin.request_rebuild("access") == first
    assert first in await admin.statuses()
