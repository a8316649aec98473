"""Who is playing what, in Postgres; starts, heartbeats and looks at live sessions go in batches."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import LiteralString, NamedTuple
from uuid import UUID

import msgspec

from adapters.postgres.arrays import booleans, instants, texts, uuids
from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.pool import Pool
from application.ports.play_sessions import SILENCE_MAX, Playing, PlaySession, Stream, StreamLimit, StreamsTaken

STREAMS_DECODER = msgspec.json.Decoder(tuple[Stream, ...])

# The new session begins where the last one was left, so that opening a video for a moment loses no place in it.
START = """
    INSERT INTO ops.play_sessions
        (session_id, account_id, video_id, device_id, sign_in_id, started_at, ends_at, last_seen_at, position_seconds)
    SELECT starts.*, started_at, coalesce((
        SELECT position_seconds FROM ops.play_sessions AS former
        WHERE former.account_id = starts.account_id AND former.video_id = starts.video_id
        ORDER BY last_seen_at DESC LIMIT 1
    ), 0)
    FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::timestamptz[], %b::timestamptz[])
        AS starts (session_id, account_id, video_id, device_id, sign_in_id, started_at, ends_at)
    RETURNING session_id, position_seconds
"""

# Apart from the others, since it costs more: it takes the accounts' locks, and ends what played on the devices before.
START_ON_DEVICE = "SELECT started, resume_at_seconds FROM ops.start_plays_on_devices(%b, %b, %b, %b, %b, %b, %b)"

# The migration that makes the function says how starts at one moment are kept apart.
START_COUNTED = """
    SELECT started, resume_at_seconds, in_the_way
    FROM ops.start_counted_plays(%b, %b, %b, %b, %b, %b, %b, %b::integer[], %b, %b)
"""

# Rows are locked in one order, so that two batches wait for each other and not in a circle.
BEAT = """
    WITH live AS (
        SELECT sessions.session_id, beats.now, beats.position_seconds
        FROM unnest(%b::uuid[], %b::uuid[], %b::float8[], %b::timestamptz[])
            AS beats (session_id, account_id, position_seconds, now)
        JOIN ops.play_sessions AS sessions ON sessions.session_id = beats.session_id
            AND sessions.account_id IS NOT DISTINCT FROM beats.account_id
        WHERE ended_at IS NULL AND ends_at > beats.now AND last_seen_at > beats.now - %b::interval
        ORDER BY sessions.session_id FOR UPDATE OF sessions
    )
    UPDATE ops.play_sessions SET last_seen_at = live.now, position_seconds = live.position_seconds
    FROM live WHERE play_sessions.session_id = live.session_id
    RETURNING play_sessions.session_id, account_id
"""

END = """
    UPDATE ops.play_sessions SET ended_at = %(now)s
    WHERE session_id = %(session_id)s AND account_id IS NOT DISTINCT FROM %(account_id)s
        AND ended_at IS NULL AND ends_at > %(now)s AND last_seen_at > %(now)s - %(silence_max)s::interval
"""

LIVE = """
    SELECT playing.session_id, least(playing.ends_at, playing.last_seen_at + %b::interval),
        playing.account_id, playing.video_id, sign_in.epoch
    FROM ops.play_sessions AS playing LEFT JOIN ops.sessions AS sign_in ON sign_in.session_id = playing.sign_in_id
    WHERE playing.session_id = ANY(%b) AND playing.ended_at IS NULL
        AND (playing.sign_in_id IS NULL OR (sign_in.session_id IS NOT NULL AND sign_in.ended_at IS NULL))
