"""Where the generations of the read models stand: the rows of `ledger.read_models`, and how they change state."""

from typing import Any, Literal, NamedTuple

from psycopg import Cursor

from adapters.eventstore.tables import Generation
from adapters.postgres.listening import READ_MODELS, READ_MODELS_SWAPPED
from application.errors import ReadModelMoved
from application.projections.projection import Projection


class PositionMoved(Exception):
    """Somebody else brought the generation forward, or dropped it: nothing was written."""


class Fed(NamedTuple):
    """A generation that is live or kept, the version of its steps, how far it is, and what it could not take."""

    number: int
    version: int
    state: Literal["live", "kept"]
    position: int
    trouble: str | None


def known(cursor: Cursor[Any], projection: Projection) -> list[Fed]:
    """The live generation first, then the kept ones, the youngest first."""
    rows = cursor.execute(
        "SELECT generation, version, state, position, trouble FROM ledger.read_models"
        " WHERE name = %s AND state <> 'building' ORDER BY state = 'kept', kept_since DESC",
        (projection.name,),
        prepare=True,
    ).fetchall()
    return [Fed(*row) for row in rows]


def live_generation(cursor: Cursor[Any], projection: Projection) -> Fed | None:
    """The live one alone; None before the first."""
    found = known(cursor, projection)
    return found[0] if found and found[0].state == "live" else None


def hold(cursor: Cursor[Any], projection: Projection) -> None:
    """Until the transaction ends: no position of it moves, and nothing else is swapped in or dropped."""
    cursor.execute("SELECT FROM ledger.read_models WHERE name = %s ORDER BY generation FOR UPDATE", (projection.name,))


def begin(cursor: Cursor[Any], projection: Projection) -> Generation:
    """The next generation, which is to be built, under a number of its own. Its tables are made with their rows."""
    row = cursor.execute(
        "WITH next AS (INSERT INTO ledger.generation_numbers AS known (name, last) VALUES (%s, 1)"
        " ON CONFLICT (name) DO UPDATE SET last = known.last + 1 RETURNING name, last)"
        " INSERT INTO ledger.read_models (name, generation, version, inline, state, position)"
        " SELECT name, last, %s, %s, 'building', 0 FROM next RETURNING generation",
        (projection.name, projection.version, projection.inline),
    ).fetchone()
    assert row is not None, "an insert that returns"
    return Generation(projection, row[0])


def abandoned(cursor: Cursor[Any], projection: Projection) -> list[Generation]:
    """What rebuilds that were cut off have left; to be asked for by whoever holds the lock of the rebuild."""
    rows = cursor.execute(
        "SELECT generation FROM ledger.read_models WHERE name = %s AND state = 'building'", (projection.name,)
    ).fetchall()
    return [Generation(projection, number) for (number,) in rows]


def move(cursor: Cursor[Any], generation: Generation, at: int, to: int) -> None:
    """From one position to another, in the transaction that writes the rows; whoever waits for it hears of it.

    Raises PositionMoved.
    """
    moved = cursor.execute(
        "WITH moved AS (UPDATE ledger.read_models SET position = %s"
        " WHERE name = %s AND generation = %s AND position = %s RETURNING name)"
        " SELECT pg_notify(%s, '') FROM moved",
        (to, generation.projection.name, generation.number, at, READ_MODELS),
        prepare=True,
    ).rowcount
    if not moved:
        raise PositionMoved(f"{generation.schema} is not at {at} any more")


def show_progress(cursor: Cursor[Any], generation: Generation, position: int) -> None:
    """How far the first filling of a generation has come."""
    cursor.execute(
        "UPDATE ledger.read_models SET position = %s WHERE name = %s AND generation = %s",
        (position, generation.projection.name, generation.number),
        prepare=True,
    )


def applied(cursor: Cursor[Any], generation: Generation) -> int:
    """How far a generation is. Appends write those that are live or kept and of the live one's version: at the head."""
    row = cursor.execute(
        "SELECT CASE WHEN this.inline AND this.state <> 'building' AND this.version = live.version"
        " THEN (SELECT coalesce(max(notification_id), 0) FROM ledger.events) ELSE this.position END"
        " FROM ledger.read_models this"
        " LEFT JOIN ledger.read_models live ON live.name = this.name AND live.state = 'live'"
        " WHERE this.name = %s AND this.generation = %s",
        (generation.projection.name, generation.number),
    ).fetchone()
    assert row is not None, "its row is there for as long as the lock of the rebuild is held"
    return int(row[0])


def make_live(cursor: Cursor[Any], generation: Generation, reached: int) -> None:
    """In place of the one that is live, which is kept; a rebuild that was asked for has been done by this.

    `reached` is the ledger's head where appends write the read model, whose lock is held. From here on they may write
    other generations than before, and so the position of each that they have written is set down.
    """
    projection = generation.projection
    cursor.execute(
        "UPDATE ledger.read_models this SET position = %s FROM ledger.read_models live"
        " WHERE this.name = %s AND live.name = this.name AND live.state = 'live' AND this.inline"
        " AND this.state <> 'building' AND this.version = live.version",
        (reached, projection.name),
    )
    cursor.execute(
        "UPDATE ledger.read_models SET state = 'kept', kept_since = now(), rebuild_requested_at = NULL,"
        " rebuild_error = NULL"
        " WHERE name = %s AND state = 'live'",
        (projection.name,),
    )
    cursor.execute(
        "UPDATE ledger.read_models SET state = 'live', kept_since = NULL WHERE name = %s AND generation = %s",
        (projection.name, generation.number),
    )
    # One that was kept while another version was written is not in step, though it is of the version written now.
    cursor.execute(
        "UPDATE ledger.read_models SET version = 0"
        " WHERE name = %s AND inline AND state = 'kept' AND version = %s AND position < %s",
        (projection.name, projection.version, reached),
    )
    cursor.execute("SELECT pg_notify(%s, %s)", (READ_MODELS_SWAPPED, projection.name))


def forget(cursor: Cursor[Any], generation: Generation) -> None:
    """Drop the row and the tables of a generation; one that is live stays."""
    forgotten = cursor.execute(
        "DELETE FROM ledger.read_models WHERE name = %s AND generation = %s AND state <> 'live'",
        (generation.projection.name, generation.number),
    ).rowcount
    if forgotten:
        generation.drop(cursor)


def refuse_newer(live: Fed | None, projection: Projection) -> None:
    """A read model is never rebuilt by older rules while processes with newer ones may run. Raises ReadModelMoved."""
    if live and live.version > projection.version:
        go_back = f"UPDATE ledger.read_models SET version = 0 WHERE state = 'live' AND name = '{projection.name}'"  # noqa: S608 - shown
        raise ReadModelMoved(
            f"The read model {projection.name} is of version {live.version}, and this program, which is older, of"
            f" version {projection.version}. Start the newer; or, to go back, stop it everywhere, and then, with this"
            f" one: streamly projections rollback {projection.name}; where none was kept: {go_back}"
        )


def refuse_other_version(projection: Projection, version: int) -> None:
    """Only processes with the rules by which it was built go on with it. Raises ReadModelMoved."""
    if version != projection.version:
        raise ReadModelMoved(
            f"The read model {projection.name} is of version {version} by now, and this process, which is older,"
            f" of version {projection.version}: restart it as the newer release."
        )


def head(cursor: Cursor[Any]) -> int:
    """The position of the newest fact; 0 on an empty ledger."""
    row = cursor.execute("SELECT coalesce(max(notification_id), 0) FROM ledger.events").fetchone()
    assert row is not None, "an aggregate always gives one row"
    return int(row[0])
