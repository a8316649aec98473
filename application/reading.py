"""Reading one's own writes: a read that names a position sees at least that much."""

from dataclasses import dataclass

from application.errors import NotYetVisible, UnknownPosition
from application.ports.ledger import Position
from application.ports.reads import Positions

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ReadingYourWrites:
    """Waits, without sleeping in steps, until the read models have come as far as asked."""

    positions: Positions

    async def wait(self, position: Position) -> None:
        """Raises UnknownPosition beyond the ledger's head, NotYetVisible after 2 s."""
        if position > await self.positions.head():
            raise UnknownPosition(f"The ledger has not reached position {position}.")
        if not await self.positions.wait_for(position, timeout_seconds=TIMEOUT_SECONDS):
            raise NotYetVisible(f"The read models have not reached position {position} yet.")
