"""Turn and turn about: no read model waits until another one, however far behind or poisoned, is level."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from adapters.eventstore import live
from adapters.eventstore.following import ROWS_KEPT, Follower
from adapters.eventstore.generations import Fed
from adapters.eventstore.live import LiveEngine
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from adapters.eventstore.tables import Generation
from application.projections.projection import Projection
from tests.adapters.eventstore.house import Stand, stands
from tests.adapters.eventstore.shelves import record
from tests.adapters.eventstore.test_generations import a_history, told
from tests.shelf import FACTS, Spoilt, shelf

POISON = 400


class Watched(Follower):
    """Remembers who was brought forward; `looks` counts the times that any was asked after."""

    def __init__(self, read_models: ReadModels) -> None:
        super().__init__(read_models.projections, FactMapper(FACTS, {}), rows_kept=ROWS_KEPT)
        self.forward: list[str] = []
        self.looks = 0
        self.may_look = threading.Event()
        self.may_look.set()

    def fed(self, cursor: Cursor[Any], projection: Projection) -> list[Fed]:
        self.looks += 1
        self.may_look.wait(10)
        return super().fed(cursor, projection)

    def advance_one(self, connection: Connection[TupleRow], generation: Generation, at: int, *, limit: int) -> int:
        upto = super().advance_one(connection, generation, at, limit=limit)
        if upto > at:
            self.forward.append(generation.schema)
        return upto


def two_shelves(dsn: str) -> ReadModels:
    """`a_busy`, which is asked first, and `b_well`, which has no step for what spoils the other."""
    busy, well = shelf(), shelf()
    busy.name, well.name = "a_busy", "b_well"
    well.routes = {kind: routes for kind, routes in well.routes.items() if kind is not Spoilt}
    well.read_as.pop(Spoilt.tag())
    read_models = ReadModels(dsn, {"a_busy": busy, "b_well": well}, FactMapper(FACTS, {}))
    read_models.prepare()
    return read_models


@contextmanager
def running(dsn: str, read_models: ReadModels) -> Iterator[None]:
    engine = LiveEngine(dsn, read_models)
    engine.start()
    try:
        yield
    finally:
        engine.stop()


def at_the_head(dsn: str, *names: str, seconds: float = 20.0) -> dict[str, Stand]:
    """How all stand when these have come to the ledger's head."""
    deadline = time.monotonic() + seconds
    standing = stands(dsn)
    while any(standing[name].position < standing[name].head for name in names):
        assert time.monotonic() < deadline
        time.sleep(0.01)
        standing = stands(dsn)
    return standing


def put_on_the_ledger(dsn: str, count: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        record(connection, a_history(count))


def test_a_run_of_poison_holds_no_other_up_and_is_told_of_in_a_line_each(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    read_models = two_shelves(database)
    with psycopg.connect(database, autocommit=True) as connection:
        record(connection, told(*[Spoilt()] * POISON))

    with running(database, read_models):
        standing = at_the_head(database, "b_well")
        assert standing["a_busy"].position < POISON
        poisoned = at_the_head(database, "a_busy")["a_busy"]

    assert (poisoned.trouble or "").startswith("fact 1: ")
    lines = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert [line.__dict__["position"] for line in lines] == list(range(1, POISON + 1))
    assert [bool(line.exc_info) for line in lines] == [True] + [False] * (POISON - 1)
    assert "what is 400 to be?" in lines[-1].__dict__["error"]


def test_after_whole_batches_the_next_poison_has_its_traceback_again(
    database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BATCH_MAX", 4)
    read_models = two_shelves(database)
    with psycopg.connect(database, autocommit=True) as connection:
        record(connection, told(Spoilt()))
        record(connection, told(Spoilt(), *a_history(20), Spoilt(), after=1))

    with running(database, read_models):
        at_the_head(database, "a_busy", "b_well")

    lines = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert [(line.__dict__["position"], bool(line.exc_info)) for line in lines] == [(1, True), (2, False), (23, True)]


def test_each_generation_has_one_batch_and_the_live_ones_come_first(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BATCH_MAX", 10)
    monkeypatch.setattr(live, "TURN_SECONDS", 0)
    read_models = two_shelves(database)
    read_models.rebuild("a_busy")
    read_models.live_follower = watched = Watched(read_models)
    put_on_the_ledger(database, 50)

    with running(database, read_models):
        at_the_head(database, "a_busy", "b_well")

    assert watched.forward[:12] == ["a_busy_2", "b_well_1", "a_busy_1"] * 4


def test_one_that_is_behind_alone_does_not_wait_between_its_batches(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BATCH_MAX", 1)
    monkeypatch.setattr(live, "TURN_SECONDS", 0)
    read_models = two_shelves(database)
    put_on_the_ledger(database, 60)

    with running(database, read_models):
        at_the_head(database, "a_busy", "b_well", seconds=20 * live.POLL_SECONDS)


def test_what_was_notified_while_it_was_busy_is_one_turn_and_no_more(database: str) -> None:
    read_models = two_shelves(database)
    read_models.live_follower = watched = Watched(read_models)
    watched.may_look.clear()

    with running(database, read_models), psycopg.connect(database, autocommit=True) as connection:
        while not watched.looks:
            time.sleep(0.01)
        for _ in range(300):
            connection.execute("NOTIFY events")
        put_on_the_ledger(database, 10)
        watched.may_look.set()
        at_the_head(database, "a_busy", "b_well")
        time.sleep(0.5)

    assert watched.looks < 20