"""


class CountedStart(NamedTuple):
    """A session to be started, and the limit that it counts against."""

    session: PlaySession
    limit: StreamLimit


class Beat(NamedTuple):
    """One heartbeat."""

    session_id: UUID
    account_id: UUID | None
    position_seconds: float
    now: datetime


class Unended(NamedTuple):
    """A session that nobody has ended; it ends by itself at `ends_at`, unless there is a beat where it may go on."""

    ends_at: datetime
    playing: Playing


class PostgresPlaySessions:
    """Each piece of a video is served to a live session only, so `live` is asked all the time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # One round of each: fewer and larger statements (8 % less CPU to a play than with two), and whoever starts a
        # thousand at once keeps one connection busy, and not all.
        self._starts = Gathering(partial(self._write_starts, START), rounds=1)
        self._starts_on_devices = Gathering(partial(self._write_starts, START_ON_DEVICE), rounds=1)
        self._counted_starts = Gathering(self._write_counted_starts, rounds=1)
        self._beats = Gathering(self._write_beats, rounds=1)
        self._live = Gathering(self._read_live, rounds=2)

    async def start(self, session: PlaySession) -> float:
        """The second at which this account left the video, whatever device it was seen on last."""
        on_device = session.account_id is not None and session.device_id is not None
        return await (self._starts_on_devices if on_device else self._starts).ask(session)

    async def start_counted(self, session: PlaySession, limit: StreamLimit) -> float:
        answer = await self._counted_starts.ask(CountedStart(session, limit))
        if isinstance(answer, tuple):
            raise StreamsTaken(answer)
        return answer

    async def beat(self, session_id: UUID, account_id: UUID | None, *, position_seconds: float, now: datetime) -> bool:
        return await self._beats.ask(Beat(session_id, account_id, float(position_seconds), now))

    async def end(self, session_id: UUID, account_id: UUID | None, *, now: datetime) -> bool:
        async with connected(self._pool) as connection:
            values = {"session_id": session_id, "account_id": account_id, "now": now, "silence_max": SILENCE_MAX}
            return (await connection.execute(END, values)).rowcount == 1

    async def live(self, session_id: UUID, *, now: datetime) -> Playing | None:
        row = await self._live.ask(session_id)
        return row.playing if row is not None and row.ends_at > now else None

    async def _write_starts(self, statement: LiteralString, sessions: Sequence[PlaySession]) -> list[float]:
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(statement, _columns(sessions), prepare=True)
            resumed = dict(await cursor.fetchall())
        return [resumed[session.session_id] for session in sessions]

    async def _write_counted_starts(self, starts: Sequence[CountedStart]) -> list[float | tuple[Stream, ...]]:
        values = (
            *_columns([start.session for start in starts]),
            [start.limit.streams for start in starts],
            booleans(start.limit.evicts_oldest for start in starts),
            SILENCE_MAX,
        )
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(START_COUNTED, values, prepare=True)
            answers = {row[0]: _resumed_or_taken(*row[1:]) for row in await cursor.fetchall()}
        return [answers[start.session.session_id] for start in starts]

    async def _write_beats(self, beats: Sequence[Beat]) -> list[bool]:
        """Of several beats of one session the last one counts."""
        last = {beat[:2]: beat for beat in beats}
        columns = [list(column) for column in zip(*last.values(), strict=True)]
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(BEAT, [*columns, SILENCE_MAX], prepare=True)
            written = set(await cursor.fetchall())
        return [beat[:2] in written for beat in beats]

    async def _read_live(self, session_ids: Sequence[UUID]) -> list[Unended | None]:
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(LIVE, (SILENCE_MAX, list(session_ids)), prepare=True)
            found = {row[0]: Unended(row[1], Playing(*row[2:])) for row in await cursor.fetchall()}
        return [found.get(session_id) for session_id in session_ids]


def _columns(sessions: Sequence[PlaySession]) -> tuple[object, ...]:
    return (
        uuids(session.session_id for session in sessions),
        uuids(session.account_id for session in sessions),
        uuids(session.video_id for session in sessions),
        texts(session.device_id for session in sessions),
        uuids(session.sign_in_id for session in sessions),
        instants(session.started_at for session in sessions),
        instants(session.ends_at for session in sessions),
    )


def _resumed_or_taken(resume_at_seconds: float | None, in_the_way: str | None) -> float | tuple[Stream, ...]:
    if resume_at_seconds is not None:
        return resume_at_seconds
    return STREAMS_DECODER.decode(in_the_way or "[]")
