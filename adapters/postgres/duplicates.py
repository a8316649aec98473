"""How many second live subscriptions to one plan have been found, by the ledger's index of what happened."""

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from domain.subscription.facts import DuplicateFound

COUNT = "SELECT count(*) FROM ledger.events WHERE topic = %s"


class PostgresDuplicates:
    """They are few: each is somebody who pays twice."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def found(self) -> int:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(COUNT, (DuplicateFound.tag(),))).fetchone()
        return row[0] if row else 0
