"""Which generation of each read model is the live one, for queries that name its own tables."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import LiteralString, TypeVar

from psycopg import errors
from psycopg.sql import SQL, Composable, Identifier, Literal

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.listening import Signal
from adapters.postgres.pool import Pool
from application.errors import ReadModelNotReady
from application.projections.projection import Projection

T = TypeVar("T")

LIVE = "SELECT name, generation FROM ledger.read_models WHERE state = 'live'"

KNOWN_SECONDS_MAX = 30.0

STILL_LIVE = SQL("ledger.still_live({}, {})")

GONE = (errors.UndefinedTable, errors.InvalidSchemaName)


class Query:
    """A statement on the tables of one read model, each written as its name in braces: `SELECT * FROM {titles}`.

    `{still_live}` is a condition for what must not be read from a generation that has been swapped out. What else is
    in braces is given by name. It is put together once to a generation, so that a prepared statement is
    found again by its very bytes.
    """

    def __init__(self, projection: Projection, statement: LiteralString, **parts: Composable) -> None:
        self.projection = projection
        self._statement = SQL(statement)
        self._parts = parts
        self._latest = (0, b"")

    def of(self, generation: int) -> bytes:
        """The statement on the tables of this generation."""
        latest, statement = self._latest
        if latest != generation:
            schema = f"{self.projection.name}_{generation}"
            tables = {table: Identifier(schema, table) for table in self.projection.tables}
            still_live = STILL_LIVE.format(Literal(self.projection.name), Literal(generation))
            statement = self._statement.format(still_live=still_live, **tables, **self._parts).as_bytes()
            self._latest = (generation, statement)
        return statement


class LiveGenerations:
    """One to a process: looked up at the first use, after each swap that is heard of, and after 30 s in any case.

    A swap changes a row and nothing that readers wait for. Who has not heard of it yet, or lost the connection on
    which it would be heard, reads the generation from before. That is fed with facts until it is dropped, unless it
    is a newer release that has swapped it out; what decides about access says `{still_live}`, and so is never read
    from it. A query that fails by that, or because the tables are gone, is put again to the live one.
    """

    def __init__(self, pool: Pool, swapped: Signal, *, clock: Callable[[], float] = monotonic) -> None:
        """`swapped` is the listener's signal of `READ_MODELS_SWAPPED`; `clock` gives seconds that never run back."""
        self._pool = pool
        self._signal = swapped
        self._known: dict[str, int] = {}
        self._clock = clock
        self._outdated_by = swapped.next
        self._outdated_at = 0.0
        self._looks: Gathering[None, dict[str, int]] = Gathering(self._look, rounds=1)

    async def read(self, query: Query, ask: Callable[[bytes], Awaitable[T]]) -> T:
        """What `ask` makes of the statement on the live generation; asked once more where its tables have gone.

        Raises ReadModelNotReady where there is none, DatabaseUnavailable, and what `ask` raises.
        """
        name = query.projection.name
        generation = self._known.get(name)
        if generation is None or self._outdated_by.is_set() or self._clock() > self._outdated_at:
            generation = await self._live(name)
        try:
            return await ask(query.of(generation))
        except GONE as gone:
            if (newer := await self._live(name)) == generation:
                raise ReadModelNotReady(f"The tables of the read model {name} are missing.") from gone
        try:
            return await ask(query.of(newer))
        except GONE as gone:
            raise ReadModelNotReady(f"The read model {name} is being replaced over and over.") from gone

    async def _live(self, name: str) -> int:
        """As it is now, by a look at the database that all who ask at this moment share."""
        live = await self._looks.ask(None)
        if name not in live:
            raise ReadModelNotReady(f"The read model {name} has not been prepared.")
        return live[name]

    async def _look(self, askers: Sequence[None]) -> list[dict[str, int]]:
        # Taken before the look: a swap between the look and the next query is not missed.
        outdated_by, outdated_at = self._signal.next, self._clock() + KNOWN_SECONDS_MAX
        async with connected(self._pool) as connection:
            self._known = dict(await (await connection.execute(LIVE, prepare=True)).fetchall())
        self._outdated_by, self._outdated_at = outdated_by, outdated_at
        return [self._known] * len(askers)
