"""How a command reaches the use cases: on a ready database, in a house that is open for as long as the command runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from application.recall import Asked
from domain.shared.fact import Actor, Cause
from entrypoints.settings import read_settings
from entrypoints.wiring import Database, House, open_house, ready_database

T = TypeVar("T")

OPERATOR = Actor("admin", "command-line")


def in_house(act: Callable[[House], Awaitable[T]], *, prepare: bool = True) -> T:
    """Do one thing in the house that the settings describe; `prepare` as `open_house` says."""
    settings = read_settings()
    with ready_database(settings) as database:

        async def once() -> T:
            async with open_house(settings, database.dsn, prepare=prepare) as house:
                return await _with_watch(database, act(house))

        return asyncio.run(once())


async def _with_watch(database: Database, acting: Awaitable[T]) -> T:
    """The embedded server ends with the command that started it: who is left starts it again."""
    watching = asyncio.create_task(database.watch(), name="watch of the database")
    try:
        return await acting
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def by_command(name: str) -> Asked:
    """Who asks, for the facts that follow: the operator, by a command of this name."""
    return Asked(OPERATOR, Cause("command", name))
