"""The judges of the rounds, judged: what is lost, doubled, torn apart or out of order is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest

from application.ports.ledger import Write
from tests.adapters.eventstore.house import ledger_house
from tests.faults.journal import Answered, Asked, Journal
from tests.faults.ledger import Snapshot
from tests.faults.lives import video_fact
from tests.faults.verdict import Run, judge_rows, judge_strangers, judge_tail, seen_by

pytestmark = pytest.mark.anyio

FORGED = UUID("00000000-0000-4000-8000-0000000f0f0f")

DOUBLE = """
    INSERT INTO ledger.events SELECT gen_random_uuid(), 1, topic, state, 7, recorded_at FROM ledger.events
    WHERE notification_id = 6
"""
SWAP = """
    UPDATE ledger.events SET notification_id = 7 WHERE notification_id = 6;
    UPDATE ledger.events SET notification_id = 6 WHERE notification_id = 5;
    UPDATE ledger.events SET notification_id = 5 WHERE notification_id = 7
"""
RENAME = f"""
    UPDATE ledger.events SET state = convert_to(
        jsonb_set(convert_from(state, 'UTF8')::jsonb, '{{fact_id}}', '"{FORGED}"')::text, 'UTF8'
    ) WHERE notification_id = 1
"""
CLAIM = "INSERT INTO ops.claims (kind, blind_index, owner) VALUES ('fault', 'onion', gen_random_uuid())"
FENCE = "INSERT INTO ops.customer_fences (provider, customer_id, epoch) VALUES ('faults', 'fence-1', 4)"

FORGERIES = (
    ("DELETE FROM ledger.events WHERE notification_id = 3", "gap in the ledger: 2 is followed by 4", "a part of it"),
    ("DELETE FROM ledger.events WHERE notification_id >= 5", "it is not on the ledger", "tail saw 6 facts"),
    ("UPDATE ledger.events SET originator_version = 5 WHERE notification_id = 4", "has 5 at 4, in place of 2"),
    (DOUBLE, "is there 2 times"),
    (SWAP, "says that it is at", "in place of"),
    (RENAME, f"nobody asked for video.created {FORGED}"),
    (CLAIM, "claims without their facts"),
    (FENCE, "the fences stand at {'fence-1': 4}"),
)
"""What is done behind the ledger's back, and what must be said of it."""


async def recorded(database: str, folder: Path) -> tuple[Run, list[UUID]]:
    """Three appends of two facts each, as a writer keeps them."""
    ids: list[UUID] = []
    dice = Random(1)  # noqa: S311 - a story
    async with ledger_house(database) as house:
        with Journal(folder / "writer.jsonl") as journal:
            for number in range(3):
                video = uuid4()
                facts = [video_fact(video, version, dice) for version in range(2)]
                ids += [fact.fact_id for fact in facts]
                journal.write(Asked(number, tuple(fact.fact_id for fact in facts), alone=True))
                position = await house.ledger.append(Write(video, 0, facts))
                journal.write(Answered(number, "recorded", 0.01, position))
    run = Run(folder / "writer.jsonl")
    run.read()
    return run, ids


def verdict(database: str, run: Run, ids: list[UUID]) -> str:
    """All that is said, in one text."""
    with psycopg.connect(database, autocommit=True) as connection:
        ledger = Snapshot(connection)
    said = ledger.troubles() + run.judged(ledger, run.answered) + judge_rows([run], ledger)
    return "\n".join(said + judge_strangers([run], ledger, after=0) + judge_tail("tail", ids, ledger))


@contextmanager
def forging(database: str) -> Iterator[psycopg.Connection]:
    """Nobody keeps the ledger from being changed."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        yield connection


async def test_of_a_ledger_that_is_as_it_was_written_there_is_nothing_to_say(database: str, tmp_path: Path) -> None:
    run, ids = await recorded(database, tmp_path)
    assert verdict(database, run, ids) == ""


@pytest.mark.parametrize(("forgery", "said"), [(forgery, said) for forgery, *words in FORGERIES for said in words])
async def test_what_was_changed_behind_the_ledgers_back_is_found(
    database: str, tmp_path: Path, forgery: str, said: str
) -> None:
    run, ids = await recorded(database, tmp_path)
    with forging(database) as connection:
        connection.execute(forgery.encode())
    assert said in verdict(database, run, ids)


async def test_an_answer_that_was_not_true_is_found(database: str, tmp_path: Path) -> None:
    run, ids = await recorded(database, tmp_path)
    run.answered[0] = Answered(0, "unavailable", 0.01)
    run.answered[1] = Answered(1, "recorded", 0.01, position=3)
    run.asked[3] = Asked(3, (uuid4(),), alone=True)
    run.answered[3] = Answered(3, "refused", 0.01)
    found = verdict(database, run, ids)
    assert "it is on the ledger at [1, 2]" in found
    assert "it is on the ledger at [3, 4]" in found
    assert "a false conflict" in found


async def test_what_a_tail_saw_and_is_gone_is_found(database: str, tmp_path: Path) -> None:
    run, ids = await recorded(database, tmp_path)
    tail = tmp_path / "tail.seen"
    tail.write_bytes(b"".join(fact_id.bytes for fact_id in [*ids[:3], FORGED]) + b"half")
    assert f"tail saw {FORGED} at 4" in verdict(database, run, seen_by(tail))
