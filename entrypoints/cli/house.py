"""How a command reaches the use cases: on a ready database, in a house that is open for as long as the command runs."""

import asyncio
import fcntl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import IO, TypeVar

import click

from application.recall import Asked
from domain.shared.fact import Actor, Cause
from entrypoints.settings import Settings, read_settings
from entrypoints.wiring import Database, House, open_house, ready_database

T = TypeVar("T")

OPERATOR = Actor("admin", "command-line")

COMMANDS = "commands"
"""The file in the data folder that every command on the embedded database holds."""
WAIT_SECONDS_MAX = 600.0
WORDLESS_SECONDS = 1.0
POLL_SECONDS = 0.05


def in_house(act: Callable[[House], Awaitable[T]], *, prepare: bool = True) -> T:
    """Do one thing in the house that the settings describe; `prepare` as `open_house` says."""
    settings = read_settings()
    with database_of_command(settings) as database:

        async def once() -> T:
            async with open_house(settings, database.dsn, prepare=prepare) as house:
                return await _with_watch(database, act(house))

        return asyncio.run(once())


@contextmanager
def database_of_command(settings: Settings) -> Iterator[Database]:
    """As `ready_database`; the embedded server is not taken away from other commands that are at work on it."""
    if settings.database_url or settings.in_production:
        with ready_database(settings) as database:
            yield database
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / COMMANDS).open("w") as mark:
        # Whoever has it to itself is stopping the server.
        _take(mark, fcntl.LOCK_SH)
        with ready_database(settings) as database:
            try:
                yield database
            finally:
                if database.embedded is not None and database.embedded.started_here:
                    fcntl.flock(mark, fcntl.LOCK_UN)
                    _take(mark, fcntl.LOCK_EX, waiting="for the other commands on the database that this one started")


def _take(mark: IO[str], how: int, *, waiting: str = "for the database to end") -> None:
    """After 10 minutes it is done without."""
    began, told = time.monotonic(), False
    while (waited := time.monotonic() - began) < WAIT_SECONDS_MAX:
        try:
            fcntl.flock(mark, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited > WORDLESS_SECONDS and not told:
                click.echo(f"streamly: waiting {waiting}; Ctrl-C ends it now", err=True)
                told = True
            time.sleep(POLL_SECONDS)
        else:
            return


async def _with_watch(database: Database, acting: Awaitable[T]) -> T:
    """The embedded server ends with the service, where that has started it: who is left starts it again."""
    watching = asyncio.create_task(database.watch(), name="watch of the database")
    try:
        return await acting
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def by_command(name: str) -> Asked:
    """Who asks, for the facts that follow: the operator, by a command of this name."""
    return Asked(OPERATOR, Cause("command", name))
