"""A ledger of any length, written by PostgreSQL itself: 10M facts in two minutes or so, byte for byte as we store them.

The JSON of each kind of fact is what FactMapper makes of one, with expressions in place of what differs; afterwards
some of the rows are read back and compared with what FactMapper makes of the same facts.
"""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import LiteralString, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composable, Composed, Literal

from adapters.eventstore.mapper import FactMapper, Placed
from benchmarks.films import BEGAN, LIFE, STEP, Lives, fact_of, film_id, told
from domain.shared.fact import Fact

STEPS_AT_ONCE = 25_000
COMPARED = 200

Connection = AsyncConnection[TupleRow]

SETTINGS: tuple[LiteralString, ...] = (
    "SET TimeZone = 'UTC'",
    "SET synchronous_commit = off",
    "SET enable_memoize = off",
    "SET maintenance_work_mem = '512MB'",
    "SET max_parallel_maintenance_workers = 2",
)

INDEXES = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(k.oid), k.conname
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
    WHERE i.indrelid = 'ledger.events'::regclass
"""

FILL = SQL("""
    INSERT INTO ledger.events (originator_id, originator_version, topic, state, notification_id, recorded_at)
    SELECT film::uuid, version + 1, CASE {topics} END, convert_to(CASE {states} END, 'UTF8'), position, recorded_at
    FROM generate_series({first}::bigint, {last}::bigint) AS step
    CROSS JOIN LATERAL
        (SELECT sum(least(greatest(step - o, 0), {films}))::bigint AS before FROM unnest({offsets}) AS o) AS earlier
    CROSS JOIN LATERAL
        (SELECT step - o AS number, v - 1 AS version, before + row_number() OVER (ORDER BY v) AS position
        FROM unnest({offsets}) WITH ORDINALITY AS t (o, v) WHERE step - o BETWEEN 0 AND {films} - 1) AS turn
    CROSS JOIN LATERAL
        (SELECT md5('film ' || number) AS film, md5('fact ' || position)::uuid::text AS fact,
        {began} + position * {step} AS recorded_at OFFSET 0) AS made
""")

# What differs from fact to fact, as it stands in the example, and what stands there instead.
FILM, NUMBER, POSITION, FACT = UUID(int=0xF11F << 100), 777_777, 555_555_555, UUID(int=0xFAC << 100)
MOMENT = datetime(1999, 9, 9, 9, 9, 9, 999_999, tzinfo=UTC)
DIFFERING: Mapping[str, LiteralString] = {
    str(FILM): "film::uuid",
    FILM.hex: "film",
    str(FACT): "fact",
    f"{1_203.48 + NUMBER:.2f}": "number + 1203.48",
    f"{734_003_200 + NUMBER}": "number + 734003200",
    f"{NUMBER}": "number",
    f"{POSITION}": "position",
    "1999-09-09T09:09:09.999999Z": """to_char(recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}


async def seed(dsn: str, lives: Lives) -> None:
    """Fill an empty ledger; cancelled, it ends the statement under way."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        for setting in SETTINGS:
            await connection.execute(setting)
        async with _without_indexes(connection):
            for first in range(0, lives.steps, STEPS_AT_ONCE):
                await connection.execute(fill(lives, first, min(first + STEPS_AT_ONCE, lives.steps) - 1))
        await check(connection, lives)
        # Or autovacuum does it, while something is measured.
        await connection.execute("VACUUM (ANALYZE) ledger.events")
        await connection.execute("CHECKPOINT")


@asynccontextmanager
async def _without_indexes(connection: Connection) -> AsyncIterator[None]:
    """They are made at the end, which is several times as quick."""
    found = await (await connection.execute(INDEXES)).fetchall()
    for index, _, _, constraint in found:
        drop = "ALTER TABLE ledger.events DROP CONSTRAINT {}" if constraint else "DROP INDEX ledger.{}"
        await connection.execute(SQL(drop).format(SQL(constraint or index)))
    yield
    for _, definition, rule, constraint in found:
        add = f"ALTER TABLE ledger.events ADD CONSTRAINT {constraint} {rule}" if constraint else definition
        await connection.execute(SQL(cast("LiteralString", add)))


def fill(lives: Lives, first: int, last: int) -> Composed:
    """The statement that records the facts of those steps."""
    examples = [_example(version) for version in range(5)]
    return FILL.format(
        topics=_by_version([Literal(example.tag()) for example in examples]),
        states=_by_version([_template(example) for example in examples]),
        first=Literal(first),
        last=Literal(last),
        films=Literal(lives.films),
        offsets=SQL("{}::bigint[]").format(Literal(list(lives.offsets))),
        began=Literal(BEGAN),
        step=Literal(STEP),
    )


def _example(version: int) -> Fact:
    return told(version, video_id=FILM, number=NUMBER, position=POSITION, recorded_at=MOMENT, fact_id=FACT)


def _by_version(values: list[Composable]) -> Composable:
    """The first three once, the last two in turns."""
    created, received, made_ready, published, unpublished = values
    return SQL(
        "WHEN version = 0 THEN {} WHEN version = 1 THEN {} WHEN version = 2 THEN {} "
        "WHEN version % 2 = 1 THEN {} ELSE {}"
    ).format(created, received, made_ready, published, unpublished)


def _template(example: Fact) -> Composable:
    """An expression that gives the JSON of a fact of this kind."""
    pieces: list[Composable | str] = [FactMapper().to_stored_event(Placed(FILM, 1, example, None)).state.decode()]
    for text, expression in DIFFERING.items():
        pieces = [part for piece in pieces for part in _replaced(piece, text, SQL("({})").format(SQL(expression)))]
    return SQL(" || ").join(Literal(piece) if isinstance(piece, str) else piece for piece in pieces)


def _replaced(piece: Composable | str, text: str, expression: Composable) -> list[Composable | str]:
    if not isinstance(piece, str):
        return [piece]
    first, *others = piece.split(text)
    return [first, *(part for other in others for part in (expression, other))]


async def check(connection: Connection, lives: Lives) -> None:
    """There are as many as there should be, and some of them, here and there, are what FactMapper makes."""
    ends = await connection.execute("SELECT count(*), min(notification_id), max(notification_id) FROM ledger.events")
    assert await ends.fetchone() == (lives.facts, 1, lives.facts), "positions without gaps"
    chance = random.Random(1)  # noqa: S311 - a sample, not a secret
    for _ in range(COMPARED):
        await _check_one(connection, lives, chance.randrange(lives.films), chance.randrange(LIFE))


async def _check_one(connection: Connection, lives: Lives, number: int, version: int) -> None:
    position = lives.position(number, version)
    fact = fact_of(number, version, position)
    stored = FactMapper().to_stored_event(Placed(film_id(number), version + 1, fact, None))
    row = await connection.execute(
        "SELECT topic, state, notification_id, recorded_at, account_id FROM ledger.events"
        " WHERE originator_id = %s AND originator_version = %s",
        (stored.originator_id, stored.originator_version),
    )
    expected = (stored.topic, stored.state, position, fact.recorded_at, None)
    assert await row.fetchone() == expected, f"fact {position} was not written as FactMapper writes it"
