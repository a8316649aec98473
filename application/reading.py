"""Reading one's own writes: a read that names a position sees at least that much."""

import asyncio
import contextlib
from dataclasses import dataclass

from application.errors import NotYetVisible, UnknownPosition
from application.ports.ledger import Position
from application.ports.reads import Positions

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ReadingYourWrites:
    """Waits, without sleeping in steps, until the read models have come as far as asked."""

    positions: Positions
    timeout_seconds: float = TIMEOUT_SECONDS

    async def wait(self, position: Position) -> None:
        """Raises UnknownPosition beyond the ledger's head, NotYetVisible in time, whatever took it."""
        reached = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.timeout_seconds):
                if position > await self.positions.head():
                    raise UnknownPosition(f"The ledger has not reached position {position}.")
                reached = await self.positions.wait_for(position, timeout_seconds=self.timeout_seconds)
        if not reached:
            raise NotYetVisible(f"The read models have not reached position {position} yet.")
