"""Projections: the catalogue brought to the head by batches, and made anew beside the live one.

- `live`: what the live engine does when it is behind: `ReadModels.advance` over 20,000 facts, at most 1,000 to a
  batch, rows and position in one transaction. The engine that is measured begins anew in every round.
- `library`: the eventsourcing library's ProjectionRunner on the same facts, with a projection written by hand: one
  transaction to each. It is lent our mapper, and stamped facts. That both have written the same rows is checked.
- `rebuild`: `ReadModels.rebuild` of 1M facts, as `streamly projections rebuild` calls it, with all that it does: new
  tables, every fact, indexes, the swap. The library has no rebuild, so that what one does is empty its tables and let
  its runner begin again: `library`, whose rate hardly depends on how many facts there are.
- `copy and decode`: the same 1M facts by binary COPY, in order, each decoded by a cached decoder into the Struct that
  the projection decodes it into, and nothing else: what reading the ledger costs one thread of Python.

Every fact has a step (accounts' facts, which the catalogue passes over, would make us quicker), nobody reads or appends
meanwhile, and 850 of 1,000 facts in a row touch a row of their own, so that folding gains little. Waking up is not in
it: see `lag` and `commit_to_visible`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import Identifier

from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.projections.catalogue import catalogue
from benchmarks.contest import RATE, Comparison, Contest, Contestant, Figure, Outcome, Sample, hold
from benchmarks.decoding import copy_and_decode
from benchmarks.films import films_in
from benchmarks.library import LibraryCatalogue
from benchmarks.tables import LiveTable
from benchmarks.workbench import Options, Workbench

BATCH = 1_000
LIVE_RUNS = 5
"""To a round: one takes a seventh of a second."""

COMPARISONS = [
    Comparison("live_vs_library", "facts/s", Figure("live"), Figure("library")),
    Comparison("rebuild_vs_library", "facts/s", Figure("rebuild"), Figure("library")),
    Comparison("rebuild_vs_copy_decode", "facts/s", Figure("rebuild"), Figure("copy and decode")),
]


async def projection(bench: Workbench, options: Options, say: Callable[[str, int], None]) -> Outcome:
    part = await bench.ledger(options.library_facts)
    history = await bench.ledger(options.facts)
    arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
    with psycopg.connect(part, **arguments) as connection:
        await asyncio.to_thread(read_models_of(part).prepare)
        await asyncio.to_thread(read_models_of(history).prepare)
        videos = LiveTable.of(connection)
        library = LibraryCatalogue(part, videos)
        await asyncio.to_thread(library.take, options.library_facts)

        async def live() -> Sample:
            seconds = [await asyncio.to_thread(_advance_to_head, connection, part) for _ in range(LIVE_RUNS)]
            return {RATE: options.library_facts * LIVE_RUNS / sum(seconds)}

        contestants = [
            Contestant("live", live),
            Contestant("library", lambda: _rate(library.run)),
            Contestant("rebuild", lambda: _rate(lambda: rebuilt(history)[RATE])),
            Contestant("copy and decode", lambda: _rate(lambda: options.facts / copy_and_decode(history))),
        ]
        outcome = await hold(Contest("projection", contestants, COMPARISONS), rounds=options.rounds, on_round=say)
        videos.check_same(connection, Identifier("library", "videos"))
    return outcome


def read_models_of(dsn: str) -> ReadModels:
    """The catalogue alone."""
    return ReadModels(dsn, {catalogue.name: catalogue}, FactMapper())


async def _rate(measure: Callable[[], float]) -> Sample:
    return {RATE: await asyncio.to_thread(measure)}


def _advance_to_head(connection: Connection[TupleRow], dsn: str) -> float:
    """The seconds that it took, from nothing, an engine that begins."""
    LiveTable.of(connection).forget(connection)
    read_models = read_models_of(dsn)
    started = time.perf_counter()
    while read_models.advance(connection, catalogue, limit=BATCH):
        pass
    return time.perf_counter() - started


def rebuilt(dsn: str) -> dict[str, float]:
    """One rebuild, in facts a second; the generation that was live before is dropped afterwards, untimed."""
    read_models = read_models_of(dsn)
    done = read_models.rebuild(catalogue.name)
    read_models.drop_kept(catalogue.name)
    with psycopg.connect(dsn) as connection:
        assert LiveTable.of(connection).rows(connection) >= films_in(done.facts) > 0
    return {RATE: done.facts / done.seconds}
