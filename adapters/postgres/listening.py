"""One connection of its own per process that listens for what others notify."""

import asyncio
import logging
from collections.abc import Iterator
from itertools import chain, repeat
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.postgres.pool import CONNECTION_ARGUMENTS

log = logging.getLogger(__name__)

READ_MODELS = "read_models"
READ_MODELS_SWAPPED = "read_models_swapped"
INBOX = "inbox"


class Signal:
    """Wakes all who wait, each time that something has happened.

    Take `next` before you look, and wait for it after: what happens in between is not missed.
    """

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def fire(self) -> None:
        self.next.set()
        self.next = asyncio.Event()


class Listener:
    """Listens while it is open: `async with Listener(dsn, INBOX) as listener`.

    A notification is a hint to look, and whoever waits for one polls as well: with the connection lost none comes.
    When it is back every signal fires, for what was missed. The DSN must lead to PostgreSQL itself or to a pooler in
    session mode.
    """

    def __init__(self, dsn: str, *channels: str) -> None:
        self._dsn = dsn
        self._signals = {channel: Signal() for channel in channels}
        self._task: asyncio.Task[None] | None = None

    def signal(self, channel: str) -> Signal:
        """The signal of one of the channels that were given. Raises KeyError for another."""
        return self._signals[channel]

    async def __aenter__(self) -> Self:
        """Returns at once; the connection is made meanwhile."""
        self._task = asyncio.create_task(self._listen_for_ever(), name="listener")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None, "it was entered"
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _listen_for_ever(self) -> None:
        pauses = _pauses_seconds()
        while True:
            try:
                async with await self._connect() as connection:
                    await self._listen(connection)
                    pauses = _pauses_seconds()
                    await self._pass_on(connection)
            except (psycopg.Error, OSError) as lost:
                log.warning("the listening connection was lost", extra={"error": str(lost)})
            await asyncio.sleep(next(pauses))

    async def _connect(self) -> AsyncConnection[TupleRow]:
        arguments: dict[str, Any] = CONNECTION_ARGUMENTS
        return await AsyncConnection.connect(self._dsn, **arguments)

    async def _listen(self, connection: AsyncConnection[TupleRow]) -> None:
        for channel in self._signals:
            await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
        for signal in self._signals.values():
            signal.fire()

    async def _pass_on(self, connection: AsyncConnection[TupleRow]) -> None:
        async for notification in connection.notifies():
            self._signals[notification.channel].fire()


def _pauses_seconds() -> Iterator[float]:
    """Longer and longer, up to 5 s."""
    return chain((0.1, 0.5, 2.0), repeat(5.0))
