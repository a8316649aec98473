"""Where the generations of the read models stand: the rows of `ledger.read_models`."""

from typing import Any, Literal, NamedTuple

import msgspec
from psycopg import Cursor

from adapters.eventstore.tables import Generation
from application.projections.projection import Projection


class Live(NamedTuple):
    """The generation that is shown, the version of its steps, how far it is, and what it stopped at, if anything."""

    generation: int
    version: int
    position: int
    trouble: str | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a live read model stands; `lag` in facts behind the ledger's head."""

    name: str
    generation: int
    version: int
    position: int
    lag: int
    state: Literal["live", "degraded"]
    trouble: str | None


def statuses(cursor: Cursor[Any]) -> list[Status]:
    """Every live read model, by name."""
    rows = cursor.execute(
        "SELECT name, generation, version, position, trouble FROM ledger.read_models WHERE live ORDER BY name"
    ).fetchall()
    reached = head(cursor)
    return [_status(Live(*row[1:]), row[0], reached) for row in rows]


def _status(live: Live, name: str, reached: int) -> Status:
    return Status(
        name=name,
        generation=live.generation,
        version=live.version,
        position=live.position,
        lag=max(0, reached - live.position),
        state="degraded" if live.trouble else "live",
        trouble=live.trouble,
    )


def live_generation(cursor: Cursor[Any], projection: Projection) -> Live | None:
    """The live generation, held until the transaction ends: whoever advances or swaps it takes turns."""
    row = cursor.execute(
        "SELECT generation, version, position, trouble FROM ledger.read_models WHERE name = %s AND live FOR UPDATE",
        (projection.name,),
    ).fetchone()
    return Live(*row) if row else None


def move(cursor: Cursor[Any], generation: Generation, to: int) -> None:
    cursor.execute(
        "UPDATE ledger.read_models SET position = %s WHERE name = %s AND generation = %s",
        (to, generation.projection.name, generation.number),
        prepare=True,
    )


def position_of(cursor: Cursor[Any], generation: Generation) -> int:
    row = cursor.execute(
        "SELECT position FROM ledger.read_models WHERE name = %s AND generation = %s",
        (generation.projection.name, generation.number),
    ).fetchone()
    assert row is not None, "a generation that is being built has its row"
    return int(row[0])


def head(cursor: Cursor[Any]) -> int:
    row = cursor.execute("SELECT coalesce(max(notification_id), 0) FROM ledger.events").fetchone()
    assert row is not None, "an aggregate always gives one row"
    return int(row[0])
