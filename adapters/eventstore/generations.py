"""Where the generations of the read models stand: the rows of `ledger.read_models`."""

from typing import Any, Literal, NamedTuple

import msgspec
from psycopg import Cursor

from adapters.eventstore.tables import Generation
from application.errors import ReadModelMoved
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


def live_generation(cursor: Cursor[Any], projection: Projection, *, hold: bool = False) -> Live | None:
    """The live generation; with `hold` until the transaction ends: whoever advances or swaps it takes turns."""
    statement = "SELECT generation, version, position, trouble FROM ledger.read_models WHERE name = %s AND live"
    row = cursor.execute(statement + (" FOR UPDATE" if hold else ""), (projection.name,)).fetchone()
    return Live(*row) if row else None


def refuse_newer(live: Live | None, projection: Projection) -> None:
    """A read model is never rebuilt by older rules while processes with newer ones may run. Raises ReadModelMoved."""
    if live and live.version > projection.version:
        go_back = f"UPDATE ledger.read_models SET version = 0 WHERE live AND name = '{projection.name}'"  # noqa: S608 - shown
        raise ReadModelMoved(
            f"The read model {projection.name} is of version {live.version}, and this program, which is older, of"
            f" version {projection.version}. Start the newer; or, to go back, stop it everywhere, and then: {go_back}"
        )


def refuse_other_version(projection: Projection, version: int) -> None:
    """Only processes with the rules by which it was built go on with it. Raises ReadModelMoved."""
    if version != projection.version:
        raise ReadModelMoved(
            f"The read model {projection.name} is of version {version} by now, and this process, which is older,"
            f" of version {projection.version}: restart it as the newer release."
        )


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
