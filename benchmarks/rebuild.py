"""Rebuild: the catalogue made anew beside the live one from the whole ledger, compared row by row, and swapped.

- `ledger`: `ReadModels.rebuild`, as `streamly projections rebuild` calls it, with all that it does: new tables, every
  fact, the comparison with the live rows, the swap of the views, the old tables dropped.
- `library`: the eventsourcing library has no rebuild, so that what one does is empty the tables and let its
  ProjectionRunner begin again, on a part of the facts and with nobody reading meanwhile: as in `project_live`.

Nobody reads or appends while it is measured, and every fact has a step; accounts' facts, which the catalogue passes
over, would make it quicker.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.projections.catalogue import catalogue
from benchmarks.contest import Contest, Contestant, Sample
from benchmarks.project_live import advance_to_head, seeded
from benchmarks.workbench import Options, Workbench


@asynccontextmanager
async def rebuild(bench: Workbench, options: Options) -> AsyncIterator[Contest]:
    library = await asyncio.to_thread(seeded, bench.database("rebuild"), options.facts)
    read_models = ReadModels(library.dsn, {"catalogue": catalogue}, FactMapper())
    arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
    with psycopg.connect(library.dsn, **arguments) as connection:
        await asyncio.to_thread(advance_to_head, connection, read_models)

    async def ours() -> Sample:
        rebuilt = await asyncio.to_thread(read_models.rebuild, catalogue.name)
        assert not rebuilt.differences, "a rebuild gives the rows that were live"
        return Sample(rebuilt.facts / rebuilt.seconds)

    async def theirs() -> Sample:
        return Sample(await asyncio.to_thread(library.run))

    yield Contest("rebuild", "facts/s", [Contestant("ledger", ours), Contestant("library", theirs)])
