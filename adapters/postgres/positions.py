"""How far the ledger and its read models are, and waiting until they have come to a position."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.listening import READ_MODELS, Listener
from adapters.postgres.pool import Pool

POLL_SECONDS = 0.25

# Inline ones are at the head by construction. Without another there is nothing that could be behind. One that is
# degraded has left a fact out and goes on, so that nobody waits for it. A process that has not heard of a swap yet
# reads the generation from before, so for as long as that may be, both have to be there.
LOOK = """
    SELECT
        (SELECT coalesce(max(notification_id), 0) FROM ledger.events),
        (
            SELECT coalesce(min(read.position), 9223372036854775807)
            FROM ledger.read_models AS live JOIN ledger.read_models AS read USING (name, version)
            WHERE live.state = 'live' AND NOT live.inline
                AND (read.state = 'live' OR read.state = 'kept' AND read.kept_since > now() - interval '1 minute')
        )
"""


class Seen(NamedTuple):
    """The ledger's head, and how far what is read has come: the head or more where nothing can be behind."""

    head: int
    reached: int


class PostgresPositions:
    """Waits are woken by the notification that a read model moved, with a look every 250 ms behind it."""

    def __init__(self, pool: Pool, listener: Listener, *, poll_seconds: float = POLL_SECONDS) -> None:
        """The listener listens to `read_models`."""
        self._pool = pool
        self._poll_seconds = poll_seconds
        self._moved = listener.signal(READ_MODELS)
        self._looks: Gathering[None, Seen] = Gathering(self._look, rounds=1)

    async def head(self) -> int:
        return (await self._looks.ask(None)).head

    async def wait_for(self, position: int, *, timeout_seconds: float) -> bool:
        """Also False where a look at the database took all the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._reach(position)
                return True
        return False

    async def _reach(self, position: int) -> None:
        while True:
            # Taken before the look: a move between the look and the wait is not missed.
            moved = self._moved.next
            if (await self._looks.ask(None)).reached >= position:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await moved.wait()

    async def _look(self, askers: Sequence[None]) -> list[Seen]:
        """One look serves all who wait."""
        async with connected(self._pool) as connection:
            row = await (await connection.execute(LOOK, prepare=True)).fetchone()
        assert row is not None, "a query without FROM gives one row"
        return [Seen(*row)] * len(askers)
