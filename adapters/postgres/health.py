"""Whether the database can be reached and written."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.pool import Pool
from application.errors import DatabaseUnavailable

CACHED_SECONDS = 1.0
TIMEOUT_SECONDS = 2.0

# A real write: one that can be read may be a replica, or have a full disk.
WRITE = "UPDATE ops.write_check SET written_at = now()"


class PostgresHealth:
    """Asked as often as one likes, it looks once a second at most."""

    def __init__(
        self, pool: Pool, *, clock: Callable[[], float] = monotonic, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """`clock` gives seconds that never run back."""
        self._pool = pool
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._looking = asyncio.Lock()
        # Who has waited for too long goes away, and the write that hangs is left to itself.
        self._writing: Gathering[None, None] = Gathering(self._write, rounds=1)
        self._good_until = float("-inf")
        self._trouble: DatabaseUnavailable | None = None

    async def check(self) -> None:
        """Raises DatabaseUnavailable, in time, when nothing can be written."""
        async with self._looking:
            if self._clock() >= self._good_until:
                self._trouble = await self._look()
                self._good_until = self._clock() + CACHED_SECONDS
        if self._trouble is not None:
            raise DatabaseUnavailable(str(self._trouble)) from self._trouble

    async def _look(self) -> DatabaseUnavailable | None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._writing.ask(None)
        except DatabaseUnavailable as trouble:
            return trouble
        except TimeoutError:
            return DatabaseUnavailable(f"The database took more than {self._timeout_seconds} s to write a row.")
        return None

    async def _write(self, askers: Sequence[None]) -> Sequence[None]:
        async with connected(self._pool) as connection:
            await connection.execute(WRITE)
        return askers
