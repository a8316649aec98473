"""Who is playing what, in memory."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.memory.tables import MemoryTables, TableRow
from application.ports.play_sessions import Playing, PlaySession


@dataclass
class PlayRow:
    """A play session and how far it is."""

    session: PlaySession
    last_seen_at: datetime
    position_seconds: float
    ended: bool = False

    def is_live(self, now: datetime) -> bool:
        return not self.ended and self.session.ends_at > now


class MemoryPlaySessions:
    """Rows by session; those of sign-ins are in the tables."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._rows: dict[UUID, PlayRow] = {}

    async def start(self, session: PlaySession) -> float:
        left_at = self._left_at(session.account_id, session.video_id)
        self._rows[session.session_id] = PlayRow(session, session.started_at, left_at)
        return left_at

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
