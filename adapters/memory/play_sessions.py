"""Who is playing what, in memory."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.memory.tables import MemoryTables, TableRow
from application.ports.play_sessions import SILENCE_MAX, Playing, PlaySession, Stream, StreamLimit, StreamsTaken


@dataclass
class PlayRow:
    """A play session and how far it is."""

    session: PlaySession
    last_seen_at: datetime
    position_seconds: float
    counted: bool = False
    ended: bool = False

    def is_live(self, now: datetime) -> bool:
        return not self.ended and now < min(self.session.ends_at, self.last_seen_at + SILENCE_MAX)


class MemoryPlaySessions:
    """Rows by session; those of sign-ins are in the tables."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._rows: dict[UUID, PlayRow] = {}

    async def start(self, session: PlaySession) -> float:
        for row in self._rows.values():
            row.ended = row.ended or _is_on_the_device_of(session, row.session)
        return self._begin(session)

    def _begin(self, session: PlaySession) -> float:
        left_at = self._left_at(session.account_id, session.video_id)
        self._rows[session.session_id] = PlayRow(session, session.started_at, left_at)
        return left_at

    async def start_counted(self, session: PlaySession, limit: StreamLimit) -> float:
        others = self._others(session)
        if len(others) >= limit.streams and not limit.evicts_oldest:
            raise StreamsTaken(tuple(_stream(row) for row in others))
        kept = others[max(0, len(others) - limit.streams + 1) :]
        for row in self._counted(session):
            row.ended = row.ended or row not in kept
        resume_at_seconds = self._begin(session)
        self._rows[session.session_id].counted = True
        return resume_at_seconds

    def _counted(self, session: PlaySession) -> list[PlayRow]:
        return [row for row in self._rows.values() if row.counted and row.session.account_id == session.account_id]

    def _others(self, session: PlaySession) -> list[PlayRow]:
        """The live ones that are not on the same device, oldest first."""
        live = [
            row
            for row in self._counted(session)
            if row.is_live(session.started_at)
            and (session.device_id is None or row.session.device_id != session.device_id)
            and (row.session.sign_in_id is None or self._sign_in(row.session.sign_in_id) is not None)
        ]
        return sorted(live, key=lambda row: row.session.started_at)

    def _left_at(self, account_id: UUID | None, video_id: UUID) -> float:
        known = [
            row
            for row in self._rows.values()
            if account_id is not None and (row.session.account_id, row.session.video_id) == (account_id, video_id)
        ]
        return max(known, key=lambda row: row.last_seen_at).position_seconds if known else 0.0

    async def beat(self, session_id: UUID, account_id: UUID | None, *, position_seconds: float, now: datetime) -> bool:
        row = self._live(session_id, now)
        if row is None or row.session.account_id != account_id:
            return False
        row.position_seconds, row.last_seen_at = position_seconds, now
        return True

    async def end(self, session_id: UUID, account_id: UUID | None, *, now: datetime) -> bool:
        row = self._live(session_id, now)
        if row is None or row.session.account_id != account_id:
            return False
        row.ended = True
        return True

    async def live(self, session_id: UUID, *, now: datetime) -> Playing | None:
        row = self._live(session_id, now)
        if row is None:
            return None
        if row.session.sign_in_id is None:
            return Playing(row.session.account_id, row.session.video_id)
        sign_in = self._sign_in(row.session.sign_in_id)
        return Playing(row.session.account_id, row.session.video_id, sign_in["epoch"]) if sign_in else None

    def _sign_in(self, session_id: UUID) -> TableRow | None:
        return next(iter(self._tables.rows("sessions", session_id=session_id, ended=False)), None)

    def _live(self, session_id: UUID, now: datetime) -> PlayRow | None:
        row = self._rows.get(session_id)
        return row if row is not None and row.is_live(now) else None


def _is_on_the_device_of(session: PlaySession, former: PlaySession) -> bool:
    device = (session.account_id, session.device_id)
    return None not in device and device == (former.account_id, former.device_id)


def _stream(row: PlayRow) -> Stream:
    return Stream(
        session_id=row.session.session_id,
        video_id=row.session.video_id,
        device_id=row.session.device_id,
        started_at=row.session.started_at,
        last_seen_at=row.last_seen_at,
    )
