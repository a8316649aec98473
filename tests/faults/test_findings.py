"""What the rounds found, each told as small as it goes; one that is mended loses its mark and stays."""

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.eventstore.following import Follower, Progress, no_progress
from adapters.eventstore.mapper import Placed
from adapters.eventstore.recorder import LEDGER_LOCK, Append, LedgerRecorder
from adapters.eventstore.tables import Generation
from application.ports.ledger import Insert, RowTaken, Write
from application.projections.every import PROJECTIONS
from tests.adapters.eventstore.house import ledger_house
from tests.faults.lives import VideoLife, video_fact

pytestmark = pytest.mark.anyio

FACTS = 1_000
"""More than a swap brings in while others wait."""


class Watched(LedgerRecorder):
    """Looks, when the facts are inserted, whether anybody else could have the ledger's lock."""

    dsn = ""
    unlocked = 0

    def _insert_placed(self, connection: Any, placed: Sequence[Placed]) -> None:
        with psycopg.connect(self.dsn) as other:
            row = other.execute("SELECT pg_try_advisory_xact_lock(%s)", [LEDGER_LOCK]).fetchone()
        self.unlocked += bool(row and row[0])
        super()._insert_placed(connection, placed)


def claiming(name: bytes) -> Append:
    """A new video that wants a name."""
    writes = VideoLife(uuid4()).next(Random(name))  # noqa: S311 - a story
    row = Insert("claims", {"kind": "fault", "blind_index": name, "owner": uuid4()})
    return Append(writes, [row], {})


async def test_after_a_refusal_in_the_batch_the_facts_are_still_inserted_under_the_lock(database: str) -> None:
    async with ledger_house(database) as house:
        recorder = Watched(
            house.recorder.datastore,  # type: ignore[arg-type]  # the house's own
            mapper=house.mapper,
            inline=house.recorder.inline,
            business_time=house.clock,
        )
        recorder.dsn = database
        assert recorder.record([claiming(b"onion")]) == [1]
        refused, *recorded = recorder.record([claiming(b"onion"), claiming(b"leek"), claiming(b"garlic")])
        assert isinstance(refused, RowTaken)
        assert (recorded, recorder.unlocked) == ([2, 3], 0)


class Overtaken(Follower):
    """The live engine, which keeps the kept generations in step, is quicker than whoever wants to swap."""

    def catch_up(
        self, connection: Any, generation: Generation, at: int, stop: int, on_progress: Progress = no_progress
    ) -> int:
        self.advance(connection, generation.projection)
        return super().catch_up(connection, generation, at, stop, on_progress)


async def test_a_rollback_goes_through_although_the_live_engine_follows_the_kept_generation_too(database: str) -> None:
    async with ledger_house(database) as house:
        house.read_models.rebuild("catalogue")
        video, dice = uuid4(), Random(1)  # noqa: S311 - a story
        await house.ledger.append(Write(video, 0, [video_fact(video, version, dice) for version in range(FACTS)]))
        house.read_models.follower = Overtaken(PROJECTIONS, house.mapper)
        assert house.read_models.rollback("catalogue").generation == 1
