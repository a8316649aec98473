"""The first filling of a generation: history folded in memory, every row written once, indexes last."""

import time
from contextlib import ExitStack
from itertools import islice
from typing import Any

import msgspec
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from adapters.eventstore.following import Progress
from adapters.eventstore.generations import show_progress
from adapters.eventstore.pages import Pages
from adapters.eventstore.tables import Generation
from application.projections.projection import Batch

ROWS_IN_MEMORY_MAX = 600_000
"""A row of the catalogue takes 0.8 kB. A projection with more goes on as the live engine does, from what is written."""
BYTES_IN_MEMORY_MAX = 600_000_000
ROW_BYTES = 500
"""What a row takes beside its text."""
WEIGHED = 50
NEW_ROWS_IN_MEMORY_MAX = 50_000
"""Rows that are never changed later are written as they come."""
SHOWN_EVERY_SECONDS = 0.5


class Filling:
    """Fills the tables of one generation up to a position, or as far as memory allows.

    `reader` and `writer` are two connections that nobody else uses meanwhile. The tables appear with all their rows
    in one transaction: until then nothing is there that would have to be cleared away.
    """

    def __init__(
        self, generation: Generation, reader: Connection[TupleRow], writer: Connection[TupleRow], rows_in_memory: int
    ) -> None:
        self._generation = generation
        self._reader = reader
        self._writer = writer
        self._rows_in_memory = rows_in_memory
        self._batch = Batch(generation.projection)
        self._bytes = 0.0
        self._weighed = dict.fromkeys(self._batch.by_key, 0)
        self._shown = time.monotonic()

    def run(self, pages: Pages, stop: int, on_progress: Progress) -> int:
        """The position reached. Raises StepFailed, FactUnreadable."""
        at, written = 0, False
        with ExitStack() as transaction:
            for page in pages.follow(self._reader, 0, stop):
                at = page.upto
                self._batch.fold(page.facts)
                self._weigh()
                if self._new_rows() > NEW_ROWS_IN_MEMORY_MAX:
                    written = written or self._begin(transaction)
                    self._write_new()
                self._show(at, stop, on_progress, committed=not written)
                if len(self._batch) > self._rows_in_memory or self._bytes > BYTES_IN_MEMORY_MAX:
                    break
            if not written:
                self._begin(transaction)
            self._write_all(at)
        return at

    def _weigh(self) -> None:
        """What the rows take that have come with a page, by some of them."""
        for kind, rows in self._batch.by_key.items():
            if (more := len(rows) - self._weighed[kind]) > 0:
                some = list(islice(reversed(rows.values()), min(more, WEIGHED)))
                self._bytes += more * (ROW_BYTES + len(msgspec.json.encode(some)) / len(some))
                self._weighed[kind] = len(rows)

    def _begin(self, transaction: ExitStack) -> bool:
        transaction.enter_context(self._writer.transaction())
        self._generation.create(self._cursor())
        return True

    def _write_new(self) -> None:
        for row, table in self._generation.tables.items():
            table.copy(self._cursor(), self._batch.new[row])
            self._batch.new[row].clear()

    def _write_all(self, at: int) -> None:
        for row, table in self._generation.tables.items():
            table.copy(self._cursor(), self._batch.made(row))
        self._generation.index(self._cursor())
        show_progress(self._cursor(), self._generation, at)

    def _show(self, at: int, stop: int, on_progress: Progress, *, committed: bool) -> None:
        on_progress(at, stop)
        if committed and time.monotonic() - self._shown > SHOWN_EVERY_SECONDS:
            show_progress(self._cursor(), self._generation, at)
            self._shown = time.monotonic()

    def _new_rows(self) -> int:
        return sum(map(len, self._batch.new.values()))

    def _cursor(self) -> Cursor[Any]:
        return self._writer.cursor()
