"""Who is playing what, in Postgres; heartbeats and looks at live sessions go in batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.pool import Pool
from application.ports.play_sessions import Playing, PlaySession

# The new session begins where the last one was left, so that opening a video for a moment loses no place in it.
START = """
    WITH left_at AS (
        SELECT position_seconds FROM ops.play_sessions
        WHERE account_id = %(account_id)s AND video_id = %(video_id)s
        ORDER BY last_seen_at DESC LIMIT 1
    )
    INSERT INTO ops.play_sessions
        (session_id, account_id, video_id, device_id, sign_in_id, started_at, ends_at, last_seen_at, position_seconds)
    VALUES
        (%(session_id)s, %(account_id)s, %(video_id)s, %(device_id)s, %(sign_in_id)s, %(started_at)s, %(ends_at)s,
         %(started_at)s, coalesce((SELECT position_seconds FROM left_at), 0))
    RETURNING position_seconds
"""

# Rows are locked in one order, so that two batches wait for each other and not in a circle.
BEAT = """
    WITH live AS (
        SELECT sessions.session_id, beats.now, beats.position_seconds
        FROM unnest(%b::uuid[], %b::uuid[], %b::float8[], %b::timestamptz[])
            AS beats (session_id, account_id, position_seconds, now)
        JOIN ops.play_sessions AS sessions ON sessions.session_id = beats.session_id
            AND sessions.account_id IS NOT DISTINCT FROM beats.account_id
        WHERE ended_at IS NULL AND ends_at > beats.now
        ORDER BY sessions.session_id FOR UPDATE OF sessions
    )
    UPDATE ops.play_sessions SET last_seen_at = live.now, position_seconds = live.position_seconds
    FROM live WHERE play_sessions.session_id = live.session_id
    RETURNING play_sessions.session_id, account_id
"""

END = """
    UPDATE ops.play_sessions SET ended_at = %(now)s
    WHERE session_id = %(session_id)s AND account_id IS NOT DISTINCT FROM %(account_id)s
        AND ended_at IS NULL AND ends_at > %(now)s
"""

LIVE = """
    SELECT playing.session_id, playing.ends_at, playing.account_id, playing.video_id, sign_in.epoch
    FROM ops.play_sessions AS playing LEFT JOIN ops.sessions AS sign_in ON sign_in.session_id = playing.sign_in_id
    WHERE playing.session_id = ANY(%b) AND playing.ended_at IS NULL
        AND (playing.sign_in_id IS NULL OR (sign_in.session_id IS NOT NULL AND sign_in.ended_at IS NULL))
"""


class Beat(NamedTuple):
    """One heartbeat."""

    session_id: UUID
    account_id: UUID | None
    position_seconds: float
    now: datetime


class Unended(NamedTuple):
    """A session that nobody has ended; it ends by itself at `ends_at`."""

    ends_at: datetime
    playing: Playing


class PostgresPlaySessions:
    """Each piece of a video is served to a live session only, so `live` is asked all the time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._beats = Gathering(self._write_beats, rounds=1)
        self._live = Gathering(self._read_live, rounds=2)

    async def start(self, session: PlaySession) -> float:
        """The second at which this account left the video, whatever device it was seen on last."""
        values = {name: getattr(session, name) for name in session.__struct_fields__}
        async with connected(self._pool) as connection:
            cursor = await connection.execute(START, values)
            row = await cursor.fetchone()
        assert row is not None, "an insert that returns"
        return float(row[0])

    async def beat(self, session_id: UUID, account_id: UUID | None, *, position_seconds: float, now: datetime) -> bool:
        return await self._beats.ask(Beat(session_id, account_id, float(position_seconds), now))

    async def end(self, session_id: UUID, account_id: UUID | None, *, now: datetime) -> bool:
        async with connected(self._pool) as connection:
            values = {"session_id": session_id, "account_id": account_id, "now": now}
            return (await connection.execute(END, values)).rowcount == 1

    async def live(self, session_id: UUID, *, now: datetime) -> Playing | None:
        row = await self._live.ask(session_id)
        return row.playing if row is not None and row.ends_at > now else None

    async def _write_beats(self, beats: Sequence[Beat]) -> list[bool]:
        """Of several beats of one session the last one counts."""
        last = {beat[:2]: beat for beat in beats}
        columns = [list(column) for column in zip(*last.values(), strict=True)]
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(BEAT, columns, prepare=True)
            written = set(await cursor.fetchall())
        return [beat[:2] in written for beat in beats]

    async def _read_live(self, session_ids: Sequence[UUID]) -> list[Unended | None]:
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(LIVE, (list(session_ids),), prepare=True)
            found = {row[0]: Unended(row[1], Playing(*row[2:])) for row in await cursor.fetchall()}
        return [found.get(session_id) for session_id in session_ids]
