"""Live projection: the catalogue brought from nothing to the head, batch by batch, position and rows together.

- `ledger`: what the live engine does when it is behind, `ReadModels.advance` until nothing is left, 2,000 facts to a
  batch, from a ledger on which every fact has a step.
- `library`: the eventsourcing library's ProjectionRunner with a projection written by hand, on the first part of the
  same facts: one transaction to each. It is lent our mapper, and stamped facts.

At the end it is checked that both have written the same rows, for the part that both have read. The rate of the
library hardly depends on how many facts there are, so it is given a part; ours is given all of them. Films' lives are
scattered, so folding gains little. Waking up is not measured here: see `commit_to_visible`.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.eventstore.comparison import differences
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.tables import Generation
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.projections.catalogue import catalogue
from benchmarks.contest import Contest, Contestant, Sample
from benchmarks.films import lives
from benchmarks.house import seed
from benchmarks.library import LibraryCatalogue
from benchmarks.workbench import Options, Workbench

LIBRARY_FACTS_MAX = 2_000
LIVE_GENERATION = 1


@asynccontextmanager
async def project_live(bench: Workbench, options: Options) -> AsyncIterator[Contest]:
    library = await asyncio.to_thread(seeded, bench.database("project_live"), options.facts)
    read_models = ReadModels(library.dsn, {"catalogue": catalogue}, FactMapper())
    arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
    with psycopg.connect(library.dsn, **arguments) as connection:

        async def ours() -> Sample:
            _forget(connection)
            return Sample(options.facts / await asyncio.to_thread(advance_to_head, connection, read_models))

        async def theirs() -> Sample:
            return Sample(await asyncio.to_thread(library.run))

        yield Contest("project_live", "facts/s", [Contestant("ledger", ours), Contestant("library", theirs)])
        _check_same_rows(connection, read_models, library)


def seeded(dsn: str, facts: int) -> LibraryCatalogue:
    """A ledger with so many facts and an empty catalogue, and the library's table with the first of them."""
    ReadModels(dsn, {"catalogue": catalogue}, FactMapper()).prepare()
    seed(dsn, lives(facts))
    library = LibraryCatalogue(dsn)
    library.take(min(facts, LIBRARY_FACTS_MAX))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return library


def _forget(connection: Connection[TupleRow]) -> None:
    generation = Generation(catalogue, LIVE_GENERATION)
    connection.execute(SQL("TRUNCATE {}").format(Identifier(generation.schema, "videos")))
    connection.execute("UPDATE ledger.read_models SET position = 0 WHERE name = %s AND live", (catalogue.name,))


def advance_to_head(connection: Connection[TupleRow], read_models: ReadModels) -> float:
    """The seconds that it took."""
    started = time.perf_counter()
    while read_models.advance(connection, catalogue):
        pass
    return time.perf_counter() - started


def _check_same_rows(connection: Connection[TupleRow], read_models: ReadModels, library: LibraryCatalogue) -> None:
    _forget(connection)
    read_models.advance(connection, catalogue, limit=library.part)
    found = differences(connection.cursor(), Generation(catalogue, LIVE_GENERATION), library.generation)
    assert not found, f"the library has written other rows than we: {found}"
